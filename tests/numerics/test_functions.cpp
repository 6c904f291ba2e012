#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "numerics/helpers.h"
#include "numerics/pointwise_cases.h"

namespace coopnets {
namespace {

struct Applied {
  std::vector<real> value, gradient;
};

// f of these numbers, and g times its derivative there; both in place too.
Applied applied(Function f, const std::vector<real> &v, const std::vector<real> &g) {
  Backend &backend = test_backend();
  const Shape shape = {1, 1, 1, 1, int64_t(v.size())};
  const Guarded x(shape, v), y(shape), dy(shape, g), dx(shape);
  backend.function_forward(x, f, y);
  backend.function_backward(x, dy, f, dx);
  const Applied result = {y.values(), dx.values()};
  EXPECT_EQ(result.value.size(), v.size());
  EXPECT_EQ(result.gradient.size(), v.size());
  backend.function_backward(x, dy, f, dy);
  EXPECT_EQ(dy.values(), result.gradient) << "in place";
  backend.function_forward(x, f, x);
  EXPECT_EQ(x.values(), result.value) << "in place";
  return result;
}

TEST(Pointwise, SiluMatchesItsFormula) {
  const std::vector<real> v = hard_numbers(), g = random_values(v.size(), 3);
  const auto [got, gradient] = applied(Function::silu, v, g);
  for (size_t i = 0; i < v.size(); ++i) {
    const double a = v[i], s = 1 / (1 + std::exp(-a)), rest = 1 / (1 + std::exp(a));  // rest: 1 - s
    if (std::isinf(a)) {                                                              // the limits
      EXPECT_EQ(got[i] > 0 ? got[i] : 0, a > 0 ? a : 0);
      EXPECT_NEAR(gradient[i], a > 0 ? double(g[i]) : 0, 1e-35);
      continue;
    }
    EXPECT_NEAR(got[i], a * s, 6 * unit * std::fabs(a * s) + 2e-36) << a;
    const double most = s + std::fabs(a) * s * rest;
    EXPECT_NEAR(gradient[i], g[i] * s * (1 + a * rest), 8 * unit * std::fabs(g[i]) * most + 1e-35) << a;
  }
}

TEST(Pointwise, ExponentialMatchesItsFormula) {
  const std::vector<real> v = hard_numbers(), g = random_values(v.size(), 3);
  const auto [got, gradient] = applied(Function::exponential, v, g);
  const double most = sizeof(real) == 4 ? 87 : 700;  // where exponents are held
  for (size_t i = 0; i < v.size(); ++i) {
    const double wanted = std::exp(std::min(std::max(double(v[i]), -most), most));
    EXPECT_NEAR(got[i], wanted, 6 * unit * wanted + 1e-37) << v[i];
    EXPECT_NEAR(gradient[i], g[i] * wanted, 8 * unit * std::fabs(g[i]) * wanted + 1e-36) << v[i];
  }
}

TEST(Pointwise, LogSquareMatchesItsFormula) {
  std::vector<real> v = hard_numbers();
  v.resize(v.size() - 2);  // without infinity, where 2 x / (x^2 + 1e-8) says nothing
  const std::vector<real> g = random_values(v.size(), 3);
  const auto [got, gradient] = applied(Function::log_square, v, g);
  for (size_t i = 0; i < v.size(); ++i) {
    const double a = v[i], square = a * a + 1e-8, wanted = std::log(square), derivative = 2 * a / square;
    if (square > std::numeric_limits<real>::max())  // exact or infinite
      EXPECT_GE(got[i], wanted * (1 - 6 * unit)) << a;
    else
      EXPECT_NEAR(got[i], wanted, 6 * unit * std::fabs(wanted) + 4 * unit) << a;
    EXPECT_NEAR(gradient[i], g[i] * derivative, 8 * unit * std::fabs(g[i] * derivative) + 1e-29) << a;
  }
}

TEST(Pointwise, NormalToUniformMatchesItsFormula) {
  const std::vector<real> v = hard_numbers(), g = random_values(v.size(), 3);
  const auto [got, gradient] = applied(Function::normal_to_uniform, v, g);
  for (size_t i = 0; i < v.size(); ++i) {
    const double a = v[i], wanted = std::erf(a / std::sqrt(2.)), square = std::min(a * a, 1e4),
                 derivative = std::sqrt(2 / M_PI) * std::exp(-a * a / 2);
    EXPECT_LE(std::fabs(got[i]), 1) << a;
    EXPECT_NEAR(got[i], wanted, 6 * unit * std::fabs(wanted)) << a;
    const double error = (8 + square) * unit;  // of the exponential of a rounded square
    EXPECT_NEAR(gradient[i], g[i] * derivative, error * std::fabs(g[i] * derivative) + 1e-36) << a;
  }
}

// The share of normal numbers below each bound of the uniform ones, within 4 standard deviations.
TEST(Pointwise, NormalToUniformGivesUniformNumbers) {
  const int64_t size = 20000;
  const Guarded x({1, 1, 1, 1, size}, random_values(size, 5));
  test_backend().function_forward(x, Function::normal_to_uniform, x);
  const std::vector<real> got = x.values();
  for (const double bound : {-0.9, -0.5, 0., 0.3, 0.8}) {
    const double share = (1 + bound) / 2;
    double below = 0;
    for (const real v : got) below += v < bound;
    EXPECT_NEAR(below / size, share, 4 * std::sqrt(share * (1 - share) / size)) << bound;
  }
}

TEST(Pointwise, FunctionsPassNanOn) {
  const real nan = std::numeric_limits<real>::quiet_NaN();
  const Shape shape = {1, 1, 1, 1, 40};
  std::vector<real> spoilt(40, 1);
  spoilt[17] = nan;
  for (const Function f : functions) {
    const Guarded x(shape, spoilt), y(shape), dy(shape, std::vector<real>(40, 1)), dx(shape);
    const auto expect_one = [f](const std::vector<real> &values) {
      for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(std::isnan(values[i]), i == 17) << int(f) << ' ' << i;
    };
    test_backend().function_forward(x, f, y);
    expect_one(y.values());
    test_backend().function_backward(x, dy, f, dx);
    expect_one(dx.values());
    test_backend().function_backward(dy, x, f, dx);
    expect_one(dx.values());
  }
}

}  // namespace
}  // namespace coopnets
