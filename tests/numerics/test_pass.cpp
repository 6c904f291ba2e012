// Langevin chains on a net's inputs: which inputs move, and chains of several noise levels side by side.
#include "learning/pass.h"

#include <gtest/gtest.h>

#include "learning/metropolis.h"
#include "numerics/helpers.h"
#include "numerics/small_net.h"

namespace coopnets {
namespace {

const RandomKey key{3, Purpose::langevin};
const Shape three{1, 1, 1, 1, 3};

// f(x, t) = w x + sum t^2, whose gradient with respect to x is w.
std::vector<Variable> beside_an_embedding(Recorder &r, const std::vector<Variable> &x) {
  const Variable f = r.fully_connected(x[0], 1, LayerOptions().without_bias());
  return {r.add(f, r.sum_examples(r.multiply(x[1], x[1])))};
}

double normal(int64_t index, int64_t element) {
  float n[4];
  normals(random_block(key, 0, uint32_t(index), uint64_t(element / 4)), n);
  return n[element % 4];
}

class Chains : public testing::Test {
 protected:
  Chains() : net_(test_backend(), "f", beside_an_embedding, {three, three}, {1, Purpose::test}, 0.5) {}

  // Those of x after some steps, `moved` of (x, t) being moved.
  struct Result {
    std::vector<real> x, t;
  };
  Result run(int64_t steps, const std::vector<LangevinStep> &parts, size_t moved, int64_t cold = 0) {
    Backend &backend = test_backend();
    backend.set_clock({});
    const Tensor x(backend, three.with_n(chains), start_), t(backend, three.with_n(chains), given_);
    Arena arena(backend);
    Pass f(net_, {x, t}, Statistics::batch, arena, arena, {Wrt::inputs}, moved);
    const std::vector<int64_t> counts(parts.size(), chains / std::max<int64_t>(1, int64_t(parts.size())));
    langevin(
        f, steps, parts, counts, [&](int64_t) { f.fill_seed(Wrt::inputs, 1); }, cold);
    return {x.values(), t.values()};
  }

  static constexpr int64_t chains = 4;
  Network net_;
  std::vector<real> start_ = random_values(chains * 3, 1), given_ = random_values(chains * 3, 2);
};

// x <- x - (d^2/2) ((x - mean)/s^2 - w) + n N, element by element; part p of two draws by the counter 2 k + p.
TEST_F(Chains, EachPartHasAStepAMeanAndNoiseOfItsOwn) {
  const std::vector<real> w = net_.parameters()[0].value.values(), means = random_values(6, 4);
  const Tensor mean(test_backend(), three.with_n(2), means);
  const std::vector<LangevinStep> parts = {{real(0.3), real(0.7), real(0.1), key, 99, mean},
                                           {1, std::numeric_limits<real>::infinity(), real(0.2), key, 99}};
  const int64_t steps = 5, cold = 2;
  std::vector<double> x(start_.begin(), start_.end());
  for (int64_t k = 0; k < steps; ++k)
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t part = i / 6, own = i % 6;
      const LangevinStep &step = parts[part];
      const double d = step.step, s = step.reference_deviation, n = k < steps - cold ? double(step.noise) : 0;
      const double pull = part == 0 ? (x[i] - means[own]) / (s * s) : 0;
      x[i] += -d * d / 2 * (pull - w[i % 3]) + n * normal(2 * k + int64_t(part), int64_t(own));
    }
  const Result got = run(steps, parts, 1, cold);
  EXPECT_LE(relative_error(got.x, x), 1e-5);
  EXPECT_EQ(got.t, given_) << "what is given does not move";
}

// Only where outputs are read is there a whole forward pass; df/dx and df/dt need neither w x nor the sum, and the chains
// are those of whole passes.
TEST_F(Chains, OutputsAreComputedWhereTheyAreRead) {
  Backend &backend = test_backend();
  const std::vector<LangevinStep> one = {{real(0.3), 1, real(0.1), key, 0}};
  const Result wanted = run(4, one, 2);
  backend.set_clock({});
  const Tensor x(backend, three.with_n(chains), start_), t(backend, three.with_n(chains), given_);
  Arena arena(backend);
  Pass f(net_, {x, t}, Statistics::batch, arena, arena, {Wrt::inputs}, 2);
  int products = 0;
  f.watch([&](const Work &work, const std::function<void()> &run) {
    products += work.what == "conv";
    run();
  });
  const auto seed = [&](int64_t) { f.fill_seed(Wrt::inputs, 1); };
  langevin(f, 4, one, {chains}, seed, 0, {}, [](int64_t k) { return k == 2; });
  EXPECT_EQ(products, 1);
  EXPECT_EQ(x.values(), wanted.x);
  EXPECT_EQ(t.values(), wanted.t);
}

// Of two inputs that move, input i draws by the counter 2 k + i.
TEST_F(Chains, AllInputsMoveUnlessItIsSaid) {
  const std::vector<LangevinStep> one = {{real(0.3), 1, real(0.1), key, 0}};
  const std::vector<real> w = net_.parameters()[0].value.values();
  std::vector<double> x(start_.begin(), start_.end()), t(given_.begin(), given_.end());
  for (int64_t k = 0; k < 3; ++k)
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] += -0.045 * (x[i] - w[i % 3]) + 0.1 * normal(2 * k, int64_t(i));
      t[i] += -0.045 * (t[i] - 2 * t[i]) + 0.1 * normal(2 * k + 1, int64_t(i));
    }
  const Result got = run(3, one, Pass::all_inputs);
  EXPECT_LE(relative_error(got.x, x), 1e-5);
  EXPECT_LE(relative_error(got.t, t), 1e-5);
}

TEST_F(Chains, WhatCannotBeIsRefused) {
  const LangevinStep step{real(0.3), 1, 0, key, 0};
  EXPECT_THROW(run(1, {}, 1), std::invalid_argument);
  EXPECT_THROW(run(1, {step, step, step}, 1), std::invalid_argument);
  EXPECT_THROW(run(1, {step}, 3), std::invalid_argument);
  Backend &backend = test_backend();
  const Tensor x(backend, three, {1, 2, 3}), t(backend, three, {1, 2, 3});
  Arena arena(backend);
  Pass f(net_, {x, t}, Statistics::batch, arena, arena, {Wrt::both}, 1);
  EXPECT_EQ(f.moved(), 1u);
  f.forward();
  f.fill_seed(Wrt::both, 1);
  f.backward(Wrt::both);
  EXPECT_EQ(values(backend, f.gradient(Wrt::inputs, 0)), net_.parameters()[0].value.values());
  EXPECT_THROW(f.gradient(Wrt::inputs, 1), std::logic_error);
  EXPECT_EQ(values(backend, f.gradient(Wrt::parameters, 0)), x.values());
}

// The ratio by its definition, target and proposal densities written out about a mean.
TEST_F(Chains, TheMetropolisTestKnowsTheMean) {
  Backend &backend = test_backend();
  backend.set_clock({});
  const std::vector<real> w = net_.parameters()[0].value.values(), means = random_values(chains * 3, 5);
  const double d = real(0.9), s = real(0.8), n = real(0.5), temperature = n * n / (d * d);
  for (size_t i = 0; i < start_.size(); ++i) start_[i] = real(means[i] + s * s * w[i % 3]);  // a step leaves the mode
  const Tensor x(backend, three.with_n(chains), start_), t(backend, three.with_n(chains), given_),
      mean(backend, three.with_n(chains), means);
  const LangevinStep step{real(d), real(s), real(n), key, 0, mean};
  const auto drifted = [&](double at, size_t i) { return at - d * d / 2 * ((at - means[i]) / (s * s) - w[i % 3]); };
  const auto log_target = [&](double at, size_t i) {
    return (w[i % 3] * at - (at - means[i]) * (at - means[i]) / (2 * s * s)) / temperature;
  };
  const size_t tested = 3;
  double wanted = 0;
  for (size_t chain = 0; chain < tested; ++chain) {
    double log_ratio = 0;
    for (size_t i = 3 * chain; i < 3 * chain + 3; ++i) {
      const double from = start_[i], to = drifted(from, i) + n * normal(0, int64_t(i));
      log_ratio += log_target(to, i) - log_target(from, i) +
                   (std::pow(to - drifted(from, i), 2) - std::pow(from - drifted(to, i), 2)) / (2 * n * n);
    }
    wanted += std::exp(std::min(0., log_ratio)) / double(tested);
  }
  Arena arena(backend);
  Pass f(net_, {x, t}, Statistics::batch, arena, arena, {Wrt::inputs}, 1);
  MetropolisTest test(backend, x, int64_t(tested), 1);
  Readings readings(backend, MetropolisTest::slots(int64_t(tested), 1));
  langevin(
      f, 2, step, [&](int64_t) { f.fill_seed(Wrt::inputs, 1); }, 0,
      [&](int64_t k, const LangevinStep &now) {
        k == 0 ? test.before(f, now, readings, 0) : test.after(f, now, readings, 0);
      });
  EXPECT_NEAR(test.acceptance(readings.read().data(), step), wanted, 1e-4);
  EXPECT_LT(wanted, 0.99);
}

}  // namespace
}  // namespace coopnets
