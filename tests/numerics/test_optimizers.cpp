#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

const Shape shapes[] = {{1, 1, 1, 1, 1}, {3, 3, 3, 2, 7}, {1, 1, 1, 1, 8193}};

class Optimizers : public testing::Test {
 protected:
  void TearDown() override { test_backend().set_clock({}); }
};

TEST_F(Optimizers, AdamMatchesTheNaiveRule) {
  const AdamRule rule = {real(0.5), real(0.999), real(1e-8), real(0.1)};
  std::vector<std::unique_ptr<Guarded>> tensors;
  std::vector<AdamUpdate> updates;
  std::vector<std::vector<double>> value, first, second;
  for (const Shape &shape : shapes) {
    const std::vector<real> start = random_values(shape.size(), unsigned(shape.size())), zero(shape.size(), 0);
    for (const std::vector<real> &v : {start, zero, zero, zero}) tensors.push_back(std::make_unique<Guarded>(shape, v));
    const size_t k = tensors.size();
    const real rate = real(0.01 * updates.size() + 0.01);
    updates.push_back({*tensors[k - 4], *tensors[k - 3], *tensors[k - 2], *tensors[k - 1], rate});
    value.emplace_back(start.begin(), start.end());
    first.emplace_back(start.size(), 0.);
    second.emplace_back(start.size(), 0.);
  }
  for (int iteration = 0; iteration < 5; ++iteration) {
    const double schedule = 1 / (1. + iteration), t = iteration + 1;
    for (size_t k = 0; k < updates.size(); ++k) {
      const std::vector<real> g = random_values(value[k].size(), unsigned(100 * iteration + k));
      test_backend().upload(g.data(), const_cast<real *>(updates[k].gradient.data), g.size() * sizeof(real));
      for (size_t i = 0; i < g.size(); ++i) {
        first[k][i] = rule.beta1 * first[k][i] + (1 - rule.beta1) * double(g[i]);
        second[k][i] = rule.beta2 * second[k][i] + (1 - rule.beta2) * double(g[i]) * g[i];
        const double m = first[k][i] / (1 - std::pow(double(rule.beta1), t)),
                     v = second[k][i] / (1 - std::pow(double(rule.beta2), t));
        value[k][i] -=
            updates[k].rate * schedule * (rule.weight_decay * value[k][i] + m / (std::sqrt(v) + rule.epsilon));
      }
    }
    test_backend().set_clock({iteration, schedule});
    test_backend().adam(updates, rule);
    for (size_t k = 0; k < updates.size(); ++k) {
      EXPECT_LE(relative_error(tensors[4 * k]->values(), value[k]), tolerance) << iteration << " " << k;
      EXPECT_LE(relative_error(tensors[4 * k + 2]->values(), first[k]), tolerance) << iteration << " " << k;
      EXPECT_LE(relative_error(tensors[4 * k + 3]->values(), second[k]), tolerance) << iteration << " " << k;
    }
  }
}

// The first step of Adam has the size of the rate, whatever the gradient's; a large epsilon tames it.
TEST_F(Optimizers, AdamsFirstStepIsTheRate) {
  for (const double size : {1e-3, 1., 1e4}) {
    const Shape shape = {1, 1, 1, 1, 2};
    const Guarded value(shape, {0, 0}), gradient(shape, {real(size), real(-size)}), m(shape, {0, 0}), v(shape, {0, 0});
    test_backend().set_clock({0, 0.5});
    test_backend().adam({{value, gradient, m, v, real(0.1)}}, AdamRule());
    EXPECT_NEAR(value.values()[0], -0.05, 1e-6);
    EXPECT_NEAR(value.values()[1], 0.05, 1e-6);
  }
}

// At rate 0.1 on a schedule of 1/2 a decay of 0.2 takes a hundredth of the value, whatever the gradient, and Adam's
// first step is 0.05.
TEST_F(Optimizers, WeightsDecayBesideAdamsStep) {
  const Shape shape = {1, 1, 1, 1, 3};
  const Guarded value(shape, {2, -4, 2}), gradient(shape, {1, real(0.001), 0}), m(shape, {0, 0, 0}),
      v(shape, {0, 0, 0});
  test_backend().set_clock({0, 0.5});
  test_backend().adam({{value, gradient, m, v, real(0.1)}}, {0, real(0.999), real(1e-20), real(0.2)});
  EXPECT_LE(relative_error(value.values(), std::vector<double>{1.93, -4.01, 1.98}), tolerance);
}

TEST_F(Optimizers, RmspropMatchesTheNaiveRule) {
  const real keep = real(0.9), epsilon = real(1e-6);
  std::vector<std::unique_ptr<Guarded>> tensors;
  std::vector<RmspropUpdate> updates;
  std::vector<std::vector<double>> value, square;
  for (const Shape &shape : shapes) {
    const std::vector<real> start = random_values(shape.size(), unsigned(shape.size())), zero(shape.size(), 0);
    for (const std::vector<real> &v : {start, zero, zero}) tensors.push_back(std::make_unique<Guarded>(shape, v));
    const size_t k = tensors.size();
    updates.push_back({*tensors[k - 3], *tensors[k - 2], *tensors[k - 1], real(0.01 * updates.size() + 0.01)});
    value.emplace_back(start.begin(), start.end());
    square.emplace_back(start.size(), 0.);
  }
  for (int iteration = 0; iteration < 5; ++iteration) {
    const double schedule = 1 / (1. + iteration);
    for (size_t k = 0; k < updates.size(); ++k) {
      const std::vector<real> g = random_values(value[k].size(), unsigned(100 * iteration + k));
      test_backend().upload(g.data(), const_cast<real *>(updates[k].gradient.data), g.size() * sizeof(real));
      for (size_t i = 0; i < g.size(); ++i) {
        square[k][i] = keep * square[k][i] + (1 - double(keep)) * g[i] * g[i];
        value[k][i] -= updates[k].rate * schedule * g[i] / (std::sqrt(square[k][i]) + epsilon);
      }
    }
    test_backend().set_clock({iteration, schedule});
    test_backend().rmsprop(updates, keep, epsilon);
    for (size_t k = 0; k < updates.size(); ++k) {
      EXPECT_LE(relative_error(tensors[3 * k]->values(), value[k]), tolerance) << iteration << " " << k;
      EXPECT_LE(relative_error(tensors[3 * k + 2]->values(), square[k]), tolerance) << iteration << " " << k;
    }
  }
}

// square = (1 - 3/4) g^2, so the first step of rate 0.1 on a schedule of 1/2 is 0.05 g / (|g|/2 + epsilon): 0.1
// whatever the gradient, unless epsilon is large. Without a gradient there is no step.
TEST_F(Optimizers, RmspropsFirstStepIsWorkedOut) {
  test_backend().set_clock({0, 0.5});
  for (const double epsilon : {1e-8, 1.})
    for (const double size : {1e-3, 1., 1e4}) {
      const Shape shape = {1, 1, 1, 1, 3};
      const Guarded value(shape, {1, 1, 1}), gradient(shape, {real(size), real(-size), 0}), square(shape, {0, 0, 0});
      test_backend().rmsprop({{value, gradient, square, real(0.1)}}, real(0.75), real(epsilon));
      const double step = 0.05 * size / (0.5 * size + epsilon), mean = 0.25 * size * size;
      EXPECT_LE(relative_error(value.values(), std::vector<double>{1 - step, 1 + step, 1}), tolerance);
      EXPECT_LE(relative_error(square.values(), std::vector<double>{mean, mean, 0}), tolerance);
      if (epsilon < 1) {
        EXPECT_NEAR(value.values()[0], 0.9, 1e-5);
      }
    }
}

// More tensors than one launch on a GPU takes.
TEST_F(Optimizers, EveryTensorOfALongListIsUpdated) {
  const Shape shape = {1, 1, 1, 1, 2};
  std::vector<std::unique_ptr<Guarded>> tensors;
  std::vector<AdamUpdate> adam;
  std::vector<MomentumUpdate> momentum;
  std::vector<RmspropUpdate> rmsprop;
  std::vector<AverageUpdate> averages;
  for (int k = 0; k < 100; ++k) {
    for (const real v : {0, 1, 0, 0, 0, 0, 9, 0, 0})
      tensors.push_back(std::make_unique<Guarded>(shape, std::vector<real>(2, v)));
    const auto *const t = tensors.data() + tensors.size() - 9;  // three values, their gradient, and what is kept
    adam.push_back({*t[0], *t[1], *t[2], *t[3], real(k)});
    momentum.push_back({*t[4], *t[1], *t[5], real(k), 1, 1, 0});
    rmsprop.push_back({*t[7], *t[1], *t[8], real(k)});
    averages.push_back({*t[4], *t[6]});
  }
  test_backend().set_clock({});
  test_backend().adam(adam, AdamRule());
  test_backend().capped_momentum(momentum, 0);
  test_backend().rmsprop(rmsprop, 0, real(1e-8));
  test_backend().average(averages, 1);
  for (size_t k = 0; k < adam.size(); ++k)
    for (int of : {0, 4, 6, 7})
      EXPECT_NEAR(tensors[9 * k + of]->values()[1], -double(k), 1e-5 * double(k)) << k << " " << of;
}

// One gradient far above the cap, one far below, one without a cap; several steps with momentum and decay.
TEST_F(Optimizers, CappedMomentumMatchesTheNaiveRule) {
  const real momentum = real(0.5);
  std::vector<std::unique_ptr<Guarded>> tensors;
  std::vector<MomentumUpdate> updates;
  std::vector<std::vector<double>> value, velocity;
  for (const Shape &shape : shapes)
    for (const double cap : {0.05, 1e3, 0.}) {
      const std::vector<real> start = random_values(shape.size(), unsigned(shape.size())), zero(shape.size(), 0);
      for (const std::vector<real> &v : {start, zero, zero}) tensors.push_back(std::make_unique<Guarded>(shape, v));
      const size_t k = tensors.size();
      updates.push_back({*tensors[k - 3], *tensors[k - 2], *tensors[k - 1], real(0.1), real(7), real(cap), real(0.01)});
      value.emplace_back(start.begin(), start.end());
      velocity.emplace_back(start.size(), 0.);
    }
  for (int iteration = 0; iteration < 4; ++iteration) {
    const double schedule = 1 / (1. + iteration);
    for (size_t k = 0; k < updates.size(); ++k) {
      const MomentumUpdate &u = updates[k];
      const std::vector<real> g = random_values(value[k].size(), unsigned(100 * iteration + k));
      test_backend().upload(g.data(), const_cast<real *>(u.gradient.data), g.size() * sizeof(real));
      double largest = 0;
      for (const real v : g) largest = std::max(largest, std::fabs(double(v) / u.divisor));
      const double factor = (u.cap > 0 && largest > u.cap ? u.cap / largest : 1) / u.divisor;
      for (size_t i = 0; i < g.size(); ++i) {
        velocity[k][i] = momentum * velocity[k][i] - u.weight_decay * value[k][i] - factor * g[i];
        value[k][i] += u.rate * schedule * velocity[k][i];
      }
    }
    test_backend().set_clock({iteration, schedule});
    test_backend().capped_momentum(updates, momentum);
    for (size_t k = 0; k < updates.size(); ++k) {
      EXPECT_LE(relative_error(tensors[3 * k]->values(), value[k]), tolerance) << iteration << " " << k;
      EXPECT_LE(relative_error(tensors[3 * k + 2]->values(), velocity[k]), tolerance) << iteration << " " << k;
    }
  }
}

// The mean of all values so far until `keep` remembers less: of values 1, 2, 3 ... it is 1, 3/2, 2, and with keep = 0.75
// from the fifth on 0.75 of the one before and a quarter of the value.
TEST_F(Optimizers, AverageIsAMeanAtFirstAndThenForgets) {
  std::vector<std::unique_ptr<Guarded>> tensors;
  std::vector<AverageUpdate> updates;
  for (const Shape &shape : shapes) {
    tensors.push_back(std::make_unique<Guarded>(shape, std::vector<real>(shape.size(), 0)));
    tensors.push_back(std::make_unique<Guarded>(shape, std::vector<real>(shape.size(), 77)));
    updates.push_back({*tensors[tensors.size() - 2], *tensors.back()});
  }
  const double wanted[] = {1, 1.5, 2, 2.5, 3.125, 3.84375};
  for (int iteration = 0; iteration < 6; ++iteration) {
    for (const AverageUpdate &u : updates) {
      std::vector<real> values(u.value.shape.size(), 0);
      values.front() = real(iteration + 1);
      values.back() = real(iteration + 1);
      test_backend().upload(values.data(), const_cast<real *>(u.value.data), values.size() * sizeof(real));
    }
    test_backend().set_clock({iteration, 0.5});  // the schedule of the rates has no say
    test_backend().average(updates, real(0.75));
    for (size_t k = 0; k < updates.size(); ++k) {
      const std::vector<real> got = tensors[2 * k + 1]->values();
      EXPECT_NEAR(got.front(), wanted[iteration], 1e-6) << iteration << " " << k;
      EXPECT_NEAR(got.back(), wanted[iteration], 1e-6) << iteration << " " << k;
      if (got.size() > 2) {
        EXPECT_EQ(got[got.size() / 2], 0) << iteration << " " << k;
      }
    }
  }
}

// A gradient as large as the cap is left alone; twice as large is halved, as a whole. Cap 0 is none.
TEST_F(Optimizers, CapRescalesOnlyAboveItself) {
  const Shape shape = {1, 1, 1, 1, 3};
  for (const auto &[cap, wanted] : {std::pair<double, std::vector<real>>{4, {1, -4, 0.5}},
                                    {8, {1, -4, 0.5}},
                                    {2, {0.5, -2, 0.25}},
                                    {0, {1, -4, 0.5}}}) {
    const Guarded value(shape, {0, 0, 0}), gradient(shape, {2, -8, 1}), velocity(shape, {0, 0, 0});
    test_backend().capped_momentum({{value, gradient, velocity, 1, 2, real(cap), 0}}, real(0.5));
    std::vector<real> got = value.values();
    for (real &v : got) v = 0 - v;
    EXPECT_EQ(got, wanted) << cap;
  }
}

// One NaN spoils the whole tensor, so that learning sees it wherever it looks; its neighbours stay.
TEST_F(Optimizers, NanReachesTheParameters) {
  const real nan = std::numeric_limits<real>::quiet_NaN();
  const Shape shape = {1, 1, 1, 1, 100};
  std::vector<real> g = random_values(100, 1);
  g[42] = nan;
  for (const double cap : {0.1, 1e9, 0.}) {
    const Guarded value(shape, random_values(100, 2)), gradient(shape, g), velocity(shape, std::vector<real>(100, 0)),
        other(shape, random_values(100, 3)), fine(shape, random_values(100, 4));
    const Guarded still(shape, std::vector<real>(100, 0));
    test_backend().capped_momentum({{value, gradient, velocity, 1, 1, real(cap), 0}, {other, fine, still, 1, 1, 1, 0}},
                                   real(0.5));
    for (const real v : value.values()) EXPECT_TRUE(std::isnan(v));
    for (const real v : other.values()) EXPECT_FALSE(std::isnan(v));
  }
  const Guarded value(shape, random_values(100, 2)), gradient(shape, g), m(shape, std::vector<real>(100, 0)),
      v(shape, std::vector<real>(100, 0));
  test_backend().adam({{value, gradient, m, v, real(0.1)}}, AdamRule());
  EXPECT_TRUE(std::isnan(value.values()[42]));
  EXPECT_FALSE(std::isnan(value.values()[41]));
  const Guarded other(shape, random_values(100, 2)), square(shape, std::vector<real>(100, 0));
  test_backend().rmsprop({{other, gradient, square, real(0.1)}}, real(0.9), real(1e-8));
  for (const std::vector<real> &got : {other.values(), square.values()}) {
    EXPECT_TRUE(std::isnan(got[42]));
    EXPECT_FALSE(std::isnan(got[41]));
  }
}

// Nothing is changed when one of the updates is refused.
TEST_F(Optimizers, RefuseDisagreeingShapes) {
  const Guarded a({1, 1, 1, 1, 4}, {1, 2, 3, 4}), b({1, 1, 1, 2, 2}, {1, 2, 3, 4}), c({1, 1, 1, 1, 4}, {1, 2, 3, 4}),
      d({1, 1, 1, 1, 4}, {1, 2, 3, 4});
  const AdamUpdate good = {a, c, c, d, 1};
  for (const AdamUpdate &bad : {AdamUpdate{a, b, c, d, 1}, {a, c, b, d, 1}, {a, c, d, b, 1}})
    EXPECT_THROW(test_backend().adam({good, bad}, AdamRule()), std::invalid_argument);
  const MomentumUpdate fine = {a, c, d, 1, 1, 1, 0};
  for (const MomentumUpdate &bad : {MomentumUpdate{a, b, c, 1, 1, 1, 0}, {a, c, b, 1, 1, 1, 0}})
    EXPECT_THROW(test_backend().capped_momentum({fine, bad}, 0), std::invalid_argument);
  const RmspropUpdate well = {a, c, d, 1};
  for (const RmspropUpdate &bad : {RmspropUpdate{a, b, c, 1}, {a, c, b, 1}})
    EXPECT_THROW(test_backend().rmsprop({well, bad}, 0, 1), std::invalid_argument);
  EXPECT_THROW(test_backend().average({{d, a}, {b, a}}, 0), std::invalid_argument);
  EXPECT_EQ(a.values(), (std::vector<real>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace coopnets
