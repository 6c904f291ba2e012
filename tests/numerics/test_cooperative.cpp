#include "learning/cooperative.h"

#include <gtest/gtest.h>

#include <set>

#include "numerics/learners.h"

namespace coopnets {
namespace {

std::vector<double> doubles(const std::vector<real> &v) { return {v.begin(), v.end()}; }

// What step G2 learns from is what lies within the border: with none of it left, the generator learns nothing.
TEST(Cooperative, StepG2LeavesTheBorderOut) {
  Backend &backend = test_backend();
  LearningSettings s = small_settings(Algorithm::cooperative);
  const auto learned = [&](int64_t border) {
    SmallNets nets(backend);
    const auto parameters = [&] {
      std::vector<real> all;
      for (const Parameter &p : nets.generator.parameters())
        for (const real v : p.value.values()) all.push_back(v);
      return all;
    };
    const std::vector<real> before = parameters();
    s.border = border;
    Cooperative learner(backend, &nets.descriptor, &nets.generator, s, 3);
    learner.iterate(0, 1, {stripes(), {0, 1, 2}, {}});
    return parameters() != before;
  };
  EXPECT_FALSE(learned(4));  // pictures of 8x8
  EXPECT_TRUE(learned(3));
}

// The noise of a step has deviation delta sqrt(T).
TEST(Cooperative, TheTemperatureScalesTheNoiseOfStepD1) {
  Backend &backend = test_backend();
  std::vector<std::vector<real>> revised;
  LearningSettings s = linear_settings();
  s.generator_steps = 0;
  s.langevin_steps = 1;
  const std::vector<real> observed = random_values(6, 4);
  for (const double temperature : {1., 0.25, 0.}) {
    LinearNets nets(backend);
    s.temperature = temperature;
    Cooperative learner(backend, &nets.descriptor, &nets.generator, s, 2);
    learner.iterate(3, 1, {observed, {0, 1}, {}});
    revised.push_back(values(backend, learner.revised()));
  }
  for (int64_t i = 0; i < 12; ++i) {
    const double n = s.langevin_step_size * noise(s, Purpose::langevin, 3, 0, i);
    EXPECT_NEAR(revised[0][i], revised[2][i] + n, 1e-6);
    EXPECT_NEAR(revised[1][i], revised[2][i] + n / 2, 1e-6);
  }
}

// [M], add_cnn_block.m: biases and the scales of batch norm learn at twice the rate, filters and shifts at once; weight
// decay is for filters alone. With no velocity yet, value = before - rate * factor * (gradient + decay).
TEST(Cooperative, CappedMomentumHasTheMatConvNetCodesRates) {
  Backend &backend = test_backend();
  SmallNets nets(backend);
  Tensor z(backend, {3, 1, 1, 1, 4}, random_values(12, 3));
  Arena arena(backend);
  Pass pass(nets.generator, {z}, Statistics::batch, arena, arena, {Wrt::parameters});
  Optimizer optimizer(backend, nets.generator, {OptimizerSettings::capped_momentum, 0.1, 0, false});
  pass.forward();
  const std::vector<real> r = random_values(pass.output().shape.size(), 4);
  backend.upload(r.data(), pass.seed(Wrt::parameters).data, r.size() * sizeof(real));
  pass.backward(Wrt::parameters);
  std::vector<std::vector<real>> before, gradient;
  for (size_t i = 0; i < nets.generator.parameters().size(); ++i) {
    before.push_back(nets.generator.parameters()[i].value.values());
    gradient.push_back(values(backend, pass.gradient(Wrt::parameters, i)));
  }
  backend.set_clock({0, 1});
  optimizer.step(pass);
  std::set<int> kinds;
  for (size_t i = 0; i < before.size(); ++i) {
    const Parameter &p = nets.generator.parameters()[i];
    const bool filters = p.name.find("filters") != std::string::npos, shift = p.name.find("shift") != std::string::npos;
    const double rate = filters || shift ? 0.1 : 0.2, decay = filters ? 1e-4 : 0;
    kinds.insert(int(p.kind));
    const std::vector<real> after = p.value.values();
    for (size_t k = 0; k < after.size(); ++k)
      EXPECT_NEAR(after[k], before[i][k] - rate * (gradient[i][k] + decay * before[i][k]), 1e-5) << p.name << ' ' << k;
  }
  EXPECT_EQ(kinds.size(), 4u);  // filters, bias, scale, shift
}

// Reading them later changes nothing, and nothing is lost as long as they are taken in time.
TEST(Cooperative, MonitorsAreKeptUntilTheyAreTaken) {
  Backend &backend = test_backend();
  LinearNets once(backend), later(backend);
  LearningSettings s = linear_settings();
  s.noise_until = 3;  // both kinds of iteration
  Cooperative each(backend, &once.descriptor, &once.generator, s, 2);
  Cooperative some(backend, &later.descriptor, &later.generator, s, 2);
  EXPECT_TRUE(some.take_monitors().empty());
  const std::vector<real> observed = random_values(6, 4);
  std::vector<Monitor> expected;
  for (int64_t i = 0; i < 70; ++i) {
    each.iterate(i, 1, {observed, {0, 1}, {}});
    some.iterate(i, 1, {observed, {0, 1}, {}});
    expected.push_back(each.monitor());
    if (i == 1 || i == 69) {
      const std::vector<Monitor> taken = some.take_monitors();
      ASSERT_EQ(taken.size(), i == 1 ? 2u : size_t(Learner::kept_readings));
      const size_t first = expected.size() - taken.size();
      for (size_t k = 0; k < taken.size(); ++k) {
        EXPECT_EQ(taken[k].iteration, i + 2 - int64_t(taken.size()) + int64_t(k));
        EXPECT_EQ(taken[k].energy_observed, expected[first + k].energy_observed) << i << ' ' << k;
        EXPECT_EQ(taken[k].energy_revised, expected[first + k].energy_revised) << i << ' ' << k;
        EXPECT_EQ(taken[k].reconstruction, expected[first + k].reconstruction) << i << ' ' << k;
        EXPECT_EQ(std::isnan(taken[k].acceptance), taken[k].iteration > 3) << i << ' ' << k;
        EXPECT_EQ(taken[k].layer_maximum, expected[first + k].layer_maximum) << i << ' ' << k;
      }
    }
  }
  EXPECT_TRUE(some.take_monitors().empty());
}

TEST(Cooperative, TheMonitorReportsMeans) {
  Backend &backend = test_backend();
  LinearNets nets(backend);
  LearningSettings s = linear_settings();
  s.generator_steps = 0;
  Cooperative learner(backend, &nets.descriptor, &nets.generator, s, 2);
  const std::vector<real> w = nets.descriptor.parameters()[0].value.values();
  const std::vector<real> observed = random_values(6, 4);
  learner.iterate(0, 1, {observed, {0, 1}, {}});
  const Monitor m = learner.monitor();
  auto energy = [&](const std::vector<real> &x) {
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i) sum += double(x[i]) * w[i % 3];
    return sum / (x.size() / 3);
  };
  const std::vector<real> x0 = values(backend, learner.generated()), x = values(backend, learner.revised());
  EXPECT_NEAR(m.energy_observed, energy(observed), 1e-5);
  EXPECT_NEAR(m.energy_initial, energy(x0), 1e-5);
  EXPECT_NEAR(m.energy_revised, energy(x), 1e-5);
  EXPECT_NEAR(m.gradient, (std::abs(w[0]) + std::abs(w[1]) + std::abs(w[2])) / 3, 1e-5);
  double squares = 0;
  for (size_t i = 0; i < x.size(); ++i) squares += (double(x[i]) - x0[i]) * (double(x[i]) - x0[i]);
  EXPECT_NEAR(m.reconstruction, std::sqrt(squares / x.size()), 1e-5);
  ASSERT_EQ(m.layer_maximum.size(), 1u);
}

// The mean over the observed examples is of g(z) before step G2: b is 0 at first, and rates of 0 let A stay. Without a
// weight of the data there is no such column.
TEST(Cooperative, TheMonitorReportsTheReconstructionOfTheDataWhereTheyTeach) {
  Backend &backend = test_backend();
  LinearNets nets(backend);
  LearningSettings s = linear_settings();
  const auto names = [](const Learner &learner) {
    std::vector<std::string> all;
    for (const Column &column : learner.columns()) all.push_back(column.name);
    return all;
  };
  const Cooperative without(backend, &nets.descriptor, &nets.generator, s, 2);
  std::vector<std::string> expected = names(without);
  expected.insert(expected.begin() + 5, "reconstruction_data");
  s.data_weight = 0.3;
  s.generator.rule = s.descriptor.rule = OptimizerSettings::momentum;
  s.generator.rate = s.descriptor.rate = 0;
  Cooperative learner(backend, &nets.descriptor, &nets.generator, s, 2);
  EXPECT_EQ(names(learner), expected);
  const std::vector<real> observed = random_values(6, 4);
  learner.iterate(0, 1, {observed, {1, 0}, {}});
  const std::vector<real> A = nets.generator.parameters()[0].value.values();
  const std::vector<real> z = values(backend, learner.state().back().second);
  double squares = 0;
  for (int k = 0; k < 2; ++k)
    for (int i = 0; i < 3; ++i)
      squares += std::pow(double(observed[3 * k + i]) - A[2 * i] * z[2 * (1 - k)] - A[2 * i + 1] * z[3 - 2 * k], 2);
  const std::vector<Reading> readings = learner.take_readings();
  ASSERT_EQ(readings.size(), 1u);
  ASSERT_EQ(readings[0].values.size(), expected.size());
  EXPECT_NEAR(readings[0].values[5], std::sqrt(squares / 6), 1e-5);
  EXPECT_GT(std::abs(readings[0].values[5] - readings[0].values[4]), 1e-3) << "that of the chains is another";
}

// The Metropolis-Hastings ratio by its definition, target and proposal densities written out, of the step before the
// last noisy one; and what the revision has beyond the noise that it drew.
TEST(Cooperative, TheMonitorChecksLangevinStepsAsPhysics) {
  for (const double temperature : {1., 0.3})
    for (const int cold : {0, 1}) {
      Backend &backend = test_backend();
      LinearNets nets(backend);
      LearningSettings s = linear_settings();
      s.generator_steps = 0;
      s.temperature = temperature;
      s.langevin_steps = 4 + cold;
      s.cold_steps = cold;
      s.langevin_step_size = 0.7;
      Cooperative learner(backend, &nets.descriptor, &nets.generator, s, 2);
      const std::vector<real> w = nets.descriptor.parameters()[0].value.values();
      learner.iterate(0, 1, {random_values(6, 4), {0, 1}, {}});
      const Monitor m = learner.monitor();

      const double d = s.langevin_step_size, n = d * std::sqrt(temperature), r2 = std::pow(s.reference_deviation, 2);
      const auto mean = [&](double x, size_t i) { return x - d * d / 2 * (x / r2 - w[i % 3]); };
      const auto log_target = [&](double x, size_t i) {
        return (double(w[i % 3]) * x - x * x / (2 * r2)) / temperature;
      };
      std::vector<double> x = doubles(values(backend, learner.generated())), log_ratio(4, 0.);
      double of_noise = 0;  // sum over the noisy steps of the squares of n times (1 - d^2 / (2 s^2))^(later steps)
      for (int k = 0; k < 4; ++k)
        of_noise += std::pow(n * std::pow(1 - d * d / (2 * r2), double(s.langevin_steps - 1 - k)), 2);
      for (int k = 0; k < 4; ++k)
        for (size_t i = 0; i < x.size(); ++i) {
          const double next = mean(x[i], i) + n * noise(s, Purpose::langevin, 0, k, int(i));
          if (k == 2)
            log_ratio[i / 3] += log_target(next, i) - log_target(x[i], i) +
                                (std::pow(next - mean(x[i], i), 2) - std::pow(x[i] - mean(next, i), 2)) / (2 * n * n);
          x[i] = next;
        }
      double acceptance = 0;
      for (const double log : log_ratio) acceptance += std::exp(std::min(0., log)) / 4;
      EXPECT_NEAR(m.acceptance, acceptance, 1e-4);
      EXPECT_LT(acceptance, 0.99);

      const std::vector<real> x0 = values(backend, learner.generated()), last = values(backend, learner.revised());
      double squares = 0;
      for (size_t i = 0; i < last.size(); ++i) squares += std::pow(double(last[i]) - x0[i], 2) / double(last.size());
      EXPECT_NEAR(m.drift, std::max(0., 1 - of_noise / squares), 1e-5);
    }
  // Without noise there is no chain to test, and all is drift.
  Backend &backend = test_backend();
  LinearNets nets(backend);
  LearningSettings s = linear_settings();
  s.noise_until = 0;
  Cooperative learner(backend, &nets.descriptor, &nets.generator, s, 2);
  learner.iterate(0, 1, {random_values(6, 4), {0, 1}, {}});
  EXPECT_TRUE(std::isnan(learner.monitor().acceptance));
  EXPECT_EQ(learner.monitor().drift, 1);
}

// With step G1 the generator ends with other latent vectors.
TEST(Cooperative, TheInitialSamplesAreThoseOfStepG0) {
  Backend &backend = test_backend();
  LinearNets with_nets(backend), without_nets(backend);
  LearningSettings s = linear_settings();
  Cooperative with(backend, &with_nets.descriptor, &with_nets.generator, s, 2);
  s.generator_steps = 0;
  Cooperative without(backend, &without_nets.descriptor, &without_nets.generator, s, 2);
  const std::vector<real> observed = random_values(6, 4);
  for (Cooperative *learner : {&with, &without}) learner->iterate(0, 1, {observed, {0, 1}, {}});
  EXPECT_EQ(values(backend, with.generated()), values(backend, without.generated()));
  EXPECT_EQ(with.monitor().energy_initial, without.monitor().energy_initial);
}

TEST(Cooperative, TheEnergyGapClosesAndTheGeneratorFollows) {
  Backend &backend = test_backend();
  SmallNets nets(backend);
  LearningSettings s = small_settings(Algorithm::cooperative);
  s.batch = 1;
  s.langevin_steps = 10;
  s.langevin_step_size = 0.02;
  s.reference_deviation = 0.1;
  s.descriptor.rate = 0.002;
  s.generator.rate = 0.01;
  s.generator_steps = 0;
  Cooperative learner(backend, &nets.descriptor, &nets.generator, s, 1);
  std::vector<real> observed = stripes();
  observed.resize(64);  // one picture of diagonal stripes
  Monitor m{};
  auto gap = [&] { return (m.energy_observed - m.energy_revised) / std::abs(m.energy_observed); };
  for (int64_t i = 0; i < 210; ++i) {
    learner.iterate(i, i < 200 ? 1 : 0.1, {observed, {0}, {}});
    m = learner.monitor();
    if (i == 40) {
      EXPECT_GT(gap(), 0.8) << "the descriptor has found what tells stripes from noise";
    }
  }
  EXPECT_LE(gap(), 0.3);
  EXPECT_GT(m.energy_initial, 0.6 * m.energy_observed) << "the generator has learned it from the revised samples";
  const std::vector<real> x = values(backend, learner.revised());
  for (int chain = 0; chain < 4; ++chain) {
    double distance = 0;  // an empty picture has 1
    for (int i = 0; i < 64; ++i) distance += std::pow(double(x[64 * chain + i]) - observed[i], 2) / 64;
    EXPECT_LE(distance, 0.4) << "chain " << chain;
  }
}

TEST(Cooperative, MismatchedNetsAndBatchesAreRefused) {
  Backend &backend = test_backend();
  Network d(backend, "descriptor", linear_net(1), {value3}, {}, 0.1);
  Network g(backend, "generator", linear_generator(4), {latent2}, {}, 0.1);
  EXPECT_THROW(Cooperative(backend, &d, &g, linear_settings(), 2), std::invalid_argument);
  LinearNets nets(backend);
  Cooperative learner(backend, &nets.descriptor, &nets.generator, linear_settings(), 2);
  EXPECT_THROW(learner.iterate(0, 1, {std::vector<real>(3), {0}, {}}), std::invalid_argument);
  LearningSettings unrevised = linear_settings();
  unrevised.langevin_steps = 0;
  EXPECT_THROW(Cooperative(backend, &nets.descriptor, &nets.generator, unrevised, 2), std::invalid_argument);
  LearningSettings alone = linear_settings();
  alone.algorithm = Algorithm::generator;
  alone.generator_steps = 0;
  EXPECT_THROW(Cooperative(backend, nullptr, &nets.generator, alone, 2), std::invalid_argument);
  LearningSettings dual = linear_settings();
  dual.data_weight = 0.3;
  Cooperative from_data(backend, &nets.descriptor, &nets.generator, dual, 2);
  EXPECT_THROW(from_data.iterate(0, 1, {random_values(6, 4), {0, 2}, {}}), std::invalid_argument) << "of 2 examples";
  for (const Algorithm algorithm : {Algorithm::descriptor, Algorithm::persistent_cd, Algorithm::generator}) {
    dual.algorithm = algorithm;
    EXPECT_THROW(Cooperative(backend, &nets.descriptor, &nets.generator, dual, 2), std::invalid_argument);
  }
  dual = linear_settings();
  dual.data_weight = 0.3;
  dual.generator_steps = 0;
  EXPECT_THROW(Cooperative(backend, &nets.descriptor, &nets.generator, dual, 2), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
