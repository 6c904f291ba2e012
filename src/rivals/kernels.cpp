#include "rivals/kernels.h"

#include <algorithm>
#include <cmath>

namespace coopnets {

KernelWeights kernel_values(const KernelParameters &t, double s, double p, double q) {
  const double r2 = std::max(0.0, p + q - 2 * s);
  const double poly = t[4] * s + t[5];
  const double angle = (t[10] * s + t[11]) / std::sqrt((t[10] * p + t[11] + 1) * (t[10] * q + t[11] + 1));
  const double matern = std::sqrt(3 * r2) / t[13];
  return {t[0] * s,
          t[1] * std::exp(-t[2] * r2 / 2),
          t[3] * poly * poly,
          t[6] * std::pow(1 + r2 / (2 * t[7] * t[8] * t[8]), -t[7]),
          t[9] * M_2_PI * std::asin(angle),
          t[12] * (1 + matern) * std::exp(-matern)};
}

KernelDerivatives kernel_derivatives(const KernelParameters &t, double s, double p, double q) {
  KernelDerivatives d;
  d.value = kernel_values(t, s, p, q);
  const KernelWeights &k = d.value;
  const double r2 = std::max(0.0, p + q - 2 * s);
  // A kernel of r^2 alone: d/ds = -2 d/dr^2, d/dp = d/dr^2.
  const auto by_distance = [&](int i, double by_r2) { d.by_s[i] = -2 * by_r2, d.by_p[i] = by_r2; };

  // linear
  d.by_s[0] = t[0], d.by_p[0] = 0;
  d.by_log[0] = k[0];
  // rbf
  by_distance(1, -t[2] / 2 * k[1]);
  d.by_log[1] = k[1], d.by_log[2] = -t[2] * r2 / 2 * k[1];
  // poly
  const double poly = 2 * t[3] * (t[4] * s + t[5]);
  d.by_s[2] = poly * t[4], d.by_p[2] = 0;
  d.by_log[3] = k[2], d.by_log[4] = poly * t[4] * s, d.by_log[5] = poly * t[5];
  // ratquad, u = 1 + r^2 / (2 c l^2): d/dr^2 = -k / (2 l^2 u),
  // d/dlog c = k c (-ln u + (u - 1)/u), d/dlog l = 2 k c (u - 1)/u
  const double u = 1 + r2 / (2 * t[7] * t[8] * t[8]);
  by_distance(3, -k[3] / (2 * t[8] * t[8] * u));
  d.by_log[6] = k[3], d.by_log[7] = k[3] * t[7] * ((u - 1) / u - std::log(u)),
  d.by_log[8] = 2 * k[3] * t[7] * (u - 1) / u;
  // mlp, v = (w s + b) / sqrt(P Q), P = w p + b + 1: dv/ds = w / sqrt(P Q), dv/dp = -v w / (2 P)
  const double w = t[10], b = t[11], big_p = w * p + b + 1, big_q = w * q + b + 1, root = std::sqrt(big_p * big_q);
  const double v = (w * s + b) / root, by_v = t[9] * M_2_PI / std::sqrt(1 - v * v);
  d.by_s[4] = by_v * w / root, d.by_p[4] = -by_v * v * w / (2 * big_p);
  d.by_log[9] = k[4];
  d.by_log[10] = by_v * w * (s / root - v / 2 * (p / big_p + q / big_q));
  d.by_log[11] = by_v * b * (1 / root - v / 2 * (1 / big_p + 1 / big_q));
  // matern32, m = sqrt(3) r / l: dk/dm = -a m exp(-m), dm/dr^2 = 3 / (2 l^2 m), dm/dlog l = -m
  const double m = std::sqrt(3 * r2) / t[13], decay = t[12] * std::exp(-m);
  by_distance(5, -1.5 / (t[13] * t[13]) * decay);
  d.by_log[12] = k[5], d.by_log[13] = m * m * decay;
  return d;
}

}  // namespace coopnets
