// The algorithms beside the cooperative one, and what all of them share.
#include <gtest/gtest.h>

#include <cmath>

#include "numerics/learners.h"

namespace coopnets {
namespace {

// Five iterations are two, and three after all that they leave was put into other nets.
template <class Nets>
void expect_exact_resuming(const LearningSettings &s) {
  Backend &backend = test_backend();
  const std::vector<real> observed = stripes();
  auto state_of = [&](Cooperative &c) {
    std::vector<std::pair<std::string, std::vector<real>>> all;
    for (const auto &[name, view] : c.state()) all.emplace_back(name, values(backend, view));
    return all;
  };
  Nets straight_nets(backend), first_nets(backend), second_nets(backend);
  Cooperative straight(backend, &straight_nets.descriptor, &straight_nets.generator, s, 3);
  Cooperative first(backend, &first_nets.descriptor, &first_nets.generator, s, 3);
  Cooperative second(backend, &second_nets.descriptor, &second_nets.generator, s, 3);
  for (int64_t i = 0; i < 5; ++i) straight.iterate(i, 1, {observed, {0, 1, 2}, {}});
  for (int64_t i = 0; i < 2; ++i) first.iterate(i, 1, {observed, {0, 1, 2}, {}});
  const auto saved = state_of(first);
  auto target = second.state();
  ASSERT_EQ(saved.size(), target.size());
  for (size_t i = 0; i < saved.size(); ++i) {
    ASSERT_EQ(saved[i].first, target[i].first);
    backend.upload(saved[i].second.data(), target[i].second.data, saved[i].second.size() * sizeof(real));
  }
  for (int64_t i = 2; i < 5; ++i) second.iterate(i, 1, {observed, {0, 1, 2}, {}});
  EXPECT_EQ(state_of(straight), state_of(second));
  EXPECT_NE(state_of(straight), saved);
}

class EveryAlgorithm : public testing::TestWithParam<Algorithm> {};

// Step G1 is on where there is one, through batch normalisation.
TEST_P(EveryAlgorithm, StateIsCompleteSoResumingIsExact) {
  expect_exact_resuming<SmallNets>(small_settings(GetParam()));
}

// So it is for nets that branch: a descriptor of two outputs, a generator of three inputs.
TEST_P(EveryAlgorithm, ResumingIsExactForNetsThatBranch) {
  expect_exact_resuming<BranchingNets>(small_settings(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(All, EveryAlgorithm,
                         testing::Values(Algorithm::cooperative, Algorithm::descriptor, Algorithm::persistent_cd,
                                         Algorithm::generator));

// Batch 3, four chains, four Langevin steps; step G1 has two, three where the generator is alone. Replays count, too.
TEST_P(EveryAlgorithm, CountsEachSweepOverEachExampleAsAPass) {
  Backend &backend = test_backend();
  SmallNets nets(backend);
  const LearningSettings s = small_settings(GetParam());
  Cooperative learner(backend, &nets.descriptor, &nets.generator, s, 3);
  const int64_t g0 = 4, d1 = 4 * (4 + 4), g1 = 2 * (4 + 4) + 4, d2 = 7 + 7, g2 = 4, alone = 3 * (3 + 3) + 3 + 3;
  const int64_t wanted = GetParam() == Algorithm::cooperative ? g0 + d1 + g1 + d2 + g2
                         : GetParam() == Algorithm::generator ? alone
                                                              : d1 + d2;
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t before = backend.passes();
    learner.iterate(i, 1, {stripes(), {0, 1, 2}, {}});
    EXPECT_EQ(backend.passes() - before, wanted) << i;
  }
}

// So it is where the data teach the generator too, whose latent vectors are kept.
TEST(DualTeaching, ResumingIsExact) {
  LearningSettings s = small_settings(Algorithm::cooperative);
  s.data_weight = 0.3;
  expect_exact_resuming<SmallNets>(s);
  expect_exact_resuming<BranchingNets>(s);
}

// g(z) = A z + b with x = g(z) + N(0, sigma^2): the posterior of z is Gaussian, of precision P = I + A'A / sigma^2 and
// mean P^-1 A'(x - b) / sigma^2. Steps of size d have that mean, and of an eigenvalue p of P the variance
// 1 / (p - d^2 p^2 / 4). Rates of 0 let the nets stay, so that step G1 of many iterations is one chain.
TEST(DualTeaching, LatentVectorsOfTheDataFollowThePosterior) {
  Backend &backend = test_backend();
  constexpr int64_t count = 50, iterations = 60, burnt = 10;
  Network d(backend, "descriptor", linear_net(1), {value3}, {3, Purpose::descriptor_weights}, 0.5);
  Network g(backend, "generator", linear_generator(3), {latent2}, {3, Purpose::generator_weights}, 0.5);
  const real columns[3][2] = {{0.6, 0}, {0.8, 0}, {0, 0.5}};  // A'A is diag(1, 1/4): z's elements are independent
  const real b[3] = {0.1, -0.2, 0.3}, x[3] = {1, 0.5, -0.9};
  g.parameters()[0].value.set_values({&columns[0][0], &columns[0][0] + 6});
  g.parameters()[1].value.set_values({b, b + 3});
  LearningSettings s = small_settings(Algorithm::cooperative);
  s.batch = count;
  s.chains = 3;
  s.generator_steps = 5;
  s.generator_step_size = 0.5;
  s.sigma = 0.5;
  s.data_weight = 0.5;
  s.descriptor.rate = s.generator.rate = 0;
  Cooperative learner(backend, &d, &g, s, count);
  std::vector<real> observed;
  std::vector<int64_t> indices;
  for (int64_t k = 0; k < count; ++k) observed.insert(observed.end(), x, x + 3), indices.push_back(count - 1 - k);
  double sum[2] = {}, squares[2] = {};
  for (int64_t i = 0; i < iterations; ++i) {
    learner.iterate(i, 1, {observed, indices, {}});
    const std::vector<real> z = values(backend, learner.state().back().second);
    for (size_t k = 0; i >= burnt && k < z.size(); ++k) sum[k % 2] += z[k], squares[k % 2] += double(z[k]) * z[k];
  }
  for (int j = 0; j < 2; ++j) {
    double p = 1, pull = 0;
    for (int i = 0; i < 3; ++i) {
      p += double(columns[i][j]) * columns[i][j] / (s.sigma * s.sigma);
      pull += double(columns[i][j]) * (double(x[i]) - b[i]) / (s.sigma * s.sigma);
    }
    const double n = double(count * (iterations - burnt)), mean = sum[j] / n, variance = squares[j] / n - mean * mean;
    const double step = s.generator_step_size;
    EXPECT_NEAR(mean, pull / p, 0.06) << j;  // 3 standard errors or more
    EXPECT_NEAR(variance * (p - step * step * p * p / 4), 1, 0.12) << j;
  }
}

// Each training example has a latent vector of its own: an iteration moves those of its batch and no other.
TEST(AlternatingBackPropagation, OnlyTheLatentVectorsOfTheBatchMove) {
  Backend &backend = test_backend();
  SmallNets nets(backend);
  LearningSettings s = small_settings(Algorithm::generator);
  s.batch = 2;
  Cooperative learner(backend, nullptr, &nets.generator, s, 5);
  const auto latents = [&] { return values(backend, learner.state().back().second); };
  ASSERT_EQ(learner.state().back().first, "latents");
  std::vector<real> before = latents();
  std::vector<real> observed = stripes();
  observed.resize(2 * 64);
  const std::vector<std::vector<int64_t>> batches = {{3, 1}, {0, 3}};
  for (size_t i = 0; i < batches.size(); ++i) {
    learner.iterate(int64_t(i), 1, {observed, batches[i], {}});
    const std::vector<real> after = latents();
    for (int64_t k = 0; k < 5; ++k) {
      const bool in_batch = k == batches[i][0] || k == batches[i][1];
      for (int64_t j = 0; j < 4; ++j) EXPECT_EQ(after[4 * k + j] != before[4 * k + j], in_batch) << k;
    }
    before = after;
  }
}

// z - (delta_z^2/2) dU/dz + delta_z n with U(z) = |z|^2/2 + |x - g(z)|^2/(2 sigma^2), whose slope is measured: through
// batch normalisation, which couples the examples.
TEST(AlternatingBackPropagation, StepG1FollowsTheSlopeThroughBatchNorm) {
  Backend &backend = test_backend();
  SmallNets nets(backend);
  LearningSettings s = small_settings(Algorithm::generator);
  s.generator_steps = 1;
  s.generator.rate = 0;  // g stays
  const std::vector<int64_t> order = {2, 0, 1};
  const std::vector<real> x = stripes();
  Cooperative learner(backend, nullptr, &nets.generator, s, 3);
  const auto latents = [&] {
    const std::vector<real> kept = values(backend, learner.state().back().second);
    std::vector<real> z;
    for (const int64_t k : order) z.insert(z.end(), kept.begin() + 4 * k, kept.begin() + 4 * k + 4);
    return z;
  };
  const std::vector<real> before = latents();
  learner.iterate(0, 1, {x, order, {}});
  const std::vector<real> after = latents();

  Tensor z(backend, {3, 1, 1, 1, 4});
  Arena arena(backend);
  Pass g_of_z(nets.generator, {z}, Statistics::batch, arena, arena, {});
  const auto energy = [&](const std::vector<real> &at) {
    z.set_values(at);
    g_of_z.forward();
    const std::vector<real> g = values(backend, g_of_z.output());
    double sum = 0;
    for (const real v : at) sum += double(v) * v / 2;
    for (size_t i = 0; i < g.size(); ++i) sum += std::pow(double(x[i]) - g[i], 2) / (2 * s.sigma * s.sigma);
    return sum;
  };
  const double h = sizeof(real) == 8 ? 1e-5 : 3e-3, d = s.generator_step_size;
  for (size_t k = 0; k < before.size(); ++k) {
    std::vector<real> up = before, down = before;
    up[k] += real(h);
    down[k] -= real(h);
    const double slope = (energy(up) - energy(down)) / (2 * h);
    const double expected = before[k] - d * d / 2 * slope + d * noise(s, Purpose::latent_langevin, 0, 0, int64_t(k));
    EXPECT_LE(std::abs(after[k] - expected), sizeof(real) == 8 ? 1e-8 : 1e-3 * d) << k;
    EXPECT_GT(std::abs(slope), 1e-3) << k << ": this check could not fail";
  }
}

// f(x) = w x with the reference N(0, s^2) is the Gaussian N(s^2 w, s^2): learning must find the mean of the data. Chains
// that begin anew keep 1 - delta^2 / (2 s^2) = 0.68 of where they began at each step: after 12, a percent.
class DescriptorAlone : public testing::TestWithParam<Algorithm> {};

TEST_P(DescriptorAlone, RecoversTheMeanOfAGaussian) {
  Backend &backend = test_backend();
  Network net(backend, "descriptor", linear_net(1), {value3}, {3, Purpose::descriptor_weights}, 0.01);
  LearningSettings s;
  s.algorithm = GetParam();
  s.batch = 100;
  s.chains = 100;
  s.langevin_steps = 12;
  s.langevin_step_size = 0.8;
  s.reference_deviation = 1;
  s.descriptor.rate = 0.02;
  Cooperative learner(backend, &net, nullptr, s, s.batch);
  const double mean[3] = {0.8, -0.5, 0.1};
  std::vector<real> observed = random_values(3 * s.batch, 9);
  std::vector<int64_t> indices;
  double sample_mean[3] = {};
  for (int64_t i = 0; i < 3 * s.batch; ++i) {
    observed[i] += real(mean[i % 3]);
    sample_mean[i % 3] += double(observed[i]) / s.batch;
  }
  for (int64_t i = 0; i < s.batch; ++i) indices.push_back(i);
  double w[3] = {};
  for (int64_t i = 0; i < 300; ++i) {
    learner.iterate(i, i < 150 ? 1 : 0.2, {observed, indices, {}});
    const std::vector<real> now = net.parameters()[0].value.values();
    if (i >= 200)
      for (int k = 0; k < 3; ++k) w[k] += now[k] / 100.0;
  }
  for (int k = 0; k < 3; ++k)
    EXPECT_LE(std::abs(w[k] - sample_mean[k]), 0.05) << k;  // standard error of the chains' mean: 0.1 / 10
}

INSTANTIATE_TEST_SUITE_P(Both, DescriptorAlone, testing::Values(Algorithm::descriptor, Algorithm::persistent_cd));

// x = W z + noise: the generator alone is probabilistic principal component analysis, whose columns span the principal
// subspace.
TEST(AlternatingBackPropagation, ALinearGeneratorRecoversThePrincipalSubspace) {
  Backend &backend = test_backend();
  Network net(backend, "generator", linear_generator(5), {latent2}, {3, Purpose::generator_weights}, 0.3);
  LearningSettings s;
  s.algorithm = Algorithm::generator;
  s.batch = 100;
  s.generator_steps = 10;
  s.generator_step_size = 0.15;
  s.sigma = 0.3;
  s.generator.rate = 0.02;
  Cooperative learner(backend, nullptr, &net, s, s.batch);
  const double basis[2][5] = {{1, 0.5, 0, -0.5, 1}, {0, 1, 1, 0.5, -0.25}};
  const std::vector<real> z = random_values(2 * s.batch, 21), e = random_values(5 * s.batch, 22, 0.05);
  std::vector<real> observed(5 * s.batch);
  std::vector<int64_t> indices;
  for (int64_t k = 0; k < s.batch; ++k) {
    indices.push_back(k);
    for (int i = 0; i < 5; ++i)
      observed[5 * k + i] = real(basis[0][i] * z[2 * k] + basis[1][i] * z[2 * k + 1]) + e[5 * k + i];
  }
  double first = 0, last = 0;
  for (int64_t i = 0; i < 400; ++i) {
    learner.iterate(i, i < 300 ? 1 : 0.1, {observed, indices, {}});
    (i == 0 ? first : last) = learner.monitor().reconstruction;
  }
  EXPECT_LE(last, 0.35 * first);
  // What is left of the columns of W outside the span of the basis (Gram-Schmidt) is small.
  std::vector<std::vector<double>> q;
  for (const auto &b : basis) {
    std::vector<double> v(b, b + 5);
    for (const auto &u : q) {
      double dot = 0;
      for (int i = 0; i < 5; ++i) dot += u[i] * v[i];
      for (int i = 0; i < 5; ++i) v[i] -= dot * u[i];
    }
    double norm = 0;
    for (double t : v) norm += t * t;
    for (double &t : v) t /= std::sqrt(norm);
    q.push_back(v);
  }
  const std::vector<real> W = net.parameters()[0].value.values();  // [5][2]
  for (int j = 0; j < 2; ++j) {
    std::vector<double> v(5);
    double all = 0, outside = 0;
    for (int i = 0; i < 5; ++i) all += std::pow(v[i] = W[2 * i + j], 2);
    for (const auto &u : q) {
      double dot = 0;
      for (int i = 0; i < 5; ++i) dot += u[i] * v[i];
      for (int i = 0; i < 5; ++i) v[i] -= dot * u[i];
    }
    for (double t : v) outside += t * t;
    EXPECT_LE(outside, 0.01 * all) << "column " << j;
    EXPECT_GT(all, 0.2);
  }
}

}  // namespace
}  // namespace coopnets
