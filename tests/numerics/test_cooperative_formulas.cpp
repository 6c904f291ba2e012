// Cooperative learning beside its formulas in plain loops.
#include <gtest/gtest.h>

#include "numerics/learners.h"

namespace coopnets {
namespace {

// Algorithm 1 of the paper in plain loops over doubles, for the linear nets; where the data have a weight, with the
// observed examples and their latent vectors before those of the chains.
struct Naive {
  const LearningSettings s;
  const int data, chains, all;
  std::vector<double> w, A, b;  // w[3], A[3][2], b[3]
  std::vector<double> vw, vA, vb, z, x, kept;
  int64_t iteration = 0;

  Naive(const LearningSettings &settings, LinearNets &nets)
      : s(settings), data(s.data_weight > 0 ? int(s.batch) : 0), chains(int(s.chains)), all(data + chains) {
    const auto copied = [](Network &net, size_t i) {
      const std::vector<real> values = net.parameters()[i].value.values();
      return std::vector<double>(values.begin(), values.end());
    };
    w = copied(nets.descriptor, 0);
    A = copied(nets.generator, 0);  // [1,1,1,3,2]
    b = vb = vw = std::vector<double>(3);
    vA = std::vector<double>(6);
    z.resize(size_t(2 * all));
    x.resize(size_t(3 * all));
    for (int k = 0; k < 2 * data; ++k) kept.push_back(noise(s, Purpose::second_latent, 0, 0, k));
  }

  double g(int k, int i) const { return A[2 * i] * z[2 * k] + A[2 * i + 1] * z[2 * k + 1] + b[i]; }

  // `residuals`: what the squared residuals of all chains are divided by, and those of the data.
  void iterate(const std::vector<real> &observed, const std::vector<int64_t> &indices, double residuals,
               double of_data) {
    for (int k = 0; k < data; ++k)
      for (int j = 0; j < 2; ++j) z[2 * k + j] = kept[2 * indices[k] + j];
    for (int k = 0; k < 3 * data; ++k) x[k] = observed[k];
    begin_and_revise();
    step_g1();
    step_g2(residuals, of_data);
    for (int k = 0; k < data; ++k)
      for (int j = 0; j < 2; ++j) kept[2 * indices[k] + j] = z[2 * k + j];
    if (data > 0) begin_and_revise();  // the descriptor learns from what the new generator makes
    step_d2(observed);
    ++iteration;
  }

 private:
  void begin_and_revise() {  // G0, D1
    for (int k = 0; k < 2 * chains; ++k) z[2 * data + k] = noise(s, Purpose::latent, iteration, 0, k);
    for (int k = data; k < all; ++k)
      for (int i = 0; i < 3; ++i) x[3 * k + i] = g(k, i);
    const double d = s.langevin_step_size, r2 = s.reference_deviation * s.reference_deviation;
    for (int l = 0; l < s.langevin_steps; ++l)
      for (int k = 0; k < 3 * chains; ++k) {
        double &at = x[3 * data + k];
        at += -d * d / 2 * (at / r2 - w[k % 3]) + d * noise(s, Purpose::langevin, iteration, l, k);
      }
  }
  void step_g1() {
    const double e = s.generator_step_size, s2 = s.sigma * s.sigma;
    const auto drawn = [&](int l, int k, int j) {  // data and chains by counters of their own, where there are both
      const int parts = data > 0 ? 2 : 1, part = data > 0 && k >= data, own = k - (k >= data ? data : 0);
      return noise(s, Purpose::latent_langevin, iteration, l * parts + part, 2 * own + j);
    };
    for (int l = 0; l < s.generator_steps; ++l) {
      std::vector<double> next = z;
      for (int k = 0; k < all; ++k)
        for (int j = 0; j < 2; ++j) {
          double pull = 0;
          for (int i = 0; i < 3; ++i) pull += A[2 * i + j] * (x[3 * k + i] - g(k, i)) / s2;
          next[2 * k + j] += -e * e / 2 * (z[2 * k + j] - pull) + e * drawn(l, k, j);
        }
      z = next;
    }
  }
  static constexpr double decay = 1e-4;
  void step_d2(const std::vector<real> &observed) {  // gradient ascent with momentum, decay on the filters
    for (int i = 0; i < 3; ++i) {
      double mean_observed = 0, mean_revised = 0;
      for (int k = 0; k < s.batch; ++k) mean_observed += double(observed[3 * k + i]) / s.batch;
      for (int k = data; k < all; ++k) mean_revised += x[3 * k + i] / chains;
      vw[i] = 0.5 * vw[i] - decay * w[i] + (mean_observed - mean_revised);
      w[i] += s.descriptor.rate * vw[i];
    }
  }
  // Descent on |x - g(z)|^2 / (2 sigma^2), summed and divided.
  void step_g2(double residuals, double of_data) {
    std::vector<double> dA(6), db(3);
    for (int k = 0; k < all; ++k)
      for (int i = 0; i < 3; ++i) {
        const double weight = k < data ? s.data_weight / of_data : (1 - s.data_weight) / residuals;
        const double residual = weight * (g(k, i) - x[3 * k + i]) / (s.sigma * s.sigma);
        db[i] += residual;
        for (int j = 0; j < 2; ++j) dA[2 * i + j] += residual * z[2 * k + j];
      }
    for (int i = 0; i < 6; ++i) {
      vA[i] = 0.5 * vA[i] - decay * A[i] - dA[i];
      A[i] += s.generator.rate * vA[i];
    }
    for (int i = 0; i < 3; ++i) {
      vb[i] = 0.5 * vb[i] - db[i];
      b[i] += 2 * s.generator.rate * vb[i];  // biases learn at twice the rate
    }
  }
};

void expect_the_formulas(const LearningSettings &s, double residuals, double of_data) {
  Backend &backend = test_backend();
  LinearNets nets(backend);
  Cooperative learner(backend, &nets.descriptor, &nets.generator, s, 2);
  Naive naive(s, nets);
  const std::vector<real> observed = random_values(6, 4);
  const std::vector<int64_t> indices = {1, 0};
  for (int64_t iteration = 0; iteration < 5; ++iteration) {
    learner.iterate(iteration, 1, {observed, indices, {}});
    naive.iterate(observed, indices, residuals, of_data);
  }
  const double tolerance = sizeof(real) == 8 ? 1e-7 : 2e-5;  // the noise has single precision
  const auto expect_near = [&](const std::vector<real> &got, const std::vector<double> &want, const char *what) {
    ASSERT_EQ(got.size(), want.size()) << what;
    for (size_t i = 0; i < want.size(); ++i) EXPECT_LE(std::abs(got[i] - want[i]), tolerance) << what << " " << i;
  };
  expect_near(nets.descriptor.parameters()[0].value.values(), naive.w, "w");
  expect_near(nets.generator.parameters()[0].value.values(), naive.A, "A");
  expect_near(nets.generator.parameters()[1].value.values(), naive.b, "b");
  if (s.data_weight > 0) expect_near(values(backend, learner.state().back().second), naive.kept, "z of the data");
}

// The residuals of the 4 chains are averaged over the chains. [M] divides them by the 2 observed examples, [V] by the
// 12 values of all chains.
TEST(Cooperative, EveryStepEqualsThePapersFormulas) {
  LearningSettings s = linear_settings();
  expect_the_formulas(s, 4, 0);
  s.residual_mean = ResidualMean::batch;
  expect_the_formulas(s, 2, 0);
  s.residual_mean = ResidualMean::values;
  expect_the_formulas(s, 12, 0);
}

// Those of the 2 observed examples are averaged over these, or over their 6 values.
TEST(Cooperative, DataTeachTheGeneratorByTheFormulasOfDualTeaching) {
  LearningSettings s = linear_settings();
  s.data_weight = 0.3;
  expect_the_formulas(s, 4, 2);
  s.residual_mean = ResidualMean::batch;
  expect_the_formulas(s, 2, 2);
  s.residual_mean = ResidualMean::values;
  expect_the_formulas(s, 12, 6);
  s.data_weight = 1;
  expect_the_formulas(s, 12, 6);
}

}  // namespace
}  // namespace coopnets
