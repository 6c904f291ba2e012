// Multi-kernel Gaussian process dynamic model.
#include "rivals/mkgpdm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "random_matrix.h"
#include "rivals/scaled_conjugate_gradients.h"

namespace coopnets {
namespace {

KernelParameters some_parameters() { return {0.7, 0.9, 1.3, 0.4, 0.6, 0.8, 1.1, 1.7, 0.9, 1.2, 0.5, 0.3, 0.8, 1.4}; }

MkgpdmState some_state(int64_t frames, int64_t latent) {
  return {random_matrix(frames, latent, 1), {0.8, 1.3, 4.0}, some_parameters(), 7.0, {0.3, 0.1, 0.15, 0.2, 0.05, 0.2}};
}

Frames periodic_clip(int64_t frames, int64_t period) {
  Frames clip(frames, 6, 5, 1);
  const Matrix pictures = random_matrix(2, 30, 2);
  for (int64_t t = 0; t < frames; ++t)
    for (int64_t i = 0; i < 30; ++i) {
      const double a = 2 * M_PI * double(t) / double(period);
      clip.frame(t)[i] = 0.5 + 0.2 * (std::cos(a) * pictures(0, i) + std::sin(a) * pictures(1, i));
    }
  return clip;
}

double rms(const Frames &a, const Frames &b) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::pow(a.pixels[i] - b.pixels[i], 2) / double(a.pixels.size());
  return std::sqrt(sum);
}

TEST(Kernels, ByHand) {
  // x = (1, 0), x' = (0, 2): s = 0, p = 1, q = 4, r^2 = 5.
  const KernelParameters t = some_parameters();
  const KernelWeights k = kernel_values(t, 0, 1, 4);
  EXPECT_NEAR(k[0], 0, 1e-15);
  EXPECT_NEAR(k[1], 0.9 * std::exp(-1.3 * 2.5), 1e-15);
  EXPECT_NEAR(k[2], 0.4 * 0.64, 1e-15);
  EXPECT_NEAR(k[3], 1.1 * std::pow(1 + 5 / (2 * 1.7 * 0.81), -1.7), 1e-15);
  EXPECT_NEAR(k[4], 1.2 * 2 / M_PI * std::asin(0.3 / std::sqrt(1.8 * 3.3)), 1e-15);
  const double m = std::sqrt(15.0) / 1.4;
  EXPECT_NEAR(k[5], 0.8 * (1 + m) * std::exp(-m), 1e-15);
}

TEST(Kernels, DerivativesAgreeWithDifferences) {
  const double s = 0.4, p = 1.2, q = 0.9, h = 1e-5;
  const KernelParameters theta = some_parameters();
  const KernelDerivatives d = kernel_derivatives(theta, s, p, q);
  const int owners[] = {0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5};
  for (int k = 0; k < kernel_count; ++k) {
    EXPECT_NEAR(d.by_s[k], (kernel_values(theta, s + h, p, q)[k] - kernel_values(theta, s - h, p, q)[k]) / (2 * h),
                1e-8)
        << k;
    EXPECT_NEAR(d.by_p[k], (kernel_values(theta, s, p + h, q)[k] - kernel_values(theta, s, p - h, q)[k]) / (2 * h),
                1e-8)
        << k;
  }
  for (int j = 0; j < kernel_parameter_count; ++j) {
    KernelParameters more = theta, less = theta;
    more[j] *= std::exp(h), less[j] *= std::exp(-h);
    const KernelWeights a = kernel_values(more, s, p, q), b = kernel_values(less, s, p, q);
    for (int k = 0; k < kernel_count; ++k)
      EXPECT_NEAR((a[k] - b[k]) / (2 * h), k == owners[j] ? d.by_log[j] : 0, 1e-8)
          << "parameter " << j << ", kernel " << k;
  }
}

TEST(Mkgpdm, ObjectiveByHandForOneTransition) {
  // Two frames, one latent dimension: K_X is the number k(x_1, x_1) + 1/beta.
  MkgpdmState m = some_state(2, 1);
  m.latent = Matrix(2, 1, {0.5, -0.2});
  const Matrix yyt(2, 2, {2, 0.5, 0.5, 1});
  const double off = 1.3 * std::exp(-0.4 * 0.49), on = 1.3 + 0.25, determinant = on * on - off * off;
  double expected = 10.0 / 2 * std::log(determinant) + (on * 2 - 2 * off * 0.5 + on * 1) / determinant / 2;
  const KernelWeights k = kernel_values(m.kernels, 0.25, 0.25, 0.25);
  double k_x = 1 / 7.0;
  for (int i = 0; i < kernel_count; ++i) k_x += m.weights[i] * k[i];
  expected += std::log(k_x) / 2 + 0.04 / k_x / 2 + 0.125;
  for (double t : m.mapping) expected += std::log(t);
  for (double t : m.kernels) expected += std::log(t);
  expected += std::log(7.0);
  EXPECT_NEAR(mkgpdm_objective(m, yyt, 10, nullptr), expected, 1e-12);
}

TEST(Mkgpdm, GradientAgreesWithDifferences) {
  const MkgpdmState m = some_state(7, 3);
  const Matrix y = random_matrix(7, 11, 3), yyt = multiply_a_bt(y, y);
  std::vector<double> gradient;
  const double value = mkgpdm_objective(m, yyt, 11, &gradient);
  EXPECT_EQ(value, mkgpdm_objective(m, yyt, 11, nullptr));
  const std::vector<double> at = packed(m);
  ASSERT_EQ(gradient.size(), at.size());
  for (size_t i = 0; i < at.size(); ++i) {
    const double h = 1e-5;
    const auto moved = [&](double step) {
      std::vector<double> there = at;
      there[i] += step;
      MkgpdmState other = m;
      unpack(there, other);
      return mkgpdm_objective(other, yyt, 11, nullptr);
    };
    EXPECT_NEAR(gradient[i], (moved(h) - moved(-h)) / (2 * h), 1e-6 * (1 + std::abs(gradient[i]))) << i;
  }
  mkgpdm_weight_objective(m, &gradient);
  for (int k = 0; k < kernel_count; ++k) {
    MkgpdmState more = m, less = m;
    more.weights[k] += 1e-5, less.weights[k] -= 1e-5;
    const double difference = mkgpdm_weight_objective(more, nullptr) - mkgpdm_weight_objective(less, nullptr);
    EXPECT_NEAR(gradient[k], difference / 2e-5, 1e-6 * (1 + std::abs(gradient[k]))) << k;
  }
}

TEST(Mkgpdm, WeightsAreProjectedAndDrawnAfreshWhereOneKernelIsLeft) {
  KernelWeights w = {0.5, -1, 0.25, 0, 0.25, -0.5};
  project(w, 1, 0);
  EXPECT_EQ(w, (KernelWeights{0.5, 0, 0.25, 0, 0.25, 0}));
  w = {2, 0, 0, 0, 0, 2};
  project(w, 1, 0);
  EXPECT_EQ(w, (KernelWeights{0.5, 0, 0, 0, 0, 0.5}));
  const auto drawn = [](KernelWeights weights, uint64_t seed, int round) {
    project(weights, seed, round);
    double sum = 0;
    for (double v : weights) {
      EXPECT_GT(v, 0);
      sum += v;
    }
    EXPECT_NEAR(sum, 1, 1e-12);
    return weights;
  };
  const KernelWeights one = {0, 0, 3, -1, 0, 0}, none = {-1, -1, 0, 0, -2, 0};
  EXPECT_EQ(drawn(one, 1, 2), drawn(none, 1, 2));
  EXPECT_NE(drawn(one, 1, 2), drawn(one, 1, 3));
  EXPECT_NE(drawn(one, 1, 2), drawn(one, 2, 2));
}

TEST(Mkgpdm, ReproducesAPeriodicSequence) {
  const Frames clip = periodic_clip(24, 12);
  const Mkgpdm model(clip, {4, 6, 15, 0});
  EXPECT_LT(model.last_objective(), model.first_objective() - 100);
  double sum = 0;
  for (double w : model.state().weights) {
    EXPECT_GE(w, 0);
    sum += w;
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  const double still = rms(MeanFrame(clip).synthesise(Protocol::roll_out, 24, 0), clip);
  EXPECT_LE(rms(model.synthesise(Protocol::projection, 24, 0), clip), 0.02 * still);
  EXPECT_LE(rms(model.synthesise(Protocol::one_step, 24, 0), clip), 0.05 * still);
  EXPECT_LE(rms(model.synthesise(Protocol::roll_out, 24, 0), clip), 0.25 * still);
  const Frames a = model.synthesise(Protocol::stochastic, 40, 1);
  EXPECT_EQ(a.pixels, model.synthesise(Protocol::stochastic, 40, 1).pixels);
  EXPECT_NE(a.pixels, model.synthesise(Protocol::stochastic, 40, 2).pixels);
  // Beside a training state little is uncertain: the first step strays less than the clip itself moves.
  const Frames certain = model.synthesise(Protocol::roll_out, 2, 0);
  double squares = 0;
  for (uint64_t seed = 0; seed < 40; ++seed)
    squares += std::pow(rms(model.synthesise(Protocol::stochastic, 2, seed), certain), 2) / 40;
  EXPECT_LE(std::sqrt(squares), 0.5 * still);
}

TEST(Mkgpdm, DoesNotDependOnTheScaleOfThePixels) {
  const Frames clip = periodic_clip(12, 6);
  Frames faint = clip;
  for (double &p : faint.pixels) p /= 128;  // exactly
  const MkgpdmOptions options{4, 2, 10, 0};
  Frames a = Mkgpdm(clip, options).synthesise(Protocol::roll_out, 12, 0);
  const Frames b = Mkgpdm(faint, options).synthesise(Protocol::roll_out, 12, 0);
  for (double &p : a.pixels) p /= 128;
  EXPECT_LE(rms(a, b), 1e-12);
}

TEST(Mkgpdm, EdgeCases) {
  EXPECT_THROW(Mkgpdm(Frames(2, 2, 2, 1)), std::invalid_argument);
  Frames constant(4, 2, 2, 1);
  for (double &p : constant.pixels) p = 0.25;
  const Mkgpdm still(constant, {5, 1, 5, 0});
  EXPECT_LE(rms(still.synthesise(Protocol::roll_out, 4, 0), constant), 1e-12);
  EXPECT_THROW(still.synthesise(Protocol::one_step, 5, 0), std::invalid_argument);
}

TEST(ScaledConjugateGradients, FindMinima) {
  // A quadratic of n variables is done in about n steps.
  const Matrix a = random_matrix(8, 8, 5), spd = multiply_a_bt(a, a);
  const Objective quadratic = [&](const std::vector<double> &x, std::vector<double> &g) {
    double value = 0;
    for (int i = 0; i < 8; ++i) {
      g[i] = dot(spd.row(i), x.data(), 8) - 1;
      value += x[i] * (g[i] - 1) / 2;
    }
    return value;
  };
  std::vector<double> x(8), g(8);
  scaled_conjugate_gradients(quadratic, x, 20);
  quadratic(x, g);
  for (double d : g) EXPECT_NEAR(d, 0, 1e-4);
  // Rosenbrock's valley, and a wall of infinity that must not be crossed.
  const Objective valley = [](const std::vector<double> &p, std::vector<double> &d) {
    if (p[0] > 1.5) return std::numeric_limits<double>::infinity();
    d = {-2 * (1 - p[0]) - 400 * p[0] * (p[1] - p[0] * p[0]), 200 * (p[1] - p[0] * p[0])};
    return std::pow(1 - p[0], 2) + 100 * std::pow(p[1] - p[0] * p[0], 2);
  };
  std::vector<double> at = {-1.2, 1};
  EXPECT_LE(scaled_conjugate_gradients(valley, at, 400), 1e-8);
  EXPECT_NEAR(at[0], 1, 1e-3);
}

}  // namespace
}  // namespace coopnets
