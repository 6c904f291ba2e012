// 3x3 convolutions of stride 1 at sizes at which the CPU takes them by src/cpu/winograd.cpp.
#include "cpu/winograd.h"

#include "numerics/convolutions.h"

namespace coopnets {
namespace {

// Of the norm of the result. Sums of so many products in one order have up to half of it.
constexpr double bound = sizeof(real) == 4 ? 2e-6 : 4e-15;

NaiveConv three_by_three(const Shape &x, int64_t cout, const Axis &h, const Axis &w) { return {x, {{}, h, w}, cout}; }
const Axis valid = {3, 1, 0, 0}, same = {3, 1, 1, 1}, full = {3, 1, 2, 2};

const NaiveConv cases[] = {
    three_by_three({4, 1, 12, 16, 32}, 32, same, same),   // whole tiles, channels of whole vectors
    three_by_three({6, 1, 13, 11, 17}, 23, same, same),   // tiles that reach beyond the picture
    three_by_three({5, 1, 9, 30, 35}, 50, valid, valid),  // a panel of two vectors and one of one and two of 50
    three_by_three({2, 1, 22, 18, 40}, 16, full, full),
    three_by_three({9, 1, 7, 7, 24}, 3, same, same),  // fewer columns than a vector has lanes
    three_by_three({3, 1, 14, 13, 24}, 24, {3, 1, 0, 2}, {3, 1, 2, 0}),
    three_by_three({2, 1, 10, 16, 20}, 33, {3, 1, 4, 1}, {3, 1, 3, 5}),  // windows that see zeros alone
    three_by_three({1, 1, 8, 171, 16}, 70, same, same),                  // rows of several strips
    three_by_three({6, 1, 1, 1, 40}, 40, {3, 1, 6, 7}, {3, 1, 5, 6}),    // pictures of one pixel, far into padding
    three_by_three({6, 1, 1, 9, 33}, 17, {3, 1, 4, 4}, same),
    three_by_three({2, 3, 12, 12, 16}, 30, same, same),   // frames
    three_by_three({40, 1, 8, 8, 20}, 40, same, same),    // so many tiles that filters' gradients are several tasks'
    three_by_three({1, 1, 12, 20, 150}, 70, same, same),  // and so many columns
};

struct Winograd : testing::TestWithParam<size_t> {
  void SetUp() override {
    if (test_backend().info().name.rfind("cpu", 0) != 0) GTEST_SKIP() << "a way of the CPU";
  }
  const NaiveConv &c = cases[GetParam()];
  const std::vector<real> x = noise(c.x.size(), 1), w = noise(c.w().size(), 2), dy = noise(c.y().size(), 3);
};

// The sizes of a forward product without its numbers.
struct Sizes final : Product {
  explicit Sizes(const NaiveConv &c) {
    const auto axis = [](int64_t in, const Axis &a) { return WindowAxis{in, a.out(in), a.kernel, a.stride, a.before}; };
    windows = {nullptr, axis(c.x.t, c.window.t), axis(c.x.h, c.window.h), axis(c.x.w, c.window.w), c.x.c};
    rows = c.y().positions(), columns = c.cout, depth = windows.columns();
  }
  void pack_b(int64_t, int64_t, int64_t, int64_t, real *) const override {}
  void store(int64_t, int64_t, int64_t, int64_t, const real *, int64_t) const override {}
};

TEST_P(Winograd, IsTheWayOfTheseSizes) { EXPECT_TRUE(sizeof(real) == 8 || winograd_pays(Sizes(c))); }

TEST_P(Winograd, IsNearTheNaiveProducts) {
  EXPECT_LE(distance(forward(c, x, w), c.forward(x, w)), bound);
  EXPECT_LE(distance(backward_input(c, dy, w), c.backward_input(dy, w)), bound);
  EXPECT_LE(distance(backward_filter(c, x, dy), c.backward_filter(x, dy)), bound);
}

TEST_P(Winograd, Epilogues) { expect_epilogues(c, x, w, dy, activations[GetParam() % std::size(activations)]); }

// A tile is transformed with neighbours that its outputs do not see: they must leave nothing but rounding there.
TEST(WinogradTiles, HugeNeighboursAreNotSeen) {
  const NaiveConv c = cases[0];
  std::vector<real> x = noise(c.x.size(), 1);
  const std::vector<real> w = noise(c.w().size(), 2), without = forward(c, x, w);
  for (int64_t i = 0; i < c.x.c; ++i) x[i] = real(1e3);  // the first pixel of the first picture
  const std::vector<real> with = forward(c, x, w);
  for (size_t i = size_t(2 * c.cout); i < with.size(); ++i) {
    if (i / size_t(c.cout) < size_t(c.x.w + 2) && i / size_t(c.cout) >= size_t(c.x.w))
      continue;  // it is seen from there
    ASSERT_NEAR(with[i], without[i], sizeof(real) == 4 ? 0.05 : 1e-9) << "output " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Winograd, testing::Range<size_t>(0, std::size(cases)));

// Of several pictures each gets the very numbers that it gets alone.
TEST(WinogradTiles, PicturesDoNotDependOnThoseBesideThem) {
  if (test_backend().info().name.rfind("cpu", 0) != 0) GTEST_SKIP() << "a way of the CPU";
  NaiveConv c = three_by_three({5, 1, 9, 14, 24}, 40, same, same);
  const std::vector<real> x = noise(c.x.size(), 1), w = noise(c.w().size(), 2), together = forward(c, x, w);
  const auto picture = [](const std::vector<real> &all, int64_t i) {
    const auto size = ptrdiff_t(all.size() / 5);
    return std::vector<real>(all.begin() + i * size, all.begin() + (i + 1) * size);
  };
  c.x.n = 1;
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(forward(c, picture(x, i), w), picture(together, i)) << i;
}

// By how much it was faster where it was measured with AVX-512, and what stands against it where it is not.
TEST(WinogradRule, TakesWhatIsFasterByIt) {
  if (sizeof(real) != 4) GTEST_SKIP() << "measured in float";
  const auto pays = [](int64_t side, int64_t cin, int64_t cout) {
    return winograd_pays(Sizes(three_by_three({1, 1, side, side, cin}, cout, same, same)));
  };
  EXPECT_TRUE(pays(40, 48, 48));       // of 6 pictures 3.0
  EXPECT_TRUE(pays(28, 32, 32));       // of 48 pictures 2.5
  EXPECT_TRUE(pays(7, 64, 64));        // of 48 pictures 2.4, of one 1.0
  EXPECT_TRUE(pays(10, 96, 96));       // of 6 pictures 2.1, of one 1.3
  EXPECT_FALSE(pays(5, 64, 64));       // of 48 pictures 1.2: four tiles for 25 pixels
  EXPECT_FALSE(pays(4, 128, 128));     // of 48 pictures 2.8, of one 0.3: filters are transformed for one tile
  EXPECT_FALSE(pays(1, 64, 64));       // a tile a pixel
  EXPECT_FALSE(pays(28, 3, 64));       // less than a vector of channels
  EXPECT_FALSE(pays(64, 2048, 2048));  // 600 MB of filters
  const Axis five = {5, 1, 2, 2}, strided = {3, 2, 1, 1};
  EXPECT_FALSE(winograd_pays(Sizes(three_by_three({1, 1, 28, 28, 48}, 48, same, five))));
  EXPECT_FALSE(winograd_pays(Sizes(three_by_three({1, 1, 28, 28, 48}, 48, strided, same))));
  EXPECT_FALSE(winograd_pays(Sizes({{1, 3, 28, 28, 48}, {same, same, same}, 48})));
}

}  // namespace
}  // namespace coopnets
