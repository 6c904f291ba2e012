// The convolutions of a backend against naive_conv.h, and relations that need no oracle.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "numerics/convolutions.h"

namespace coopnets {
namespace {

double dot(const std::vector<real> &a, const std::vector<real> &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * b[i];
  return sum;
}

// x; window as {kernel, stride, before, after} of t, h, w; Cout.
const NaiveConv cases[] = {
    // the first layers of pictures: few channels in
    {{2, 1, 13, 11, 1}, {{}, {4, 2, 1, 1}, {4, 2, 1, 2}}, 17},
    {{1, 1, 17, 16, 3}, {{}, {5, 2, 1, 2}, {5, 2, 1, 2}}, 20},
    {{1, 1, 26, 22, 3}, {{}, {15, 3, 7, 7}, {15, 3, 7, 7}}, 10},
    {{2, 1, 9, 8, 5}, {{}, {3, 1, 1, 1}, {2, 1, 0, 1}}, 3},
    {{1, 1, 60, 7, 2}, {{}, {3, 2, 1, 0}, {3, 2, 0, 1}}, 5},   // several bands of rows
    {{1, 1, 20, 40, 3}, {{}, {1, 1, 0, 0}, {5, 1, 2, 2}}, 8},  // filters from many rows
    {{1, 6, 8, 7, 3}, {{5, 2, 1, 2}, {5, 2, 1, 2}, {5, 2, 2, 2}}, 9},
    {{12, 1, 5, 5, 1}, {{}, {3, 2, 1, 1}, {3, 2, 1, 1}}, 1},
    {{2, 1, 5, 3, 1}, {{}, {3, 1, 0, 0}, {3, 1, 0, 0}}, 8},  // columns and channels together are still few
    {{1, 1, 6, 2, 2}, {{}, {3, 2, 0, 1}, {2, 1, 0, 0}}, 5},
    // inner layers
    {{2, 1, 7, 6, 17}, {{}, {3, 1, 1, 1}, {3, 1, 1, 1}}, 33},
    {{1, 1, 8, 9, 32}, {{}, {4, 2, 1, 1}, {5, 2, 2, 1}}, 48},
    {{3, 1, 5, 5, 100}, {{}, {2, 1, 2, 2}, {2, 1, 2, 2}}, 30},
    {{1, 5, 4, 4, 20}, {{4, 2, 1, 1}, {3, 1, 0, 2}, {3, 2, 3, 0}}, 18},
    {{1, 1, 12, 12, 16}, {{}, {9, 1, 4, 4}, {7, 1, 3, 3}}, 21},
    {{1, 1, 40, 40, 17}, {{}, {1, 1, 0, 0}, {1, 1, 0, 0}}, 5},  // one tap
    {{2, 1, 6, 7, 16}, {{}, {2, 3, 0, 1}, {1, 2, 0, 0}}, 8},    // positions that no window sees
    {{1, 7, 4, 4, 2}, {{2, 3, 0, 0}, {1, 3, 0, 0}, {2, 3, 1, 0}}, 4},
    {{1, 1, 3, 3, 18}, {{}, {2, 1, 3, 2}, {3, 2, 4, 3}}, 6},     // windows that see padding alone
    {{1, 2, 5, 3, 300}, {{}, {1, 1, 0, 0}, {3, 1, 0, 0}}, 270},  // several blocks of columns and of the depth
    {{1, 8, 1, 1, 30}, {{5, 2, 2, 2}, {}, {}}, 10},
    // lines of pictures: read in place, beside padded edges, in several blocks of the depth
    {{1, 1, 5, 28, 16}, {{}, {3, 1, 1, 1}, {3, 1, 1, 1}}, 16},
    {{2, 1, 4, 17, 32}, {{}, {3, 1, 0, 0}, {3, 1, 0, 0}}, 64},
    {{9, 1, 4, 5, 24}, {{}, {3, 1, 1, 1}, {3, 1, 1, 1}}, 40},
    {{1, 1, 9, 11, 24}, {{}, {9, 1, 4, 4}, {7, 1, 3, 3}}, 12},
    {{1, 1, 4, 8, 400}, {{}, {}, {3, 1, 1, 1}}, 30},
    {{1, 5, 6, 8, 5}, {{3, 1, 0, 0}, {3, 1, 0, 0}, {3, 2, 0, 0}}, 18},
    // fully connected, and deconvolutions from one position
    {{3, 1, 4, 4, 25}, {{}, {4, 1, 0, 0}, {4, 1, 0, 0}}, 100},
    {{1, 1, 9, 9, 33}, {{}, {9, 2, 0, 0}, {9, 2, 0, 0}}, 2},
    {{2, 1, 4, 4, 64}, {{}, {4, 1, 0, 0}, {4, 1, 0, 0}}, 7},
    {{2, 5, 6, 6, 4}, {{3, 2, 1, 1}, {6, 1, 0, 0}, {6, 1, 0, 0}}, 12},  // a whole picture, sliding in time
    {{2, 7, 6, 6, 5}, {{3, 2, 0, 0}, {6, 1, 0, 0}, {6, 1, 0, 0}}, 40},
    {{70, 1, 4, 4, 20}, {{}, {4, 1, 0, 0}, {4, 1, 0, 0}}, 29},  // more than one block of rows
    {{3, 5, 8, 8, 5}, {{3, 2, 1, 1}, {8, 1, 0, 0}, {8, 1, 0, 0}}, 32},
    {{2, 7, 8, 8, 5}, {{2, 3, 0, 1}, {8, 1, 0, 0}, {8, 1, 0, 0}}, 2},  // times that no window sees
    {{2, 1, 6, 6, 9}, {{}, {6, 1, 0, 0}, {6, 1, 0, 0}}, 57},
    {{9, 1, 1, 1, 300}, {{}, {}, {}}, 1},
    {{5, 1, 1, 1, 3}, {{}, {}, {}}, 1},
    {{1, 1, 1, 1, 1}, {{}, {}, {}}, 1},
    {{40, 1, 1, 1, 2100}, {{}, {}, {}}, 19},  // the depth split into parts
};

// Fifty windows that nobody chose, odd in every way: all three products and both epilogues against the naive ones.
TEST(Conv, RandomShapes) {
  uint64_t drawn = 0;
  const auto pick = [&drawn](int64_t least, int64_t most) {
    const uint64_t bits = random_block({2026, Purpose::sample}, drawn++, 0, 0).v[0];
    return least + int64_t(bits % uint64_t(most - least + 1));
  };
  for (int k = 0; k < 50; ++k) {
    const bool video = pick(0, 2) == 0;
    const auto axis = [&](int64_t in) {
      while (true) {  // until a window fits
        const Axis a{pick(1, 5), pick(1, 3), pick(0, 4), pick(0, 4)};
        if (in + a.before + a.after >= a.kernel) return a;
      }
    };
    NaiveConv c{{pick(1, 3), video ? pick(2, 5) : 1, pick(1, 13), pick(1, 13), pick(1, 37)}, {}, pick(1, 37)};
    if (video) c.window.t = axis(c.x.t);
    c.window.h = axis(c.x.h), c.window.w = axis(c.x.w);
    SCOPED_TRACE("case " + std::to_string(k) + ": x " + c.x.str() + ", w " + c.w().str() + ", y " + c.y().str());
    const std::vector<real> x = noise(c.x.size(), 1), w = noise(c.w().size(), 2), dy = noise(c.y().size(), 3);
    EXPECT_LE(distance(forward(c, x, w), c.forward(x, w)), rounding);
    EXPECT_LE(distance(backward_input(c, dy, w), c.backward_input(dy, w)), rounding);
    EXPECT_LE(distance(backward_filter(c, x, dy), c.backward_filter(x, dy)), rounding);
    expect_epilogues(c, x, w, dy, activations[k % 4]);
  }
}

struct ConvCase : testing::TestWithParam<size_t> {
  const NaiveConv &c = cases[GetParam()];
  std::vector<real> x = noise(c.x.size(), 1), w = noise(c.w().size(), 2), dy = noise(c.y().size(), 3);
};

TEST_P(ConvCase, Forward) { EXPECT_LE(distance(forward(c, x, w), c.forward(x, w)), rounding); }
TEST_P(ConvCase, BackwardInput) { EXPECT_LE(distance(backward_input(c, dy, w), c.backward_input(dy, w)), rounding); }
TEST_P(ConvCase, BackwardFilter) { EXPECT_LE(distance(backward_filter(c, x, dy), c.backward_filter(x, dy)), rounding); }

// <dy, conv x> = <deconv dy, x> = <dw, w>
TEST_P(ConvCase, Adjoint) {
  const std::vector<real> y = forward(c, x, w);
  const double scale = std::sqrt(dot(y, y) * dot(dy, dy)), product = dot(dy, y);
  EXPECT_LE(std::abs(dot(backward_input(c, dy, w), x) - product), rounding * scale);
  EXPECT_LE(std::abs(dot(backward_filter(c, x, dy), w) - product), rounding * scale);
}

TEST_P(ConvCase, BiasBackward) {
  Backend &b = test_backend();
  std::vector<double> expected(c.cout);
  for (size_t i = 0; i < dy.size(); ++i) expected[i % c.cout] += dy[i];
  Guarded db({1, 1, 1, 1, c.cout});
  b.bias_backward(Tensor(b, c.y(), dy), db);
  EXPECT_LE(distance(db.values(), expected), rounding);
}

TEST_P(ConvCase, Epilogue) { expect_epilogues(c, x, w, dy, activations[GetParam() % 4]); }

INSTANTIATE_TEST_SUITE_P(Shapes, ConvCase, testing::Range<size_t>(0, std::size(cases)));

// Rows of dx that no window sees get exactly the epilogue of 0.
TEST(Conv, UnseenPositionsGetTheEpilogueOfZero) {
  Backend &b = test_backend();
  for (const int64_t cin : {2, 40}) {
    const NaiveConv c = {{1, 1, 1, 8, cin}, {{}, {}, {2, 3, 0, 0}}, 4};  // windows over 0-1, 3-4, 6-7
    const std::vector<real> bias = noise(cin, 1);
    const Tensor bias_tensor(b, {1, 1, 1, 1, cin}, bias);
    const auto dx = backward_input(c, noise(c.y().size(), 2), noise(c.w().size(), 3),
                                   {bias_tensor, {Activation::leaky_relu, real(0.5)}});
    for (const int64_t w : {2, 5})
      for (int64_t i = 0; i < cin; ++i)
        EXPECT_EQ(dx[w * cin + i], bias[i] > 0 ? bias[i] : real(0.5) * bias[i]) << "column " << w;
  }
}

TEST(Conv, StrideIsSubsampledStrideOne) {
  const NaiveConv strided = {{2, 1, 11, 13, 6}, {{}, {3, 2, 1, 1}, {4, 3, 2, 1}}, 8};
  NaiveConv dense = strided;
  dense.window.h.stride = dense.window.w.stride = 1;
  const auto x = noise(strided.x.size(), 1), w = noise(strided.w().size(), 2);
  const auto y = forward(strided, x, w), all = forward(dense, x, w);
  const Shape s = strided.y(), d = dense.y();
  std::vector<real> picked;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t h = 0; h < s.h; ++h)
      for (int64_t v = 0; v < s.w; ++v)
        for (int64_t c = 0; c < 8; ++c) picked.push_back(all[((n * d.h + 2 * h) * d.w + 3 * v) * 8 + c]);
  EXPECT_LE(distance(y, picked), rounding);
}

TEST(Conv, PaddingIsACropOfALargerOne) {
  const NaiveConv small = {{1, 1, 6, 7, 5}, {{}, {3, 1, 1, 0}, {3, 1, 0, 2}}, 9};
  NaiveConv large = small;
  large.window.h.before += 2;
  large.window.w.after += 3;
  const auto x = noise(small.x.size(), 1), w = noise(small.w().size(), 2);
  const auto y = forward(small, x, w), all = forward(large, x, w);
  const Shape s = small.y(), l = large.y();
  std::vector<real> cropped;
  for (int64_t h = 0; h < s.h; ++h)
    for (int64_t v = 0; v < s.w; ++v)
      for (int64_t c = 0; c < 9; ++c) cropped.push_back(all[((h + 2) * l.w + v) * 9 + c]);
  EXPECT_LE(distance(y, cropped), rounding);
}

TEST(Conv, DepthOneIsTheFlatOneFrameByFrame) {
  const NaiveConv video = {{1, 3, 6, 7, 4}, {{}, {3, 2, 1, 1}, {3, 1, 1, 1}}, 20};
  NaiveConv pictures = video;
  pictures.x = {3, 1, 6, 7, 4};
  const auto x = noise(video.x.size(), 1), w = noise(video.w().size(), 2), dy = noise(video.y().size(), 3);
  EXPECT_LE(distance(forward(video, x, w), forward(pictures, x, w)), rounding);
  EXPECT_LE(distance(backward_input(video, dy, w), backward_input(pictures, dy, w)), rounding);
  EXPECT_LE(distance(backward_filter(video, x, dy), backward_filter(pictures, x, dy)), rounding);
}

TEST(Conv, ShapesThatDisagreeThrow) {
  Backend &b = test_backend();
  const Window window = {{}, {3, 1, 0, 0}, {3, 1, 0, 0}};
  Tensor x(b, {1, 1, 5, 5, 2}), w(b, {1, 3, 3, 2, 4}), y(b, {1, 1, 3, 3, 4}), wrong(b, {1, 1, 4, 3, 4});
  Tensor other(b, {1, 3, 3, 3, 4}), bias(b, {1, 1, 1, 1, 3});
  EXPECT_THROW(b.conv_forward(x, w, window, {}, wrong), std::invalid_argument);
  EXPECT_THROW(b.conv_forward(x, other, window, {}, y), std::invalid_argument);
  EXPECT_THROW(b.conv_forward(x, w, window, {bias, {}}, y), std::invalid_argument);
  EXPECT_THROW(b.conv_backward_input(wrong, w, window, {}, x), std::invalid_argument);
  EXPECT_THROW(b.conv_backward_input(y, w, window, {bias, {}}, x), std::invalid_argument);
  EXPECT_THROW(b.conv_forward(x, w, window, {{}, {}, {x, {}}}, y), std::invalid_argument);
  EXPECT_THROW(b.conv_backward_input(y, w, window, {{}, {}, {y, {}}}, x), std::invalid_argument);
  EXPECT_THROW(b.conv_backward_filter(x, y, window, other), std::invalid_argument);
  EXPECT_THROW(b.bias_backward(y, bias), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
