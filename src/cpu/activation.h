// The activations of tensor/backend.h for one number, branch-free so that loops over them vectorise.
#pragma once
#include <cmath>
#include <cstring>

#include "tensor/backend.h"

namespace coopnets {

// e^v - 1 to a few units in the last place of the result; -1 far below zero, huge far above, NaN for NaN.
// v = k ln 2 + r with |r| <= ln(2)/2:  e^v - 1 = 2^k (e^r - 1) + (2^k - 1).
inline float exponential_minus_one(float v) {
  v = v < -87.f ? -87.f : v;
  v = v > 87.f ? 87.f : v;
  const float shifted = v * 1.44269504f + 12582912.f;  // 1.5 * 2^23: rounds to an integer, in the low bits
  const float k = shifted - 12582912.f;
  const float r = (v - k * 0.693145752f) - k * 1.42860677e-6f;  // ln 2 in two parts: the first product is exact
  const float series =
      r * (1 + r * (1.f / 2 + r * (1.f / 6 + r * (1.f / 24 + r * (1.f / 120 + r * (1.f / 720 + r * (1.f / 5040)))))));
  uint32_t bits;
  memcpy(&bits, &shifted, 4);
  bits = (bits + 127u) << 23;  // 2^k: everything above the exponent is shifted out
  float power;
  memcpy(&power, &bits, 4);
  return power * series + (power - 1);
}
inline double exponential_minus_one(double v) { return std::expm1(v < 700 ? v : v > 700 ? 700 : v); }

// (e^2v - 1) / (e^2v + 1), accurate for small v too.
template <class Real>
Real hyperbolic_tangent(Real v) {
  const Real w = 2 * v > 80 ? Real(80) : 2 * v, e = exponential_minus_one(w);
  return e / (e + 2);
}

template <class Real>
Real logistic(Real v) {
  return 1 / (exponential_minus_one(-v) + 2);
}

// Calls body(a) with a(v) the activation as a function object, so that the choice is made outside the loop.
template <class Body>
void with_activation(const Activation &activation, const Body &body) {
  switch (activation.kind) {
    case Activation::none:
      return body([](real v) { return v; });
    case Activation::leaky_relu:
      return body([slope = activation.slope](real v) { return v > 0 ? v : slope * v; });
    case Activation::tanh:
      return body([](real v) { return hyperbolic_tangent(v); });
    case Activation::sigmoid:
      return body([](real v) { return logistic(v); });
  }
}

// The same with a'(v) as a function of y = a(v).
template <class Body>
void with_derivative(const Activation &activation, const Body &body) {
  switch (activation.kind) {
    case Activation::none:
      return body([](real) { return real(1); });
    case Activation::leaky_relu:
      return body([slope = activation.slope](real y) { return y > 0 ? real(1) : slope; });
    case Activation::tanh:
      return body([](real y) { return 1 - y * y; });
    case Activation::sigmoid:
      return body([](real y) { return y * (1 - y); });
  }
}

}  // namespace coopnets
