#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

const real scale = real(1.5);

std::vector<Resampling> resamplings() {
  std::vector<Resampling> all = {Resampling::inner_doubling()};
  for (const Resampling::Taps taps : {Resampling::average, Resampling::binomial}) {
    all.push_back(Resampling::valid(taps));
    all.push_back(Resampling::same(taps));
    for (const Resampling::Edge edge : {Resampling::zero, Resampling::nearest}) {  // as far beyond the edges as may be
      const int64_t most = taps == Resampling::average ? 1 : 3;
      all.push_back({taps, edge, most, most});
      all.push_back({taps, edge, 0, most});
      all.push_back({taps, edge, most, 0});
    }
  }
  return all;
}

std::string name(const Resampling &r, const Shape &x) {
  return (r.taps == Resampling::average ? "average" : "binomial") +
         std::string(r.edge == Resampling::zero ? ", zero" : ", nearest") + ", before " + std::to_string(r.before) +
         ", after " + std::to_string(r.after) + ", " + x.str();
}

// Every C that the kernels treat apart, odd and even sides, sides of one pixel, several frames and examples, a row that
// is longer than a line of the CPU's and channels that do not fit it.
const Shape shapes[] = {{1, 1, 1, 1, 1},   {1, 1, 1, 7, 1},  {1, 1, 6, 1, 3},  {2, 1, 5, 8, 1},    {1, 3, 8, 5, 2},
                        {2, 2, 7, 6, 3},   {1, 1, 2, 2, 3},  {1, 1, 9, 9, 4},  {3, 1, 4, 3, 5},    {1, 2, 3, 4, 8},
                        {1, 1, 6, 5, 17},  {1, 1, 5, 4, 24}, {1, 1, 4, 5, 64}, {1, 1, 3, 1100, 1}, {1, 1, 2, 601, 2},
                        {1, 1, 3, 40, 33}, {1, 1, 3, 5, 65}, {1, 1, 3, 4, 67}, {1, 1, 4, 3, 200}};

bool fits(const Resampling &r, const Shape &x) {
  return std::min(x.h, x.w) + r.before + r.after >= (r.taps == Resampling::average ? 2 : 4);
}

// Calls body(i, weight, position in x or -1 where it reads zero) for each of the window's elements of output (o, p).
void for_window(const Resampling &r, const Shape &x, int64_t o, int64_t p,
                const std::function<void(double weight, int64_t position)> &body) {
  const std::vector<double> tap = r.taps == Resampling::average ? std::vector<double>{1. / 2, 1. / 2}
                                                                : std::vector<double>{1. / 8, 3. / 8, 3. / 8, 1. / 8};
  for (int64_t i = 0; i < int64_t(tap.size()); ++i)
    for (int64_t j = 0; j < int64_t(tap.size()); ++j) {
      int64_t h = 2 * o - r.before + i, w = 2 * p - r.before + j;
      const bool outside = h < 0 || h >= x.h || w < 0 || w >= x.w;
      if (r.edge == Resampling::zero && outside) continue;
      h = std::min(std::max<int64_t>(h, 0), x.h - 1);
      w = std::min(std::max<int64_t>(w, 0), x.w - 1);
      body(tap[i] * tap[j], h * x.w + w);
    }
}

// Calls body(element of y, weight, element of x) for each product that downsample adds up.
void for_products(const Resampling &r, const Shape &x, const std::function<void(int64_t, double, int64_t)> &body) {
  const Shape y = r.reduced(x);
  for (int64_t picture = 0; picture < x.n * x.t; ++picture)
    for (int64_t o = 0; o < y.h; ++o)
      for (int64_t p = 0; p < y.w; ++p)
        for_window(r, x, o, p, [&](double weight, int64_t position) {
          for (int64_t c = 0; c < x.c; ++c)
            body(((picture * y.h + o) * y.w + p) * x.c + c, weight, (picture * x.h * x.w + position) * x.c + c);
        });
}

TEST(Resample, MatchesTheNaiveSum) {
  int compared = 0;
  for (const Resampling &r : resamplings())
    for (const Shape &shape : shapes) {
      if (!fits(r, shape)) continue;
      const Shape reduced = r.reduced(shape);
      const std::vector<real> a = random_values(shape.size(), 1), b = random_values(reduced.size(), 2);
      std::vector<double> down(b.size(), 0), up(a.size(), 0);
      for_products(r, shape, [&](int64_t output, double weight, int64_t input) {
        down[output] += scale * weight * a[input];
        up[input] += scale * weight * b[output];
      });
      const Guarded x(shape, a), y(reduced), dy(reduced, b), dx(shape);
      test_backend().downsample(x, r, scale, y);
      test_backend().upsample(dy, r, scale, dx);
      EXPECT_LE(relative_error(y.values(), down), tolerance) << name(r, shape);
      EXPECT_LE(relative_error(dx.values(), up), tolerance) << name(r, shape);
      ++compared;
    }
  EXPECT_GT(compared, 200);
}

// <y, downsample x> = <upsample y, x>, by the kernels alone.
TEST(Resample, EachIsTheAdjointOfTheOther) {
  for (const Resampling &r : resamplings())
    for (const Shape &shape : {Shape{2, 2, 7, 6, 3}, {1, 1, 9, 9, 4}, {1, 1, 1, 3, 5}}) {
      if (!fits(r, shape)) continue;
      const Shape reduced = r.reduced(shape);
      const std::vector<real> a = random_values(shape.size(), 3, 1), b = random_values(reduced.size(), 4, 1);
      const Guarded x(shape, a), y(reduced), dy(reduced, b), dx(shape);
      test_backend().downsample(x, r, scale, y);
      test_backend().upsample(dy, r, scale, dx);
      double left = 0, right = 0, size = 0;
      const std::vector<real> down = y.values(), up = dx.values();
      for (size_t i = 0; i < b.size(); ++i) left += double(b[i]) * down[i], size += std::fabs(double(b[i]) * down[i]);
      for (size_t i = 0; i < a.size(); ++i) right += double(a[i]) * up[i];
      EXPECT_GT(size, 0.1);
      EXPECT_NEAR(left, right, tolerance * size) << name(r, shape);
    }
}

// The taps' sum is 1, so a constant is kept wherever a whole window is there or the nearest element stands in for it.
TEST(Resample, ConstantsAreKept) {
  for (const Resampling &r : resamplings())
    for (const Shape &shape : {Shape{1, 1, 9, 8, 3}, {1, 2, 6, 7, 4}, {1, 1, 1, 5, 2}}) {
      if (!fits(r, shape)) continue;
      const Shape reduced = r.reduced(shape);
      const Guarded x(shape, std::vector<real>(shape.size(), 3)), y(reduced);
      test_backend().downsample(x, r, 1, y);
      const std::vector<real> got = y.values();
      ASSERT_EQ(int64_t(got.size()), reduced.size());
      const int64_t taps = r.taps == Resampling::average ? 2 : 4;
      const auto whole = [&](int64_t o, int64_t size) { return 2 * o >= r.before && 2 * o - r.before + taps <= size; };
      for (int64_t i = 0; i < reduced.size(); ++i) {
        const int64_t p = i / reduced.c % reduced.w, o = i / reduced.c / reduced.w % reduced.h;
        if (r.edge == Resampling::nearest || (whole(o, shape.h) && whole(p, shape.w)))
          EXPECT_NEAR(got[i], 3, 3 * tolerance) << name(r, shape) << " at " << o << ", " << p;
        else
          EXPECT_LT(got[i], 2.9) << name(r, shape) << " at " << o << ", " << p;
      }
    }
}

// Upsampling with scale 4, along one axis; the other has the weights' sum, 1 apart from rounding.
std::vector<double> enlarged(const Resampling &r, const std::vector<real> &row) {
  const Shape small = {1, 1, 2, int64_t(row.size()), 1}, large = r.enlarged(small);
  std::vector<real> twice = row;
  twice.insert(twice.end(), row.begin(), row.end());
  const Guarded y(small, twice), x(large);
  test_backend().upsample(y, r, 4, x);
  const std::vector<real> all = x.values();
  std::vector<double> first(all.begin(), all.begin() + large.w);
  for (int64_t h = 1; h < large.h; ++h)
    for (int64_t w = 0; w < large.w; ++w)
      EXPECT_NEAR(all[h * large.w + w], first[w], 100 * tolerance) << h << ", " << w;
  return first;
}

TEST(Resample, UpsamplingRepeatsOrInterpolates) {
  const std::vector<real> row = {16, 32, -8};
  EXPECT_EQ(enlarged(Resampling::valid(Resampling::average), row), (std::vector<double>{16, 16, 32, 32, -8, -8}));
  EXPECT_EQ(enlarged(Resampling::same(Resampling::average), row), (std::vector<double>{16, 16, 32, 32, -8, -8}));
  EXPECT_EQ(enlarged(Resampling::same(Resampling::binomial), row), (std::vector<double>{16, 20, 28, 22, 2, -8}));
  EXPECT_EQ(enlarged(Resampling::inner_doubling(), row), (std::vector<double>{20, 28, 22, 2}));
}

// One NaN reaches what reads it and nothing else, whatever stands in for the elements beyond an edge.
TEST(Resample, NanReachesTheWindowsThatReadIt) {
  const real nan = std::numeric_limits<real>::quiet_NaN();
  for (const Resampling &r : resamplings())
    for (const Shape &shape : {Shape{1, 1, 5, 6, 1}, {1, 1, 6, 5, 3}, {2, 1, 5, 5, 4}}) {
      const Shape reduced = r.reduced(shape);
      const auto check = [&](bool down, int64_t spoilt) {
        const Shape from = down ? shape : reduced, to = down ? reduced : shape;
        std::vector<real> values = random_values(from.size(), 5);
        values[spoilt] = nan;
        const Guarded in(from, values), out(to);
        if (down)
          test_backend().downsample(in, r, scale, out);
        else
          test_backend().upsample(in, r, scale, out);
        std::vector<bool> wanted(to.size(), false);
        for_products(r, shape, [&](int64_t output, double, int64_t input) {
          if ((down ? input : output) == spoilt) wanted[down ? output : input] = true;
        });
        const std::vector<real> got = out.values();
        ASSERT_EQ(got.size(), wanted.size());
        for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(std::isnan(got[i]), wanted[i]) << name(r, shape) << ", " << i;
      };
      for (const int64_t spoilt : {int64_t{0}, shape.size() / 2, shape.size() - 1}) check(true, spoilt);
      for (const int64_t spoilt : {int64_t{0}, reduced.size() / 2, reduced.size() - 1}) check(false, spoilt);
    }
}

// Kernels that take four channels at once give the same wherever a tensor begins, and touch nothing beside it.
TEST(Resample, TensorsMayBeginAnywhere) {
  const Resampling r = Resampling::same(Resampling::binomial);
  for (const int64_t channels : {1, 3, 4, 8}) {
    const Shape shape = {2, 1, 5, 6, channels}, reduced = r.reduced(shape);
    const auto run = [&](int64_t first) {
      const auto place = [&](const Shape &s, unsigned seed) {
        std::vector<real> values(s.size() + 8, real(-12345));
        const std::vector<real> inside = random_values(s.size(), seed);
        std::copy(inside.begin(), inside.end(), values.begin() + first);
        return Tensor(test_backend(), {1, 1, 1, 1, s.size() + 8}, values);
      };
      const Tensor x = place(shape, 1), y = place(reduced, 2), dx = place(shape, 3);
      test_backend().downsample({shape, x.data() + first}, r, scale, {reduced, y.data() + first});
      test_backend().upsample({reduced, y.data() + first}, r, scale, {shape, dx.data() + first});
      std::vector<real> out;
      for (const auto &[tensor, size] : {std::pair{&y, reduced.size()}, {&dx, shape.size()}}) {
        const std::vector<real> all = tensor->values();
        for (int64_t i = 0; i < int64_t(all.size()); ++i)
          if (i < first || i >= first + size)
            EXPECT_EQ(all[i], real(-12345)) << "beside the tensor";
          else
            out.push_back(all[i]);
      }
      return out;
    };
    const std::vector<real> aligned = run(0);
    for (const int64_t first : {1, 2, 4}) EXPECT_EQ(run(first), aligned) << channels << ", from element " << first;
  }
}

// More rows than the threads that a GPU is given at once.
TEST(Resample, ManySmallPictures) {
  const Resampling r = Resampling::valid(Resampling::average);
  const Shape shape = {600000, 1, 2, 2, 1}, reduced = r.reduced(shape);
  std::vector<real> values(shape.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = real(i / 4 % 1000);
  const Guarded x(shape, values), y(reduced), dx(shape);
  test_backend().downsample(x, r, 1, y);
  test_backend().upsample(y, r, 4, dx);
  const std::vector<real> got = y.values();
  ASSERT_EQ(got.size(), 600000u);
  for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], real(i % 1000)) << i;
  EXPECT_EQ(dx.values(), values);
}

// Size rules, spelled out: the constructors' comments.
TEST(Resample, ShapesFollowTheirRules) {
  const auto reduced = [](const Resampling &r, int64_t size) { return r.reduced({3, 2, size, size + 1, 5}); };
  for (int64_t n = 4; n < 12; ++n) {
    const int64_t h = n, w = n + 1;
    EXPECT_EQ(reduced(Resampling::valid(Resampling::average), n), (Shape{3, 2, h / 2, w / 2, 5}));
    EXPECT_EQ(reduced(Resampling::valid(Resampling::binomial), n), (Shape{3, 2, h / 2 - 1, w / 2 - 1, 5}));
    for (const Resampling::Taps taps : {Resampling::average, Resampling::binomial})
      EXPECT_EQ(reduced(Resampling::same(taps), n), (Shape{3, 2, (h + 1) / 2, (w + 1) / 2, 5}));
    EXPECT_EQ(reduced(Resampling::inner_doubling(), n), (Shape{3, 2, h / 2 + 1, w / 2 + 1, 5}));
    for (const Resampling::Taps taps : {Resampling::average, Resampling::binomial})
      EXPECT_EQ(Resampling::same(taps).enlarged({3, 2, h, w, 5}), (Shape{3, 2, 2 * h, 2 * w, 5}));
    EXPECT_EQ(Resampling::valid(Resampling::average).enlarged({3, 2, h, w, 5}), (Shape{3, 2, 2 * h, 2 * w, 5}));
    EXPECT_EQ(Resampling::valid(Resampling::binomial).enlarged({3, 2, h, w, 5}),
              (Shape{3, 2, 2 * h + 2, 2 * w + 2, 5}));
    EXPECT_EQ(Resampling::inner_doubling().enlarged({3, 2, h, w, 5}), (Shape{3, 2, 2 * h - 2, 2 * w - 2, 5}));
  }
  for (const Resampling &r : resamplings())
    for (int64_t n = 3; n < 8; ++n) {
      const Shape x = r.enlarged({1, 1, n, n, 1});
      EXPECT_EQ(x.h % 2, 0);
      EXPECT_EQ(r.reduced(x), (Shape{1, 1, n, n, 1})) << name(r, x);
    }
}

// Calls body, which must throw std::invalid_argument whose message has `part` in it.
void expect_refusal(const std::function<void()> &body, const std::string &part) {
  try {
    body();
    ADD_FAILURE() << "not refused: " << part;
  } catch (const std::invalid_argument &error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(Resample, RefusesShapesThatDoNotFit) {
  const Resampling r = Resampling::same(Resampling::binomial);
  const Guarded x({2, 1, 6, 6, 3}), wide({2, 1, 3, 4, 3}), channels({2, 1, 3, 3, 2}), examples({1, 1, 3, 3, 3});
  for (const Guarded *y : {&wide, &channels, &examples}) {
    expect_refusal([&] { test_backend().downsample(x, r, 1, *y); }, "downsample: shapes 2x1x3x3x3 and ");
    expect_refusal([&] { test_backend().upsample(*y, r, 1, x); }, "upsample: shapes 2x1x3x3x3 and ");
  }
  expect_refusal(
      [] {
        Resampling::valid(Resampling::binomial).reduced({1, 1, 3, 8, 1});
      },
      "a window of 4 does not fit into 3 elements");
  expect_refusal(
      [] {
        Resampling::valid(Resampling::average).reduced({1, 1, 8, 1, 1});
      },
      "a window of 2 does not fit into 1 elements");
  for (const auto &[before, after] : {std::pair<int64_t, int64_t>{4, 0}, {0, 4}, {-1, 0}, {0, -1}})
    expect_refusal(
        [before = before, after = after] {
          Resampling{Resampling::binomial, Resampling::zero, before, after}.reduced({1, 1, 8, 8, 1});
        },
        "from 0 to 3 elements beyond the edge");
  expect_refusal([] { Resampling::inner_doubling().reduced({1, 1, 0, 8, 1}); }, "no rows");
  expect_refusal([] { Resampling::inner_doubling().enlarged({1, 1, 1, 8, 1}); }, "1x1x1x8x1");
}

}  // namespace
}  // namespace coopnets
