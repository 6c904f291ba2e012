// The CPU backend's results do not depend on its number of threads.
#include <gtest/gtest.h>

#include <cstring>

#include "cpu/cpu.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

namespace coopnets {
namespace {

struct Layer {
  Shape x;
  Window window;
  int64_t cout;
};

// Every route: many tiles, several column blocks, split depth, scattered bands, folded windows, lines, transformed tiles.
const Layer layers[] = {
    {{3, 1, 33, 31, 3}, {{}, {5, 2, 1, 2}, {5, 2, 1, 2}}, 64},
    {{1, 1, 70, 30, 3}, {{}, {7, 3, 3, 3}, {7, 3, 3, 3}}, 30},
    {{5, 1, 14, 14, 40}, {{}, {4, 2, 1, 1}, {4, 2, 1, 1}}, 72},
    {{2, 5, 9, 9, 18}, {{3, 2, 1, 1}, {3, 1, 1, 1}, {3, 1, 1, 1}}, 300},
    {{30, 1, 8, 8, 96}, {{}, {8, 1, 0, 0}, {8, 1, 0, 0}}, 10},
    {{1, 1, 1, 1, 5000}, {{}, {}, {}}, 3},
    {{2, 1, 64, 64, 24}, {{}, {3, 1, 1, 1}, {2, 1, 1, 0}}, 24},
    {{2, 1, 64, 64, 24}, {{}, {3, 1, 1, 1}, {3, 1, 1, 1}}, 24},
    {{9, 1, 27, 21, 35}, {{}, {3, 1, 1, 1}, {3, 1, 1, 1}}, 70},
    {{1, 1, 28, 28, 64}, {{}, {3, 1, 0, 0}, {3, 1, 0, 0}}, 64},
    {{1, 1, 40, 40, 40}, {{}, {9, 1, 4, 4}, {7, 1, 3, 3}}, 50},
    {{60, 1, 4, 4, 64}, {{}, {3, 1, 1, 1}, {3, 1, 1, 1}}, 64},
    {{60, 1, 8, 8, 64}, {{}, {3, 1, 1, 1}, {2, 1, 1, 0}}, 64},
    {{60, 1, 8, 8, 64}, {{}, {3, 1, 1, 1}, {3, 1, 1, 1}}, 64},
};

std::vector<std::vector<real>> results(int threads, const Layer &layer) {
  const auto backend = make_cpu_backend(threads);
  Backend &b = *backend;
  const Shape filters = filter_shape(layer.window, layer.x.c, layer.cout);
  const Shape out = layer.window.out(layer.x, layer.cout);
  Tensor x(b, layer.x), w(b, filters), dy(b, out), y(b, out), dx(b, layer.x), dw(b, filters);
  Tensor db(b, {1, 1, 1, 1, layer.cout}), in_bias(b, {1, 1, 1, 1, layer.x.c}), out_bias(b, {1, 1, 1, 1, layer.cout});
  int64_t index = 0;
  for (Tensor *t : {&x, &w, &dy, &in_bias, &out_bias}) b.fill_normal(*t, 0, 1, {1, Purpose::test}, index++);
  const Activation leaky = {Activation::leaky_relu, real(0.2)};
  b.conv_forward(x, w, layer.window, {out_bias, leaky}, y);
  b.conv_backward_input(dy, w, layer.window, {in_bias, leaky}, dx);
  b.conv_backward_filter(x, dy, layer.window, dw);
  b.bias_backward(dy, db);
  return {y.values(), dx.values(), dw.values(), db.values()};
}

TEST(CpuThreads, ConvolutionsAreBitIdentical) {
  for (const Layer &layer : layers) {
    const auto one = results(1, layer);
    for (const int threads : {2, 3, 5}) {
      const auto several = results(threads, layer);
      for (size_t i = 0; i < one.size(); ++i)
        EXPECT_EQ(std::memcmp(one[i].data(), several[i].data(), one[i].size() * sizeof(real)), 0)
            << "result " << i << " of input " << layer.x.str() << " on " << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace coopnets
