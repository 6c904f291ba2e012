// The rivals that sample by a chain: a Boltzmann machine against its partition function, the contractive penalty against
// the Jacobian, what a chain starts from.
#include <cmath>

#include "cpu/cpu.h"
#include "files.h"
#include "rivals/boltzmann_machine.h"
#include "rivals/contractive_layer.h"

namespace coopnets {
namespace {

constexpr int visible = 4, hidden = 3;

// What a machine says exactly: <v_i h_j>, <v_i>, <h_j> and P(v), by going through all states.
struct Exact {
  double pair[visible][hidden] = {}, of_visible[visible] = {}, of_hidden[hidden] = {}, probability[1 << visible] = {};
  explicit Exact(const TiedLayers &machine) {
    const std::vector<real> w = machine.weights.values(), b = machine.visible_bias.values(),
                            c = machine.hidden_bias.values();
    double sum = 0;
    for (int v = 0; v < 1 << visible; ++v)
      for (int h = 0; h < 1 << hidden; ++h) {
        double energy = 0;
        for (int i = 0; i < visible; ++i)
          for (int j = 0; j < hidden; ++j) energy -= (v >> i & 1) * (h >> j & 1) * double(w[i * hidden + j]);
        for (int i = 0; i < visible; ++i) energy -= (v >> i & 1) * double(b[i]);
        for (int j = 0; j < hidden; ++j) energy -= (h >> j & 1) * double(c[j]);
        const double p = std::exp(-energy);
        sum += p;
        probability[v] += p;
        for (int i = 0; i < visible; ++i) of_visible[i] += (v >> i & 1) * p;
        for (int j = 0; j < hidden; ++j) of_hidden[j] += (h >> j & 1) * p;
        for (int i = 0; i < visible; ++i)
          for (int j = 0; j < hidden; ++j) pair[i][j] += (v >> i & 1) * (h >> j & 1) * p;
      }
    for (double &p : probability) p /= sum;
    for (double &p : of_visible) p /= sum;
    for (double &p : of_hidden) p /= sum;
    for (auto &row : pair)
      for (double &p : row) p /= sum;
  }
};

// So many Gibbs steps of all chains of a machine; its hidden_mean begins and ends as P(h | v).
void gibbs(Backend &backend, BoltzmannMachine &m, const Tensor &sample, int64_t steps, int64_t from) {
  for (int64_t k = 0; k < steps; ++k) {
    backend.set_clock({from + k, 1});
    backend.bernoulli(m.hidden_mean, {1, Purpose::test}, 0, m.hidden_sample);
    m.down(m.hidden_sample, m.visible_mean);
    backend.bernoulli(m.visible_mean, {1, Purpose::test}, 1, sample);
    m.up(sample, m.hidden_mean);
  }
}

TEST(RivalChains, ABoltzmannMachinesChainHasTheStatisticsOfItsPartitionFunction) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(2);
  const int64_t chains = 20000;
  BoltzmannMachine m(*backend, visible, hidden, {3, Purpose::test}, 0, chains, 1);
  m.visible_bias.set_values({real(0.5), -1, 0, real(0.3)});
  m.hidden_bias.set_values({-real(0.2), real(0.7), 0});
  const Exact exact(m);
  const Tensor sample(*backend, m.visible(chains));
  backend->fill(m.hidden_mean, real(0.5));
  gibbs(*backend, m, sample, 60, 0);
  Tensor to[3] = {Tensor(*backend, m.weights.shape()), Tensor(*backend, m.visible_bias.shape()),
                  Tensor(*backend, m.hidden_bias.shape())};
  m.statistics(sample, m.hidden_mean, to);
  const std::vector<real> pair = to[0].values(), v = to[1].values(), h = to[2].values();
  const double near = 4 * 0.5 / std::sqrt(double(chains));  // four standard errors at most
  for (int i = 0; i < visible; ++i) EXPECT_NEAR(v[i] / chains, exact.of_visible[i], near);
  for (int j = 0; j < hidden; ++j) EXPECT_NEAR(h[j] / chains, exact.of_hidden[j], near);
  for (int i = 0; i < visible; ++i)
    for (int j = 0; j < hidden; ++j) EXPECT_NEAR(pair[i * hidden + j] / chains, exact.pair[i][j], near);
}

// Persistent chains: the machine learns a distribution over four units that no product of units has.
TEST(RivalChains, ABoltzmannMachineLearnsWhatItIsShown) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(2);
  const int64_t count = 200;
  BoltzmannMachine m(*backend, visible, hidden, {3, Purpose::test}, 0, count, 0.1);
  std::vector<real> shown;  // 1100 and 0011, as often
  for (int64_t n = 0; n < count; ++n)
    for (int i = 0; i < visible; ++i) shown.push_back(real((i < 2) == (n % 2 == 0)));
  const Tensor v(*backend, m.visible(count), shown), h(*backend, m.hidden(count)), sample(*backend, m.visible(count));
  backend->fill(m.hidden_mean, real(0.5));
  for (int64_t k = 0; k < 3000; ++k) {
    m.up(v, h);
    gibbs(*backend, m, sample, 5, 5 * k);
    m.step(v, h, sample, double(count), 0.05, 0.5);
  }
  const Exact exact(m);
  EXPECT_NEAR(exact.probability[0b0011], 0.5, 0.1);
  EXPECT_NEAR(exact.probability[0b1100], 0.5, 0.1);
}

// |dh/dx|^2 by central differences of h = sigmoid(W'x + c).
TEST(RivalChains, TheContractivePenaltyIsTheJacobiansNorm) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  const int64_t pixels = 6, units = 5, count = 3;
  ContractiveLayer layer(*backend, pixels, units, {3, Purpose::test}, 0, count, 0.8);
  layer.hidden_bias.set_values({real(0.3), -real(0.4), 0, real(0.1), -1});
  std::vector<real> x;
  for (int64_t i = 0; i < count * pixels; ++i) x.push_back(real(0.1 * double(i % 11)));
  const Tensor moved(*backend, layer.visible(count)), h(*backend, layer.hidden(count));
  std::vector<double> wanted(count, 0);
  const real step = real(1e-2);
  for (int64_t k = 0; k < pixels; ++k) {
    std::vector<real> ends[2];
    for (const int side : {0, 1}) {
      std::vector<real> y = x;
      for (int64_t n = 0; n < count; ++n) y[size_t(n * pixels + k)] += side == 0 ? step : -step;
      backend->upload(y.data(), moved.data(), y.size() * sizeof(real));
      layer.up(moved, h);
      ends[side] = h.values();
    }
    for (int64_t i = 0; i < count * units; ++i)
      wanted[size_t(i / units)] += std::pow((double(ends[0][size_t(i)]) - ends[1][size_t(i)]) / (2 * double(step)), 2);
  }
  layer.x.set_values(x);
  const Tensor made(*backend, layer.visible(count));
  layer.step(0, made);
  const std::vector<real> penalty = values(*backend, layer.penalty());
  for (int64_t n = 0; n < count; ++n) EXPECT_NEAR(penalty[size_t(n)], wanted[size_t(n)], 2e-4 * wanted[size_t(n)]);
}

// The loss of the contractive layer falls along its step.
TEST(RivalChains, AContractiveLayerLearnsToReconstruct) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  ContractiveLayer layer(*backend, 8, 4, {3, Purpose::test}, 0, 4, 0.1);
  std::vector<real> x;
  for (int n = 0; n < 4; ++n)
    for (int i = 0; i < 8; ++i) x.push_back(real(i / 2 == n));
  layer.x.set_values(x);
  const Tensor made(*backend, layer.visible(4));
  const auto error = [&] {
    const std::vector<real> y = made.values();
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i) sum += (y[i] - x[i]) * (y[i] - x[i]);
    return sum / 4;
  };
  layer.step(0, made);
  const double before = error();
  for (int k = 0; k < 1500; ++k) {
    backend->set_clock({k, 1});
    layer.step(0.01, made);
  }
  EXPECT_GT(before, 1.5);
  EXPECT_LT(error(), 0.2);
}

// Samples begin at another place for another seed, follow the chain from batch to batch, and are probabilities.
TEST(RivalChains, SamplesAreMeansAndRepeatBySeed) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  for (const char *name : {"dbn", "cae", "gsn"}) {
    SCOPED_TRACE(name);
    const Rival &rival = *find_rival(name);
    Settings s = rival_settings(rival, find_experiment("digits"), "quick");
    s.set_all("width=8 batch=3 iterations=3 sample_steps=2 generator_init=0.5");
    const auto drawn = [&](uint64_t seed, int64_t count) {
      const std::unique_ptr<ChainLearner> learner = rival.chain({*backend, {1, 1, 6, 6, 1}, s, 1});
      Batch batch;
      for (int64_t i = 0; i < 3 * 36; ++i) batch.examples.push_back(real(i % 5 < 2 ? 1 : -1));
      learner->iterate(0, 1, batch);
      LearningSettings settings;
      settings.seed = seed;
      std::vector<real> all;
      learner->draw(settings, count,
                    [&](int64_t first, const std::vector<real> &made, const std::vector<real> &better) {
                      EXPECT_EQ(first * 36, int64_t(all.size()));
                      EXPECT_TRUE(better.empty());
                      all.insert(all.end(), made.begin(), made.end());
                    });
      return all;
    };
    const std::vector<real> seven = drawn(1, 7), five = drawn(1, 5);
    ASSERT_EQ(seven.size(), 7u * 36);
    for (const real v : seven) EXPECT_TRUE(v >= -1 && v <= 1);
    EXPECT_TRUE(std::equal(five.begin(), five.end(), seven.begin()));
    EXPECT_FALSE(drawn(2, 5) == five);
  }
}

// Layers of zeros that learn nothing make one picture of all: told once in learning, and once of the samples. Those with
// weights, before the patience is over, are not told of.
TEST(RivalChains, WhatIsAllAlikeIsToldOnce) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  for (const char *name : {"dbn", "cae", "gsn"}) {
    SCOPED_TRACE(name);
    const Rival &rival = *find_rival(name);
    Settings s = rival_settings(rival, find_experiment("digits"), "quick");
    s.set_all("width=4 batch=3 iterations=3000 sample_steps=2 generator_init=0 generator_rate=0");
    const std::unique_ptr<ChainLearner> learner = rival.chain({*backend, {1, 1, 4, 4, 1}, s, 1});
    Batch batch;
    for (int64_t i = 0; i < 3 * 16; ++i) batch.examples.push_back(real(i % 5 < 2 ? 1 : -1));
    std::vector<std::string> told;
    for (int64_t i = 0; i < 700; ++i) {
      learner->iterate(i, 1, batch);
      for (const Reading &reading : learner->take_readings())
        if (!reading.warning.empty()) told.push_back(reading.warning);
    }
    ASSERT_EQ(told.size(), 1u);
    EXPECT_CONTAINS(told[0], "iteration 500: all samples have been alike for 500 iterations");
    told.clear();
    learner->warn = [&](const std::string &text) { told.push_back(text); };
    learner->draw({}, 9, [](int64_t, const std::vector<real> &, const std::vector<real> &) {});
    ASSERT_EQ(told.size(), 1u);
    EXPECT_CONTAINS(told[0], "all samples that are made together are alike");
  }
}

}  // namespace
}  // namespace coopnets
