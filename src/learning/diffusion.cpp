#include "learning/diffusion.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace coopnets {

namespace {

constexpr double first_log_snr = 9.8, last_log_snr = -5.1;
constexpr double step_variance = 4e-4;  // b^2 = step_variance (d_{t-1} / d_0) deviation^2

// ln snr = -2 ln tan(u), u in equal steps: d/a = tan u.
NoiseLevel level_at(double share) {
  const double first = std::atan(std::exp(-first_log_snr / 2)), last = std::atan(std::exp(-last_log_snr / 2));
  const double u = first + share * (last - first);
  return {-2 * std::log(std::tan(u)), std::cos(u), std::sin(u)};
}

Transition between(const NoiseLevel &clean, const NoiseLevel &from, const NoiseLevel &to, bool last) {
  Transition t{};
  const double kept = std::pow(to.signal / from.signal, 2), growth = from.deviation / clean.deviation;
  t.deviation = std::sqrt(1 - kept);
  t.scale = last ? 1 : std::sqrt(kept);
  const double variance = to.deviation * to.deviation;
  t.clean_share = t.scale * from.signal * t.deviation * t.deviation / variance;
  t.noisy_share = t.scale * std::sqrt(kept) * from.deviation * from.deviation / variance;
  t.first_noise = from.deviation / to.deviation * t.deviation * t.scale;
  t.step_noise = std::sqrt(step_variance * growth) * t.deviation;
  // The pull towards x_t, -(b^2 / deviation^2) |y - x_t|^2 / 2, is that of a reference of this deviation.
  t.reference_deviation = last ? std::numeric_limits<double>::infinity() : 1 / std::sqrt(step_variance * growth);
  return t;
}

}  // namespace

Diffusion::Diffusion(int64_t transitions) {
  if (transitions < 1) throw std::invalid_argument("diffusion needs at least one level of noise");
  for (int64_t i = 0; i <= transitions; ++i) levels_.push_back(level_at(double(i) / double(transitions)));
  for (int64_t t = 1; t <= transitions; ++t) {
    transitions_.push_back(between(levels_[0], levels_[size_t(t - 1)], levels_[size_t(t)], t == transitions));
    transitions_.back().weight = transitions_[0].deviation / transitions_.back().deviation;
  }
  // ln p(y | x_t) changes by about 1 over `first_noise`, the deviation of y.
  double steepest = 0;
  for (Transition &t : transitions_) {
    t.steepness = t.step_noise * t.step_noise / t.first_noise;
    steepest = std::max(steepest, t.steepness);
  }
  for (Transition &t : transitions_) t.steepness /= steepest;
}

std::vector<real> Diffusion::embedding(int64_t i, int64_t size) const {
  if (size < 2 || size % 2 != 0) throw std::invalid_argument("the embedding of a noise level has an even size");
  const double u = std::atan2(level(i).deviation, level(i).signal) * 2 / M_PI;
  const int64_t half = size / 2;
  std::vector<real> values;
  for (int64_t k = 0; k < size; ++k) {
    const double exponent = half > 1 ? double(k % half) / double(half - 1) : 0;
    const double phase = 1000 * u * std::pow(1e4, -exponent);
    values.push_back(real(k < half ? std::sin(phase) : std::cos(phase)));
  }
  return values;
}

void Diffusion::tell(const std::vector<int64_t> &levels, const std::vector<int64_t> &labels, int64_t classes,
                     const Tensor &into) const {
  require(int64_t(levels.size()) == into.shape().n, "each example is told one level of noise");
  require(classes == 0 || labels.size() == levels.size(), "each example is told one class");
  const int64_t size = into.shape().c - classes;
  std::vector<real> values, level;
  for (size_t n = 0; n < levels.size(); ++n) {
    if (classes > 0 && (labels[n] < -1 || labels[n] >= classes))
      throw std::invalid_argument("an example is of class " + std::to_string(labels[n]) + ", and there are " +
                                  std::to_string(classes));
    if (n == 0 || levels[n] != levels[n - 1]) level = embedding(levels[n], size - size % 2);
    values.insert(values.end(), level.begin(), level.end());
    for (int64_t k = 0; k < classes; ++k) values.push_back(labels[n] == k ? 1 : 0);
    if (size % 2 == 1)
      values.push_back(levels[n] < transitions() ? real(transition(levels[n] + 1).steepness) : real(0));
  }
  into.backend().upload(values.data(), into.data(), values.size() * sizeof(real));
}

LangevinStep Diffusion::langevin_step(int64_t t, RandomKey key, ConstView noisy) const {
  LangevinStep step;
  step.step = 1;
  step.noise = real(transition(t).step_noise);
  step.reference_deviation = real(transition(t).reference_deviation);
  step.reference_mean = noisy;
  step.key = key;
  return step;
}

}  // namespace coopnets
