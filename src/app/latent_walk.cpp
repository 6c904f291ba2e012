#include "app/latent_walk.h"

#include <algorithm>
#include <cmath>

namespace coopnets {

namespace {

std::vector<real> sum(double wa, const std::vector<real> &a, double wb, const std::vector<real> &b) {
  std::vector<real> out(a.size());
  for (size_t i = 0; i < a.size(); ++i) out[i] = static_cast<real>(wa * a[i] + wb * b[i]);
  return out;
}

}  // namespace

std::vector<real> on_line(const std::vector<real> &a, const std::vector<real> &b, double t) {
  return sum(1 - t, a, t, b);
}

// (sin((1 - t) w) a/|a| + sin(t w) b/|b|) / sin(w), w the angle between a and b, is of length 1.
std::vector<real> on_sphere(const std::vector<real> &a, const std::vector<real> &b, double t) {
  double aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    aa += double(a[i]) * a[i];
    bb += double(b[i]) * b[i];
    ab += double(a[i]) * b[i];
  }
  const double length_a = std::sqrt(aa), length_b = std::sqrt(bb);
  const double angle = std::acos(std::clamp(ab / (length_a * length_b), -1.0, 1.0)), sine = std::sin(angle);
  if (!(sine > 1e-6)) return on_line(a, b, t);
  const double length = (1 - t) * length_a + t * length_b;
  return sum(length * std::sin((1 - t) * angle) / (sine * length_a), a,
             length * std::sin(t * angle) / (sine * length_b), b);
}

}  // namespace coopnets
