#include <gtest/gtest.h>

#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

struct Case {
  Shape shape;
  int64_t groups;
};
// One position, one channel a group, one group, groups that lanes of 32 channels cut, sizes that end within a row and
// within a chunk.
const Case cases[] = {
    {{1, 1, 1, 1, 1}, 1},  {{5, 1, 1, 1, 6}, 2},     {{5, 1, 1, 1, 6}, 6},    {{2, 1, 3, 5, 3}, 1},
    {{2, 1, 3, 5, 3}, 3},  {{3, 2, 3, 3, 16}, 4},    {{2, 1, 9, 11, 30}, 5},  {{2, 1, 1, 3, 100}, 4},
    {{1, 1, 7, 6, 72}, 2}, {{9, 1, 2, 2, 12}, 3},    {{2, 1, 83, 101, 1}, 1}, {{1, 1, 61, 67, 6}, 3},
    {{2, 1, 9, 5, 48}, 8}, {{2, 1, 20, 21, 70}, 10},
};
const real epsilon = real(1e-3);

std::string name(const Case &of) { return of.shape.str() + " in " + std::to_string(of.groups); }

// The whole of backend.h's group norm in double, one element after the other.
struct Naive {
  Naive(const Case &of, const std::vector<real> &x)
      : of(of), elements(double(of.shape.example() / of.groups)), r(of.shape.n * of.groups), y(x.size()), dx(x.size()) {
    std::vector<double> mean(r.size());
    for (size_t i = 0; i < x.size(); ++i) mean[group(i)] += x[i];
    for (double &v : mean) v /= elements;
    for (size_t i = 0; i < x.size(); ++i) r[group(i)] += std::pow(x[i] - mean[group(i)], 2);
    for (double &v : r) v = 1 / std::sqrt(v / elements + epsilon);
    for (size_t i = 0; i < x.size(); ++i) y[i] = (x[i] - mean[group(i)]) * r[group(i)];
  }
  // By the chain rule through m and v: dv = sum -1/2 r^3 (x - m) dy, dm = -r sum dy, of which each x has its share.
  void backward(const std::vector<real> &dy) {
    std::vector<double> d_variance(r.size()), d_mean(r.size());
    for (size_t i = 0; i < y.size(); ++i) {
      const size_t g = group(i);
      d_variance[g] -= 0.5 * r[g] * r[g] * y[i] * dy[i];
      d_mean[g] -= r[g] * dy[i];
    }
    for (size_t i = 0; i < y.size(); ++i) {
      const size_t g = group(i);
      dx[i] = r[g] * dy[i] + (d_variance[g] * 2 * y[i] / r[g] + d_mean[g]) / elements;
    }
  }
  size_t group(size_t i) const {
    const size_t example = i / of.shape.example(), channel = i % of.shape.c;
    return example * of.groups + channel / (of.shape.c / of.groups);
  }

  Case of;
  double elements;
  std::vector<double> r, y, dx;
};

Shape deviations(const Case &of) { return {of.shape.n, 1, 1, 1, of.groups}; }

// An output that begins `first` elements late.
Guarded output(const Shape &shape, int64_t first) { return Guarded(shape, unwritten(shape), first); }

TEST(GroupNorm, MatchesTheNaiveStatement) {
  for (const Case &of : cases)
    for (const int64_t first : {0, 3}) {
      const std::vector<real> a = random_values(of.shape.size(), 1, 0.3, 2);
      const Naive naive(of, a);
      const Guarded x(of.shape, a, first), y = output(of.shape, first), r = output(deviations(of), first);
      test_backend().group_norm_forward(x, of.groups, epsilon, y, r);
      EXPECT_LE(relative_error(r.values(), naive.r), tolerance) << name(of);
      EXPECT_LE(relative_error(y.values(), naive.y), tolerance) << name(of);
      EXPECT_EQ(x.values(), a) << name(of);
    }
}

TEST(GroupNorm, GradientMatchesTheChainRule) {
  for (const Case &of : cases)
    for (const int64_t first : {0, 3}) {
      const std::vector<real> a = random_values(of.shape.size(), 1, 0.3, 2), g = random_values(of.shape.size(), 2, 0.5);
      Naive naive(of, a);
      naive.backward(g);
      const Guarded x(of.shape, a, first), y = output(of.shape, first), r = output(deviations(of), first);
      test_backend().group_norm_forward(x, of.groups, epsilon, y, r);
      const std::vector<real> given = y.values();
      const Guarded dy(of.shape, g, first), dx = output(of.shape, first);
      test_backend().group_norm_backward(y, dy, r, dx);
      // The terms of dx may cancel, in a group of one element wholly.
      double least = 0;
      for (size_t i = 0; i < g.size(); ++i) least = std::max(least, std::fabs(naive.r[naive.group(i)] * g[i]));
      EXPECT_LE(relative_error(dx.values(), naive.dx, least), tolerance) << name(of);
      EXPECT_EQ(y.values(), given) << name(of);
      EXPECT_EQ(dy.values(), g) << name(of);
      const std::vector<real> gradient = dx.values();
      test_backend().group_norm_backward(y, dy, r, dy);
      EXPECT_EQ(dy.values(), gradient) << "in place " << name(of);
    }
}

// E[x^2] - m^2 in float would have three digits left.
TEST(GroupNorm, VarianceSurvivesALargeMean) {
  const Case of{{2, 1, 40, 50, 6}, 2};
  const std::vector<real> a = random_values(of.shape.size(), 1, 500, 2);
  const Guarded x(of.shape, a), y(of.shape), r(deviations(of));
  test_backend().group_norm_forward(x, of.groups, epsilon, y, r);
  EXPECT_LE(relative_error(r.values(), Naive(of, a).r), tolerance);
}

// What other examples hold changes no bit.
TEST(GroupNorm, AnExampleIsNormalisedByItself) {
  const Case of{{3, 1, 9, 11, 12}, 3};
  const int64_t size = of.shape.example();
  std::vector<real> a = random_values(of.shape.size(), 1);
  std::vector<std::vector<real>> second;
  for (int change = 0; change < 2; ++change) {
    const Guarded x(of.shape, a), y(of.shape), r(deviations(of));
    test_backend().group_norm_forward(x, of.groups, epsilon, y, r);
    const std::vector<real> all = y.values();
    second.emplace_back(all.begin() + size, all.begin() + 2 * size);
    for (int64_t i = 0; i < size; ++i) a[i] = real(i), a[2 * size + i] = std::numeric_limits<real>::infinity();
  }
  EXPECT_EQ(second[0], second[1]);
}

TEST(GroupNorm, NanSpoilsItsGroupAlone) {
  const Case of{{2, 1, 3, 5, 6}, 3};
  const real nan = std::numeric_limits<real>::quiet_NaN();
  std::vector<real> a = random_values(of.shape.size(), 1), g = random_values(of.shape.size(), 2);
  a[90 + 6 + 3] = nan;  // of example 1, channel 3
  const Naive naive(of, a);
  const Guarded x(of.shape, a), y(of.shape), r(deviations(of)), dy(of.shape, g), dx(of.shape);
  test_backend().group_norm_forward(x, of.groups, epsilon, y, r);
  test_backend().group_norm_backward(y, dy, r, dx);
  for (const std::vector<real> &values : {y.values(), dx.values()}) {
    ASSERT_EQ(values.size(), a.size());
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(std::isnan(values[i]), naive.group(i) == 4) << i;
  }
}

TEST(GroupNorm, NoExamplesAreNoWork) {
  const Shape none{0, 1, 2, 2, 4};
  const Guarded x(none), y(none), r({0, 1, 1, 1, 2});
  test_backend().group_norm_forward(x, 2, epsilon, y, r);
  test_backend().group_norm_backward(y, x, r, x);
  EXPECT_TRUE(y.values().empty());
}

TEST(GroupNorm, RefusesDisagreeingShapes) {
  Backend &backend = test_backend();
  const Guarded x({2, 1, 1, 3, 4}), z({2, 1, 1, 4, 3}), two({2, 1, 1, 1, 2}), three({2, 1, 1, 1, 3}),
      alone({1, 1, 1, 1, 2}), rows({2, 1, 2, 1, 2}), empty({2, 1, 0, 3, 4}), nothing({2, 1, 1, 3, 0}),
      none({2, 1, 1, 1, 0});
  for (const int64_t groups : {int64_t{0}, int64_t{-2}, int64_t{3}, int64_t{8}, INT64_MIN})
    EXPECT_THROW(backend.group_norm_forward(x, groups, epsilon, x, two), std::invalid_argument) << groups;
  EXPECT_THROW(backend.group_norm_forward(x, 2, epsilon, z, two), std::invalid_argument);
  for (const Guarded *r : {&three, &alone, &rows, &none}) {
    EXPECT_THROW(backend.group_norm_forward(x, 2, epsilon, x, *r), std::invalid_argument);
    EXPECT_THROW(backend.group_norm_backward(x, x, *r, x), std::invalid_argument);
  }
  EXPECT_THROW(backend.group_norm_forward(empty, 2, epsilon, empty, two), std::invalid_argument);
  EXPECT_THROW(backend.group_norm_forward(nothing, 2, epsilon, nothing, two), std::invalid_argument);
  EXPECT_THROW(backend.group_norm_backward(x, z, two, x), std::invalid_argument);
  EXPECT_THROW(backend.group_norm_backward(x, x, two, z), std::invalid_argument);
  EXPECT_THROW(backend.group_norm_backward(z, x, two, x), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
