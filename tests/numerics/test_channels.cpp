#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

const Shape shapes[] = {{1, 1, 1, 1, 1},    {2, 1, 3, 5, 3},   {5, 1, 1, 1, 17},  {300, 1, 1, 1, 10},
                        {2, 1, 1, 3, 1000}, {3, 1, 37, 41, 5}, {1, 2, 31, 2, 70}, {1, 1, 1, 1, 8193}};

// x - ln sum e^x of each position, the largest x being taken out of the sum.
std::vector<double> naive_log_softmax(const std::vector<real> &x, int64_t channels) {
  std::vector<double> y(x.size());
  for (size_t p = 0; p < x.size(); p += channels) {
    double largest = x[p], sum = 0;
    for (int64_t c = 0; c < channels; ++c) largest = std::max(largest, double(x[p + c]));
    for (int64_t c = 0; c < channels; ++c) sum += std::exp(x[p + c] - largest);
    for (int64_t c = 0; c < channels; ++c) y[p + c] = x[p + c] - largest - std::log(sum);
  }
  return y;
}

// dy - e^y sum dy.
std::vector<double> naive_log_softmax_gradient(const std::vector<real> &y, const std::vector<real> &dy,
                                               int64_t channels) {
  std::vector<double> dx(y.size());
  for (size_t p = 0; p < y.size(); p += channels) {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) sum += dy[p + c];
    for (int64_t c = 0; c < channels; ++c) dx[p + c] = dy[p + c] - std::exp(double(y[p + c])) * sum;
  }
  return dx;
}

std::vector<double> naive_one_hot(const std::vector<real> &x, int64_t channels) {
  std::vector<double> y(x.size(), 0);
  for (size_t p = 0; p < x.size(); p += channels)
    y[std::max_element(x.begin() + p, x.begin() + p + channels) - x.begin()] = 1;  // the first of equal ones
  return y;
}

// Few different numbers, most of them negative, so that many are equal.
std::vector<real> numbers_with_ties(int64_t count, unsigned seed) {
  std::vector<real> values = random_values(count, seed, -2, 1);
  for (real &v : values) v = std::floor(v);
  return values;
}

TEST(Channels, CopiesSomeOfThem) {
  struct Copy {
    int64_t of, first, count, to, into;
  };
  for (const Copy &copy : {Copy{1, 0, 1, 1, 0},
                           {3, 1, 2, 5, 3},
                           {17, 0, 17, 17, 0},
                           {70, 65, 5, 5, 0},
                           {10, 0, 10, 13, 2},
                           {8, 4, 4, 8, 0},
                           {4, 4, 0, 3, 3}})
    for (const Shape &positions : {Shape{1, 1, 1, 1, 1}, Shape{2, 2, 3, 5, 1}, Shape{3, 1, 37, 41, 1}}) {
      Shape from = positions, to = positions;
      from.c = copy.of;
      to.c = copy.to;
      const std::vector<real> a = random_values(from.size(), 1);
      std::vector<real> wanted = random_values(to.size(), 2);
      const Guarded x(from, a), y(to, wanted);
      for (int64_t p = 0; p < positions.size(); ++p)
        std::copy_n(a.begin() + p * copy.of + copy.first, copy.count, wanted.begin() + p * copy.to + copy.into);
      test_backend().copy_channels(x, copy.first, copy.count, y, copy.into);
      EXPECT_EQ(y.values(), wanted) << from.str() << ' ' << to.str();
      EXPECT_EQ(x.values(), a);
    }
}

TEST(Channels, LogSoftmaxMatchesItsFormula) {
  Backend &backend = test_backend();
  for (const Shape &shape : shapes)
    for (const double deviation : {1., 10.}) {
      const std::vector<real> a = random_values(shape.size(), 1, 0, deviation), g = random_values(shape.size(), 2);
      const Guarded x(shape, a), y(shape), dy(shape, g), dx(shape);
      backend.log_softmax_forward(x, y);
      const std::vector<real> got = y.values();
      EXPECT_LE(relative_error(got, naive_log_softmax(a, shape.c), 1), tolerance) << shape.str();
      backend.log_softmax_backward(y, dy, dx);
      const std::vector<real> gradient = dx.values();
      EXPECT_LE(relative_error(gradient, naive_log_softmax_gradient(got, g, shape.c), 1), tolerance) << shape.str();
      EXPECT_EQ(x.values(), a);
      EXPECT_EQ(y.values(), got);
      EXPECT_EQ(dy.values(), g);
      backend.log_softmax_backward(y, dy, dy);  // in place of either
      EXPECT_EQ(dy.values(), gradient) << shape.str();
      backend.log_softmax_backward(y, Guarded(shape, g), y);
      EXPECT_EQ(y.values(), gradient) << shape.str();
    }
}

// No exponential of a logit overflows, and not all of them vanish. The rows' sums are known as well as such logits are.
TEST(Channels, LogSoftmaxTakesHugeLogits) {
  const Shape shape = {5, 1, 1, 1, 4};
  const std::vector<real> logits = {1000, -1000, 999,   real(998.5), -1000, -1000, -1000, -1000, 0,    1000,
                                    0,    -1000, -1001, -999,        -1000, -1002, 1000,  1000,  1000, 1000};
  const Guarded x(shape, logits), y(shape), dy(shape, random_values(shape.size(), 2)), dx(shape);
  test_backend().log_softmax_forward(x, y);
  const std::vector<real> got = y.values();
  EXPECT_LE(relative_error(got, naive_log_softmax(logits, 4)), tolerance);
  for (const real v : got) EXPECT_TRUE(std::isfinite(v));
  for (size_t row = 0; row < 5; ++row) {
    double sum = 0;
    for (size_t c = 0; c < 4; ++c) sum += std::exp(double(got[4 * row + c]));
    EXPECT_NEAR(sum, 1, 1000 * std::numeric_limits<real>::epsilon()) << row;
  }
  test_backend().log_softmax_backward(y, dy, dx);
  EXPECT_LE(relative_error(dx.values(), naive_log_softmax_gradient(got, dy.values(), 4), 1), tolerance);
}

TEST(Channels, RowsOfProbabilitiesSumToOne) {
  for (const Shape &shape : shapes) {
    const Guarded x(shape, random_values(shape.size(), 1, 5, 3)), y(shape);
    test_backend().log_softmax_forward(x, y);
    const std::vector<real> got = y.values();
    ASSERT_EQ(int64_t(got.size()), shape.size());
    for (int64_t p = 0; p < shape.positions(); ++p) {
      double sum = 0;
      for (int64_t c = 0; c < shape.c; ++c) sum += std::exp(double(got[p * shape.c + c]));
      ASSERT_NEAR(sum, 1, 4 * tolerance) << shape.str() << ' ' << p;
    }
  }
}

// A NaN spoils its position and no other.
TEST(Channels, LogSoftmaxPassesNanOn) {
  const Shape shape = {1, 1, 1, 5, 40};
  for (const int64_t spoilt : {80, 97, 119}) {
    std::vector<real> a = random_values(shape.size(), 1), fine = random_values(shape.size(), 2);
    a[spoilt] = std::numeric_limits<real>::quiet_NaN();
    const Guarded x(shape, a), y(shape), dy(shape, a), dx(shape);
    const auto expect_row = [](const std::vector<real> &values) {
      for (int64_t i = 0; i < int64_t(values.size()); ++i) EXPECT_EQ(std::isnan(values[i]), i / 40 == 2) << i;
    };
    test_backend().log_softmax_forward(x, y);
    expect_row(y.values());
    test_backend().log_softmax_backward(Guarded(shape, fine), dy, dx);
    expect_row(dx.values());
  }
}

TEST(Channels, OneHotMarksTheFirstLargest) {
  for (const Shape &shape : shapes)
    for (const std::vector<real> &a : {random_values(shape.size(), 1), random_values(shape.size(), 2, -100, 1),
                                       numbers_with_ties(shape.size(), 3), std::vector<real>(shape.size(), -7)}) {
      const Guarded x(shape, a), y(shape);
      test_backend().one_hot(x, y);
      EXPECT_EQ(relative_error(y.values(), naive_one_hot(a, shape.c)), 0) << shape.str();
      EXPECT_EQ(x.values(), a);
    }
  const Guarded x({1, 1, 1, 3, 3}, {-3, -1, -1, 5, 5, 4, -2, -2, -2}), y({1, 1, 1, 3, 3});
  test_backend().one_hot(x, y);
  EXPECT_EQ(y.values(), (std::vector<real>{0, 1, 0, 1, 0, 0, 1, 0, 0}));
}

TEST(Channels, MaxoutMatchesTheNaiveMaximum) {
  for (const Shape &y_shape : {Shape{1, 1, 1, 1, 1},
                               {2, 1, 3, 5, 3},
                               {5, 1, 1, 1, 17},
                               {1, 1, 1, 1, 1700},
                               {3, 1, 37, 41, 5},
                               {64, 1, 1, 1, 240}})
    for (const int64_t pieces : {1, 2, 5}) {
      Shape x_shape = y_shape;
      x_shape.c *= pieces;
      const std::vector<real> g = random_values(y_shape.size(), 2);
      for (const std::vector<real> &a : {random_values(x_shape.size(), 1), random_values(x_shape.size(), 2, -100, 1),
                                         numbers_with_ties(x_shape.size(), 3)}) {
        // The channels of a position lie side by side, so piece j of output i is input i pieces + j, whatever i's
        // position.
        std::vector<real> largest(y_shape.size()), gradient(x_shape.size(), 0);
        for (int64_t i = 0; i < y_shape.size(); ++i) {
          int64_t chosen = i * pieces;
          for (int64_t j = 1; j < pieces; ++j)
            if (a[i * pieces + j] > a[chosen]) chosen = i * pieces + j;
          largest[i] = a[chosen];
          gradient[chosen] = g[i];
        }
        const Guarded x(x_shape, a), y(y_shape), dy(y_shape, g), dx(x_shape);
        test_backend().maxout_forward(x, y);
        EXPECT_EQ(y.values(), largest) << y_shape.str() << ' ' << pieces;
        test_backend().maxout_backward(x, dy, dx);
        EXPECT_EQ(dx.values(), gradient) << y_shape.str() << ' ' << pieces;
        EXPECT_EQ(x.values(), a);
        EXPECT_EQ(dy.values(), g);
      }
    }
}

TEST(Channels, MaxoutsGradientGoesToTheFirstOfEqualPieces) {
  const Guarded x({1, 1, 1, 2, 6}, {-3, -1, -1, 2, 2, 2, 0, 4, 3, -5, -6, -5}), y({1, 1, 1, 2, 2}),
      dy({1, 1, 1, 2, 2}, {10, 20, 30, 40}), dx({1, 1, 1, 2, 6});
  test_backend().maxout_forward(x, y);
  EXPECT_EQ(y.values(), (std::vector<real>{-1, 2, 4, -5}));
  test_backend().maxout_backward(x, dy, dx);
  EXPECT_EQ(dx.values(), (std::vector<real>{0, 10, 0, 20, 0, 0, 0, 30, 0, 40, 0, 0}));
}

// Kernels that take several elements at once hold for tensors that begin anywhere.
TEST(Channels, TensorsMayBeginAnywhere) {
  Backend &backend = test_backend();
  for (const int64_t channels : {3, 4, 8, 260})
    for (const int64_t first : {1, 2, 3}) {
      const Shape shape = {2, 1, 1, 3, channels}, twice = {2, 1, 1, 3, 2 * channels};
      const std::vector<real> a = random_values(shape.size(), 1), b = random_values(twice.size(), 2);
      std::vector<std::vector<real>> results[2];
      for (const int64_t at : {int64_t{0}, first}) {
        const auto output = [at](const Shape &of) { return Guarded(of, unwritten(of), at); };
        const Guarded x(shape, a, at), big(twice, b, at), copied(twice, b, at),
            y = output(shape), dx = output(shape), hot = output(shape), most = output(shape), d_big = output(twice);
        backend.copy_channels(x, 0, channels, copied, channels - 1);
        backend.log_softmax_forward(x, y);
        backend.log_softmax_backward(y, x, dx);
        backend.one_hot(x, hot);
        backend.maxout_forward(big, most);
        backend.maxout_backward(big, x, d_big);
        results[at != 0] = {copied.values(), y.values(), dx.values(), hot.values(), most.values(), d_big.values()};
      }
      for (size_t i = 0; i < 6; ++i)
        EXPECT_LE(relative_error(results[1][i], results[0][i], 1), tolerance) << i << ", from element " << first;
    }
}

TEST(Channels, RefuseDisagreeingShapes) {
  Backend &backend = test_backend();
  const Guarded x({2, 1, 1, 1, 6}), z({2, 1, 1, 2, 3}), four({2, 1, 1, 1, 4}), three({2, 1, 1, 1, 3}),
      wide({2, 1, 1, 1, 12}), examples({3, 1, 1, 1, 3}), rows({2, 1, 2, 1, 3});
  EXPECT_THROW(backend.copy_channels(x, 0, 3, z, 0), std::invalid_argument);
  EXPECT_THROW(backend.copy_channels(x, 4, 3, four, 0), std::invalid_argument);
  EXPECT_THROW(backend.copy_channels(x, 0, 3, four, 2), std::invalid_argument);
  EXPECT_THROW(backend.copy_channels(x, -1, 3, four, 0), std::invalid_argument);
  EXPECT_THROW(backend.copy_channels(x, 0, 3, four, -1), std::invalid_argument);
  EXPECT_THROW(backend.copy_channels(x, 3, -1, four, 2), std::invalid_argument);
  EXPECT_THROW(backend.log_softmax_forward(x, z), std::invalid_argument);
  EXPECT_THROW(backend.log_softmax_backward(x, z, x), std::invalid_argument);
  EXPECT_THROW(backend.log_softmax_backward(x, x, z), std::invalid_argument);
  EXPECT_THROW(backend.log_softmax_backward(z, x, x), std::invalid_argument);
  EXPECT_THROW(backend.one_hot(x, z), std::invalid_argument);
  for (const Guarded *y : {&four, &wide, &examples, &rows}) {  // six channels are no multiple, or the positions differ
    EXPECT_THROW(backend.maxout_forward(x, *y), std::invalid_argument);
    EXPECT_THROW(backend.maxout_backward(x, *y, x), std::invalid_argument);
  }
  EXPECT_THROW(backend.maxout_backward(x, three, z), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
