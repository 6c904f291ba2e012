#include "rivals/mkgpdm.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "rivals/dynamic_texture_parts.h"
#include "rivals/scaled_conjugate_gradients.h"
#include "tensor/random.h"

namespace coopnets {
namespace {

constexpr uint32_t parameter_draws = 3, weight_draws = 4;  // apart from the other numbers of Purpose::evaluation

double random_unit(uint64_t seed, uint32_t what, uint64_t round, int i) {
  return uniform(random_block({seed, Purpose::evaluation}, round, what, uint64_t(i)).v[0]);
}

double weighted(const KernelWeights &weights, const KernelWeights &values) {
  double sum = 0;
  for (int k = 0; k < kernel_count; ++k) sum += weights[k] * values[k];
  return sum;
}

}  // namespace

void project(KernelWeights &weights, uint64_t seed, int round) {
  for (double &w : weights) w = std::max(w, 0.0);
  if (std::count_if(weights.begin(), weights.end(), [](double w) { return w > 0; }) <= 1)
    for (int k = 0; k < kernel_count; ++k) weights[k] = random_unit(seed, weight_draws, uint64_t(round), k);
  double sum = 0;
  for (double w : weights) sum += w;
  for (double &w : weights) w /= sum;
}

Mkgpdm::Mkgpdm(const Frames &clip, const MkgpdmOptions &options)
    : height_(clip.height), width_(clip.width), channels_(clip.channels) {
  if (clip.count < 3)
    throw std::invalid_argument("MK-GPDM needs a clip of at least three frames, not " + std::to_string(clip.count));
  Matrix y(clip.count, clip.frame_size(), clip.pixels);
  mean_ = remove_temporal_mean(y);
  Matrix yyt = multiply_a_bt(y, y);

  // PCA, whitened: each latent dimension has variance 1.
  const int64_t n = clip.count;
  const SymmetricEigen eigen = symmetric_eigen(yyt);
  int64_t latent = 0;
  while (latent < std::min(options.latent, n) && eigen.values[latent] > 1e-14 * double(n) * eigen.values[0]) ++latent;
  state_.latent = Matrix(n, latent);
  for (int64_t t = 0; t < n; ++t)
    for (int64_t q = 0; q < latent; ++q) state_.latent(t, q) = std::sqrt(double(n)) * eigen.vectors(q, t);
  // The parameters are learned for pixels of variance 1, from where they start; with the unit range's small variances
  // the signal can be taken for noise and all frames become the mean. Predictions are linear in Y and need no scale.
  double variance = 0;
  for (int64_t t = 0; t < n; ++t) variance += yyt(t, t) / double(n * clip.frame_size());
  if (variance > 0)
    for (double &value : yyt.values) value /= variance;
  learn(yyt, clip.frame_size(), options);

  const int64_t pairs = n - 1;
  const Matrix &x = state_.latent;
  Matrix k_y(n, n), k_x(pairs, pairs);
  const Matrix s = multiply_a_bt(x, x);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      k_y(i, j) = state_.mapping[1] * std::exp(-state_.mapping[0] / 2 * std::max(0.0, s(i, i) + s(j, j) - 2 * s(i, j)));
      if (i == j) k_y(i, j) += 1 / state_.mapping[2];
      if (i == pairs || j == pairs) continue;
      k_x(i, j) = weighted(state_.weights, kernel_values(state_.kernels, s(i, j), s(i, i), s(j, j)));
      if (i == j) k_x(i, j) += 1 / state_.precision;
    }
  frame_weights_ = multiply(Cholesky(k_y).inverse(), y);
  dynamics_inverse_ = Cholesky(k_x).inverse();
  dynamics_weights_ = multiply(dynamics_inverse_, Matrix(pairs, latent, {x.values.begin() + latent, x.values.end()}));
}

// The published step on the weights leaves the noise 1/beta out of K_X; it is kept here, so that both steps lower one
// posterior.
void Mkgpdm::learn(const Matrix &yyt, int64_t pixels, const MkgpdmOptions &options) {
  state_.mapping = {1, 1, M_E};
  for (int k = 0; k < kernel_parameter_count; ++k)
    state_.kernels[k] = std::max(1e-3, random_unit(options.seed, parameter_draws, 0, k));
  state_.precision = M_E;
  state_.weights.fill(1.0 / kernel_count);
  first_objective_ = mkgpdm_objective(state_, yyt, pixels, nullptr);
  for (int round = 0; round < options.rounds; ++round) {
    std::vector<double> values = packed(state_);
    scaled_conjugate_gradients(
        [&](const std::vector<double> &at, std::vector<double> &gradient) {
          unpack(at, state_);
          const double value = mkgpdm_objective(state_, yyt, pixels, &gradient);
          const std::vector<double> held = packed(state_);
          for (size_t i = 0; i < at.size(); ++i)
            if (held[i] != at[i] && std::abs(held[i] - at[i]) > 1e-9)
              gradient[i] = 0;  // beyond the bounds L is constant
          return value;
        },
        values, options.steps);
    unpack(values, state_);

    std::vector<double> weights(state_.weights.begin(), state_.weights.end());
    scaled_conjugate_gradients(
        [&](const std::vector<double> &at, std::vector<double> &gradient) {
          std::copy(at.begin(), at.end(), state_.weights.begin());
          return mkgpdm_weight_objective(state_, &gradient);
        },
        weights, options.steps);
    std::copy(weights.begin(), weights.end(), state_.weights.begin());
    project(state_.weights, options.seed, round);
  }
  last_objective_ = mkgpdm_objective(state_, yyt, pixels, nullptr);
}

Frames Mkgpdm::synthesise(Protocol protocol, int64_t frames, uint64_t seed) const {
  const Matrix &x = state_.latent;
  const int64_t n = x.rows, latent = x.cols, pairs = n - 1;
  require_protocol(protocol, frames, n);
  std::vector<double> norms(n), k(pairs), normal(latent);
  for (int64_t i = 0; i < n; ++i) norms[i] = dot(x.row(i), x.row(i), latent);

  Matrix path(frames, latent);
  for (int64_t t = 0; t < frames; ++t) {
    if (t == 0 || protocol == Protocol::projection) {
      std::copy_n(x.row(t), latent, path.row(t));
      continue;
    }
    const double *last = protocol == Protocol::one_step ? x.row(t - 1) : path.row(t - 1);
    const double norm = dot(last, last, latent);
    for (int64_t i = 0; i < pairs; ++i)
      k[i] = weighted(state_.weights, kernel_values(state_.kernels, dot(last, x.row(i), latent), norm, norms[i]));
    for (int64_t i = 0; i < pairs; ++i)
      for (int64_t q = 0; q < latent; ++q) path(t, q) += k[i] * dynamics_weights_(i, q);
    if (protocol != Protocol::stochastic) continue;
    double variance = weighted(state_.weights, kernel_values(state_.kernels, norm, norm, norm)) + 1 / state_.precision;
    for (int64_t i = 0; i < pairs; ++i) variance -= k[i] * dot(dynamics_inverse_.row(i), k.data(), pairs);
    standard_normals(seed, t, normal.data(), latent);
    for (int64_t q = 0; q < latent; ++q) path(t, q) += std::sqrt(std::max(variance, 0.0)) * normal[q];
  }

  Matrix k_y(frames, n);
  for (int64_t t = 0; t < frames; ++t)
    for (int64_t i = 0; i < n; ++i) {
      double distance = 0;
      for (int64_t q = 0; q < latent; ++q) distance += (path(t, q) - x(i, q)) * (path(t, q) - x(i, q));
      k_y(t, i) = state_.mapping[1] * std::exp(-state_.mapping[0] / 2 * distance);
    }
  Matrix result = multiply(k_y, frame_weights_);
  for (int64_t t = 0; t < frames; ++t)
    for (int64_t i = 0; i < result.cols; ++i) result(t, i) += mean_[i];
  return Frames(frames, height_, width_, channels_, std::move(result.values));
}

}  // namespace coopnets
