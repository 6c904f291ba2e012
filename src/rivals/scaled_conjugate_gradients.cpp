#include "rivals/scaled_conjugate_gradients.h"

#include <algorithm>
#include <cmath>

#include "metrics/linear_algebra.h"

namespace coopnets {
namespace {

double dot(const std::vector<double> &x, const std::vector<double> &y) {
  return coopnets::dot(x.data(), y.data(), int64_t(x.size()));
}

std::vector<double> along(const std::vector<double> &x, double step, const std::vector<double> &direction) {
  std::vector<double> result(x.size());
  for (size_t i = 0; i < x.size(); ++i) result[i] = x[i] + step * direction[i];
  return result;
}

}  // namespace

double scaled_conjugate_gradients(const Objective &f, std::vector<double> &x, int steps) {
  const size_t n = x.size();
  std::vector<double> gradient(n), probe(n), next_gradient(n), direction(n);
  double value = f(x, gradient);
  for (size_t i = 0; i < n; ++i) direction[i] = -gradient[i];
  double damping = 1e-6;  // lambda: added to the curvature until the quadratic model can be trusted
  double curvature = 0;
  bool moved = true;
  size_t since_restart = 0;
  for (int step = 0; step < steps; ++step) {
    const double length2 = dot(direction, direction), slope = -dot(direction, gradient);
    if (!(length2 > 1e-30) || !(slope > 0)) break;
    if (moved) {  // second derivative along the direction, by a difference of gradients
      const double small = 1e-5 / std::sqrt(length2);
      f(along(x, small, direction), probe);
      curvature = (dot(direction, probe) + slope) / small;
      if (!std::isfinite(curvature)) curvature = 0;
    }
    double damped = curvature + damping * length2;
    if (damped <= 0) {  // make the model convex
      damping = 2 * (damping - damped / length2);
      damped = curvature + damping * length2;
    }
    const double size = slope / damped;
    std::vector<double> next = along(x, size, direction);
    const double next_value = f(next, next_gradient);
    // Actual over predicted decrease.
    const double ratio = std::isfinite(next_value) ? 2 * damped * (value - next_value) / (slope * slope) : -10;
    moved = ratio >= 0;
    if (moved) {
      double along_gradient = 0;  // Polak and Ribiere
      for (size_t i = 0; i < n; ++i) along_gradient += next_gradient[i] * (next_gradient[i] - gradient[i]);
      const double keep = ++since_restart % n == 0 ? 0 : along_gradient / slope;
      x = std::move(next);
      value = next_value;
      gradient = next_gradient;
      for (size_t i = 0; i < n; ++i) direction[i] = keep * direction[i] - gradient[i];
      if (!(dot(direction, gradient) < 0))
        for (size_t i = 0; i < n; ++i) direction[i] = -gradient[i];
      if (ratio > 0.75) damping = std::max(damping / 4, 1e-15);
    }
    if (ratio < 0.25) damping += damped * (1 - std::max(ratio, -10.0)) / length2;
  }
  return value;
}

}  // namespace coopnets
