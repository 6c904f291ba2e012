// The CPU's convolutions at sizes that make many tasks, blocks and splits, which are too large for the emulated GPU.
#include <gtest/gtest.h>

#include "cpu/cpu.h"
#include "numerics/helpers.h"
#include "numerics/naive_conv.h"

namespace coopnets {
namespace {

const Axis one;

const NaiveConv cases[] = {
    // 3x3 over pictures (winograd.cpp), padded and not; panels of one and of two vectors, whole and not
    {{3, 1, 28, 28, 16}, {one, {3, 1, 1, 1}, {3, 1, 1, 1}}, 16},
    {{1, 1, 30, 33, 16}, {one, {3, 1, 0, 0}, {3, 1, 0, 0}}, 32},
    {{1, 1, 64, 64, 32}, {one, {3, 1, 1, 1}, {3, 1, 1, 1}}, 16},
    {{2, 1, 31, 29, 24}, {one, {3, 1, 1, 1}, {3, 1, 1, 1}}, 40},
    {{1, 1, 9, 256, 64}, {one, {3, 1, 1, 1}, {3, 1, 1, 1}}, 64},
    {{1, 1, 40, 40, 20}, {one, {3, 1, 2, 0}, {3, 1, 0, 2}}, 20},
    {{24, 1, 8, 8, 16}, {one, {3, 1, 1, 1}, {3, 1, 1, 1}}, 32},
    {{90, 1, 4, 4, 24}, {one, {3, 1, 1, 1}, {3, 1, 1, 1}}, 24},
    // 3x2 likewise (lines.cpp)
    {{3, 1, 28, 28, 16}, {one, {3, 1, 1, 1}, {2, 1, 1, 0}}, 16},
    {{1, 1, 30, 33, 16}, {one, {3, 1, 0, 0}, {2, 1, 0, 0}}, 32},
    {{2, 1, 31, 29, 24}, {one, {3, 1, 1, 1}, {2, 1, 0, 1}}, 40},
    {{1, 1, 9, 256, 64}, {one, {3, 1, 1, 1}, {2, 1, 1, 0}}, 64},
    // small pictures, whose filters' gradient takes lines of several examples at a time
    {{24, 1, 8, 8, 16}, {one, {3, 1, 1, 1}, {2, 1, 1, 0}}, 32},
    {{24, 1, 16, 16, 16}, {one, {4, 2, 1, 1}, {4, 2, 1, 1}}, 32},
    // and pictures too small for it
    {{24, 1, 8, 8, 16}, {one, {4, 2, 1, 1}, {4, 2, 1, 1}}, 32},
    {{90, 1, 4, 4, 24}, {one, {3, 1, 1, 1}, {2, 1, 1, 0}}, 24},
    {{70, 1, 4, 5, 24}, {one, {2, 1, 0, 0}, {2, 1, 0, 0}}, 24},
    // a run of more steps than a block, runs shared by blocks, several blocks of columns
    {{1, 1, 12, 14, 400}, {one, {}, {3, 1, 1, 1}}, 300},
    {{1, 1, 20, 22, 30}, {one, {9, 1, 4, 4}, {7, 1, 3, 3}}, 50},
    {{1, 1, 16, 16, 64}, {one, {5, 2, 1, 2}, {5, 2, 1, 2}}, 128},
    // frames
    {{1, 6, 12, 13, 8}, {{3, 1, 0, 0}, {3, 1, 0, 0}, {3, 1, 0, 0}}, 20},
    {{2, 5, 12, 13, 8}, {{3, 2, 1, 1}, {5, 2, 1, 2}, {5, 2, 1, 2}}, 20},
};

struct CpuConv : testing::TestWithParam<size_t> {
  const NaiveConv &c = cases[GetParam()];
  const std::vector<real> x = random_values(c.x.size(), 1), w = random_values(c.w().size(), 2),
                          dy = random_values(c.y().size(), 3);
};

TEST_P(CpuConv, ThreeProductsAgreeWithTheNaiveOnes) {
  const auto naive_y = c.forward(x, w), naive_dx = c.backward_input(dy, w), naive_dw = c.backward_filter(x, dy);
  for (const CpuLevel &level : cpu_levels()) {
    SCOPED_TRACE(level.simd);
    const std::unique_ptr<Backend> backend = level.make_backend(3);
    Backend &b = *backend;
    const Tensor x_(b, c.x, x), w_(b, c.w(), w), dy_(b, c.y(), dy);
    Tensor y(b, c.y()), dx(b, c.x), dw(b, c.w());
    b.conv_forward(x_, w_, c.window, {}, y);
    EXPECT_LE(distance(y.values(), naive_y), 1e-5);
    b.conv_backward_input(dy_, w_, c.window, {}, dx);
    EXPECT_LE(distance(dx.values(), naive_dx), 1e-5);
    b.conv_backward_filter(x_, dy_, c.window, dw);
    EXPECT_LE(distance(dw.values(), naive_dw), 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, CpuConv, testing::Range<size_t>(0, std::size(cases)));

}  // namespace
}  // namespace coopnets
