// The six kernels of MK-GPDM (Zhu, You, Yu, Zou, Zhao: Dynamic texture modeling and synthesis using multi-kernel
// Gaussian process dynamic model, Signal Processing 2016). Each is a function of s = x.x', p = |x|^2, q = |x'|^2 alone;
// r^2 = p + q - 2s.
//   linear    a s
//   rbf       a exp(-g r^2 / 2)
//   poly      a (w s + b)^2
//   ratquad   a (1 + r^2 / (2 c l^2))^-c
//   mlp       a (2/pi) asin((w s + b) / sqrt((w p + b + 1)(w q + b + 1)))
//   matern32  a (1 + sqrt(3) r / l) exp(-sqrt(3) r / l)
#pragma once
#include <array>

#include "metrics/linear_algebra.h"

namespace coopnets {

constexpr int kernel_count = 6, kernel_parameter_count = 14;
// a | a g | a w b | a c l | a w b | a l, all positive, in the order of the list above.
using KernelParameters = std::array<double, kernel_parameter_count>;
using KernelWeights = std::array<double, kernel_count>;

struct KernelDerivatives {
  KernelWeights value, by_s, by_p;  // of each kernel
  std::array<double, kernel_parameter_count>
      by_log;  // of the kernel that owns the parameter, by the parameter's logarithm
};

KernelWeights kernel_values(const KernelParameters &theta, double s, double p, double q);
KernelDerivatives kernel_derivatives(const KernelParameters &theta, double s, double p, double q);

}  // namespace coopnets
