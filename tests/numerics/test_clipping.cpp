// Gradients clipped by the norm of all of them together, and what an optimiser makes of that and of its settings.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "learning/optimizer.h"
#include "numerics/helpers.h"
#include "numerics/small_net.h"

namespace coopnets {
namespace {

// (3, 0) and (0, -4) are 5 long together. Half of it halves them; as much or more leaves them alone, and 0 is none.
TEST(ClipNorm, ScalesAllGradientsTogether) {
  const Shape shape{1, 1, 1, 1, 2};
  for (const auto &[bound, factor] :
       {std::pair<double, double>{2.5, 0.5}, {1.25, 0.25}, {5, 1}, {7, 1}, {1e30, 1}, {0, 1}}) {
    const Guarded a(shape, {3, 0}), b(shape, {0, -4});
    Readings readings(test_backend(), 3);
    test_backend().clip_norm({a, b}, real(bound), readings, 1);
    EXPECT_EQ(readings.read(), (std::vector<double>{0, 5, 0})) << "before clipping";
    EXPECT_EQ(a.values(), (std::vector<real>{real(3 * factor), 0})) << bound;
    EXPECT_EQ(b.values(), (std::vector<real>{0, real(-4 * factor)})) << bound;
  }
}

// Tensors of one block and of many, and more of them than one launch on a GPU takes.
TEST(ClipNorm, MatchesTheNaiveNorm) {
  for (const int copies : {1, 25}) {
    std::vector<std::unique_ptr<Guarded>> tensors;
    std::vector<View> gradients;
    std::vector<std::vector<real>> before;
    double squares = 0;
    for (int k = 0; k < copies; ++k)
      for (const Shape &shape : {Shape{1, 1, 1, 1, 1}, {3, 3, 3, 2, 7}, {1, 1, 1, 1, 8193}}) {
        before.push_back(random_values(shape.size(), unsigned(k), 0.3));
        for (const real v : before.back()) squares += double(v) * v;
        tensors.push_back(std::make_unique<Guarded>(shape, before.back(), k % 4));
        gradients.push_back(*tensors.back());
      }
    Readings readings(test_backend(), 1);
    test_backend().clip_norm(gradients, real(0.5), readings, 0);
    const double norm = std::sqrt(squares);
    EXPECT_NEAR(readings.read()[0], norm, 1e-12 * norm);
    for (size_t k = 0; k < before.size(); ++k) {
      std::vector<double> wanted(before[k].begin(), before[k].end());
      for (double &v : wanted) v *= 0.5 / norm;
      EXPECT_LE(relative_error(tensors[k]->values(), wanted), tolerance) << k;
    }
    test_backend().clip_norm(gradients, 0, readings, 0);
    EXPECT_NEAR(readings.read()[0], 0.5, tolerance);
  }
}

TEST(ClipNorm, OfNoneOrOfZerosIsZero) {
  const Guarded zero({1, 1, 1, 1, 3}, {0, 0, 0});
  Readings readings(test_backend(), 1);
  for (const std::vector<View> &gradients : {std::vector<View>{}, std::vector<View>{zero}}) {
    test_backend().clip_norm(gradients, 1, readings, 0);
    EXPECT_EQ(readings.read()[0], 0);
  }
  EXPECT_EQ(zero.values(), (std::vector<real>{0, 0, 0}));
}

// Squares that float cannot hold are no infinite norm.
TEST(ClipNorm, LargeGradientsDoNotOverflow) {
  const Guarded g({1, 1, 1, 1, 2}, {real(3e30), real(4e30)});
  Readings readings(test_backend(), 1);
  test_backend().clip_norm({g}, 1, readings, 0);
  EXPECT_NEAR(readings.read()[0] / 5e30, 1, 1e-6);
  EXPECT_LE(relative_error(g.values(), std::vector<double>{0.6, 0.8}), tolerance);
}

// One NaN is in the norm and, where there is a bound, everywhere, so that it cannot be missed.
TEST(ClipNorm, NanReachesAllGradients) {
  std::vector<real> spoilt = random_values(9000, 1);
  spoilt[4242] = std::numeric_limits<real>::quiet_NaN();
  for (const double bound : {0.1, 1e9, 0.}) {
    const Guarded a({1, 1, 1, 1, 5}, random_values(5, 2)), b({1, 1, 1, 1, 9000}, spoilt);
    Readings readings(test_backend(), 1);
    test_backend().clip_norm({a, b}, real(bound), readings, 0);
    EXPECT_TRUE(std::isnan(readings.read()[0]));
    for (const real v : a.values()) EXPECT_EQ(std::isnan(v), bound > 0);
    EXPECT_TRUE(std::isnan(b.values()[4242]));
  }
}

TEST(ClipNorm, RefusesUnknownSlotsAndNegativeBounds) {
  const Guarded g({1, 1, 1, 1, 2}, {3, 4});
  Readings readings(test_backend(), 1);
  EXPECT_THROW(test_backend().clip_norm({g}, 1, readings, 1), std::invalid_argument);
  EXPECT_THROW(test_backend().clip_norm({g}, 1, readings, -1), std::invalid_argument);
  EXPECT_THROW(test_backend().clip_norm({g}, -1, readings, 0), std::invalid_argument);
  EXPECT_EQ(g.values(), (std::vector<real>{3, 4}));
}

// f(x) = w x + b at x = (2, 2) has the gradient (2, 2) and 1, which are 3 long.
class OptimizerSteps : public testing::Test {
 protected:
  OptimizerSteps()
      : net_(test_backend(), "f", linear_net(1), {{1, 1, 1, 1, 2}}, {1, Purpose::test}, 0.5),
        x_(test_backend(), {1, 1, 1, 1, 2}, {2, 2}),
        arena_(test_backend()),
        pass_(net_, {x_}, Statistics::batch, arena_, arena_, {Wrt::parameters}) {
    net_.parameters()[0].value.set_values({1, -1});
    net_.parameters()[1].value.set_values({3});
  }
  void TearDown() override { test_backend().set_clock({}); }

  // The parameters after a step in that iteration, the gradient taken `weight` times.
  std::vector<real> step(Optimizer &optimizer, int64_t iteration, real weight, Readings *norm = nullptr, int slot = 0) {
    test_backend().set_clock({iteration, 1});
    pass_.forward();
    pass_.fill_seed(Wrt::parameters, weight);
    pass_.backward(Wrt::parameters);
    optimizer.step(pass_, norm, slot);
    std::vector<real> all = net_.parameters()[0].value.values();
    all.push_back(net_.parameters()[1].value.values()[0]);
    return all;
  }

  Network net_;
  Tensor x_;
  Arena arena_;
  Pass pass_;
};

TEST_F(OptimizerSteps, GradientsAreClippedByTheirNorm) {
  OptimizerSettings s;
  s.rule = OptimizerSettings::momentum;
  s.rate = 0.1;
  for (const auto &[bound, factor] : {std::pair<double, double>{1.5, 0.5}, {6, 1}, {0, 1}}) {
    net_.parameters()[0].value.set_values({1, -1});
    net_.parameters()[1].value.set_values({3});
    s.gradient_bound = bound;
    Optimizer optimizer(test_backend(), net_, s);
    Readings norms(test_backend(), 2);
    const std::vector<double> wanted = {1 - 0.2 * factor, -1 - 0.2 * factor, 3 - 0.1 * factor};
    EXPECT_LE(relative_error(step(optimizer, 0, 1, &norms, 1), wanted), tolerance) << bound;
    EXPECT_EQ(norms.read(), (std::vector<double>{0, 3})) << "measured whatever the bound";
  }
  s.gradient_bound = 1.5;
  Optimizer unread(test_backend(), net_, s);
  net_.parameters()[0].value.set_values({1, -1});
  net_.parameters()[1].value.set_values({3});
  EXPECT_LE(relative_error(step(unread, 0, 1), std::vector<double>{0.9, -1.1, 2.95}), tolerance);
}

// The first step is the rate and the decay's hundredth of the value. In the second, without a gradient,
// m^ = beta1 (1 - beta1) / (1 - beta1^2) = beta1 / (1 + beta1), and sqrt(v^) = sqrt(0.999 / 1.999).
TEST_F(OptimizerSteps, AdamHasItsSettings) {
  for (const double beta1 : {0.5, 0.9}) {
    net_.parameters()[0].value.set_values({1, -1});
    net_.parameters()[1].value.set_values({3});
    OptimizerSettings s;
    s.rate = 0.1;
    s.beta1 = beta1;
    s.weight_decay = 0.1;
    Optimizer optimizer(test_backend(), net_, s);
    std::vector<double> wanted;
    for (const double v : {1., -1., 3.}) wanted.push_back(0.99 * v - 0.1);
    EXPECT_LE(relative_error(step(optimizer, 0, 1), wanted), 1e-5) << beta1;
    const double rest = 0.1 * beta1 / (1 + beta1) / std::sqrt(0.999 / 1.999);
    for (double &v : wanted) v = 0.99 * v - rest;
    EXPECT_LE(relative_error(step(optimizer, 1, 0), wanted), 1e-5) << beta1;
  }
}

}  // namespace
}  // namespace coopnets
