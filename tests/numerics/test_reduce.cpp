#include <gtest/gtest.h>

#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

const Shape shapes[] = {{1, 1, 1, 1, 1}, {1, 1, 1, 1, 15}, {2, 1, 3, 5, 3}, {1, 1, 1, 1, 8193}, {3, 1, 37, 41, 5}};

TEST(Reduce, MatchesTheNaiveSums) {
  Backend &backend = test_backend();
  for (const Shape &shape : shapes) {
    const std::vector<real> a = random_values(shape.size(), 1, 0.5), b = random_values(shape.size(), 2);
    double sum = 0, absolute = 0, squares = 0, largest = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      sum += a[i];
      absolute += std::fabs(double(a[i]));
      squares += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
      largest = std::max(largest, std::fabs(double(a[i])));
    }
    const Guarded x(shape, a), y(shape, b);
    Readings readings(backend, 6);
    backend.sum(x, readings, 1);
    backend.sum_absolute(x, readings, 2);
    backend.sum_squared_difference(x, y, readings, 3);
    backend.max_absolute(x, readings, 4);
    const std::vector<double> got = readings.read();
    EXPECT_EQ(got[0], 0);
    EXPECT_NEAR(got[1], sum, 1e-12 * absolute) << shape.str();
    EXPECT_NEAR(got[2], absolute, 1e-12 * absolute) << shape.str();
    EXPECT_NEAR(got[3], squares, 1e-12 * squares) << shape.str();
    EXPECT_EQ(got[4], largest) << shape.str();
    EXPECT_EQ(got[5], 0);
  }
}

// 1e8 + many small terms: a float sum would lose them.
TEST(Reduce, SumsInDouble) {
  std::vector<real> values(4096, real(0.125));
  values[0] = real(1e8);
  const Guarded x({1, 1, 1, 1, 4096}, values);
  Readings readings(test_backend(), 1);
  test_backend().sum(x, readings, 0);
  EXPECT_EQ(readings.read()[0], 1e8 + 4095 * 0.125);
}

TEST(Reduce, LargestMagnitudeOfNegativeNumbers) {
  const Guarded x({1, 1, 1, 1, 3}, {-3, 1, 2});
  Readings readings(test_backend(), 1);
  test_backend().max_absolute(x, readings, 0);
  EXPECT_EQ(readings.read()[0], 3);
}

TEST(Reduce, NanIsNeverLost) {
  Backend &backend = test_backend();
  for (const int64_t size : {1, 17, 300, 20000})
    for (const int64_t where : {int64_t{0}, size / 2, size - 1}) {
      std::vector<real> values = random_values(size, 3);
      values[where] = std::numeric_limits<real>::quiet_NaN();
      const Guarded x({1, 1, 1, 1, size}, values);
      Readings readings(backend, 4);
      backend.sum(x, readings, 0);
      backend.sum_absolute(x, readings, 1);
      backend.sum_squared_difference(x, x, readings, 2);
      backend.max_absolute(x, readings, 3);
      for (const double value : readings.read()) EXPECT_TRUE(std::isnan(value)) << size << " " << where;
    }
}

TEST(Reduce, RefusesDisagreeingShapesAndUnknownSlots) {
  const Guarded x({1, 1, 1, 1, 6}, random_values(6, 1)), y({1, 1, 1, 2, 3}, random_values(6, 1));
  Readings readings(test_backend(), 1);
  EXPECT_THROW(test_backend().sum_squared_difference(x, y, readings, 0), std::invalid_argument);
  EXPECT_THROW(test_backend().sum(x, readings, 1), std::invalid_argument);
  EXPECT_THROW(test_backend().sum(x, readings, -1), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
