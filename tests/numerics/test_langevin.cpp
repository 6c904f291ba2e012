#include <gtest/gtest.h>

#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

const Shape shapes[] = {{1, 1, 1, 1, 1}, {2, 1, 3, 5, 3}, {1, 1, 1, 1, 8195}, {3, 1, 37, 41, 5}};
const RandomKey key = {77, Purpose::langevin};

class Langevin : public testing::Test {
 protected:
  void TearDown() override { test_backend().set_clock({}); }
};

TEST_F(Langevin, StepWithoutNoiseIsTheFormula) {
  for (const Shape &shape : shapes) {
    const std::vector<real> a = random_values(shape.size(), 1), g = random_values(shape.size(), 2);
    const real d = real(0.3), s = real(0.7);
    std::vector<double> wanted(a.size());
    for (size_t i = 0; i < a.size(); ++i) wanted[i] = a[i] - 0.5 * d * d * (a[i] / (double(s) * s) - g[i]);
    const Guarded x(shape, a), gradient(shape, g);
    test_backend().langevin(x, gradient, {d, s, 0, key, 0});
    EXPECT_LE(relative_error(x.values(), wanted), tolerance) << shape.str();
  }
}

// Element i takes number i % 4 of block i / 4 of the counter (iteration, index).
TEST_F(Langevin, NoiseIsKeyedByIterationIndexAndElement) {
  for (const Shape &shape : shapes)
    for (const auto &[iteration, index] : {std::pair<int64_t, int64_t>{0, 0}, {1, 0}, {0, 1}, {int64_t{1} << 40, 29}}) {
      const std::vector<real> a = random_values(shape.size(), 1), g = random_values(shape.size(), 2);
      const real d = real(0.3), s = real(0.7), noise = real(0.2);
      std::vector<double> wanted(a.size());
      for (size_t i = 0; i < a.size(); ++i) {
        float n[4];
        normals(random_block(key, iteration, uint32_t(index), i / 4), n);
        wanted[i] = a[i] - 0.5 * d * d * (a[i] / (double(s) * s) - g[i]) + noise * n[i % 4];
      }
      const Guarded x(shape, a), gradient(shape, g);
      test_backend().set_clock({iteration, 0.5});  // the learning rate's schedule is no business of the chain
      test_backend().langevin(x, gradient, {d, s, noise, key, index});
      EXPECT_LE(relative_error(x.values(), wanted), 1e-5) << shape.str() << " " << iteration << " " << index;
    }
}

// The pull is towards the mean, with noise and without.
TEST_F(Langevin, TheReferenceMayHaveAMean) {
  for (const Shape &shape : shapes)
    for (const real noise : {real(0), real(0.2)}) {
      const std::vector<real> a = random_values(shape.size(), 1), g = random_values(shape.size(), 2),
                              means = random_values(shape.size(), 3, 1);
      const real d = real(0.3), s = real(0.7);
      std::vector<double> wanted(a.size());
      for (size_t i = 0; i < a.size(); ++i) {
        float n[4];
        normals(random_block(key, 0, 5, i / 4), n);
        const double pull = (double(a[i]) - means[i]) / (double(s) * s);
        wanted[i] = a[i] - 0.5 * d * d * (pull - g[i]) + noise * n[i % 4];
      }
      const Guarded x(shape, a), gradient(shape, g), mean(shape, means);
      test_backend().langevin(x, gradient, {d, s, noise, key, 5, mean});
      EXPECT_LE(relative_error(x.values(), wanted), 1e-5) << shape.str() << " " << noise;
      EXPECT_EQ(mean.values(), means);
    }
}

// Without a reference the step is the gradient's alone: neither the mean nor a large x has a say, and nothing is NaN.
TEST_F(Langevin, AnInfiniteReferenceDoesNotPull) {
  const Shape shape{1, 1, 1, 1, 5};
  const std::vector<real> a = {0, 1, -2, real(1e30), real(-1e30)}, g = {1, real(0.5), -1, 0, 0},
                          wanted = {real(0.5), real(1.25), real(-2.5), real(1e30), real(-1e30)};
  const Guarded mean(shape, {3, 4, 5, 6, 7}), gradient(shape, g);
  for (const ConstView &about : {ConstView{}, ConstView(mean)}) {
    const Guarded x(shape, a);
    test_backend().langevin(x, gradient, {1, std::numeric_limits<real>::infinity(), 0, key, 0, about});
    EXPECT_EQ(x.values(), wanted);
  }
}

// f = 0: x <- (1 - d^2/(2 s^2)) x + n N(0, 1), whose variance settles at (n/d)^2 s^2 / (1 - d^2/(4 s^2)): hot, at the
// paper's n = d, and cold. A large step makes the correction large (a third) and the chain fast (it forgets half of
// itself per step).
TEST_F(Langevin, ChainSettlesAtItsStationaryVariance) {
  const int64_t size = 8192;
  const double s = 0.3, d = 0.3;
  for (const double temperature : {4., 1., 0.09}) {
    const double n = d * std::sqrt(temperature), wanted = n * n / (d * d) * s * s / (1 - d * d / (4 * s * s));
    const Guarded x({1, 1, 1, 1, size}, std::vector<real>(size, 2)),
        zero({1, 1, 1, 1, size}, std::vector<real>(size, 0));
    for (int step = 0; step < 30; ++step) {
      test_backend().set_clock({step / 10, 1});
      test_backend().langevin(x, zero, {real(d), real(s), real(n), key, step % 10});
    }
    double mean = 0, variance = 0;
    const std::vector<real> values = x.values();
    for (const double v : values) mean += v / size;
    for (const double v : values) variance += (v - mean) * (v - mean) / (size - 1);
    EXPECT_NEAR(mean, 0, 4 * std::sqrt(wanted / size)) << temperature;
    EXPECT_NEAR(variance, wanted, 4 * wanted * std::sqrt(2. / size)) << temperature;
  }
}

// Without noise nothing but the pull is left: x <- (1 - d^2/(2 s^2)) x.
TEST_F(Langevin, ColdestChainFallsToTheMode) {
  const Guarded x({1, 1, 1, 1, 100}, std::vector<real>(100, 2)), zero({1, 1, 1, 1, 100}, std::vector<real>(100, 0));
  for (int step = 0; step < 10; ++step) test_backend().langevin(x, zero, {real(0.3), real(0.3), 0, key, step});
  for (const real v : x.values()) EXPECT_NEAR(v, 2. / 1024, 1e-8);
}

TEST_F(Langevin, NanInTheGradientReachesTheChain) {
  std::vector<real> g(100, 0);
  g[42] = std::numeric_limits<real>::quiet_NaN();
  const Guarded x({1, 1, 1, 1, 100}, std::vector<real>(100, 1)), gradient({1, 1, 1, 1, 100}, g);
  test_backend().langevin(x, gradient, {real(0.1), 1, real(0.1), key, 0});
  EXPECT_TRUE(std::isnan(x.values()[42]));
  EXPECT_FALSE(std::isnan(x.values()[41]));
}

TEST_F(Langevin, RefusesDisagreeingShapes) {
  const Guarded x({1, 1, 1, 2, 3}), gradient({1, 1, 1, 3, 2});
  EXPECT_THROW(test_backend().langevin(x, gradient, {}), std::invalid_argument);
  LangevinStep about;
  about.reference_mean = gradient;
  EXPECT_THROW(test_backend().langevin(x, x, about), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
