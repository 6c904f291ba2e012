// The activations of tensor/backend.h for one number, branch-free so that loops over them vectorise.
#pragma once
#include <cmath>
#include <cstring>

#include "tensor/backend.h"

namespace coopnets {

// Exponents are held between this and its negative, so that neither power overflows nor is denormal.
template <class Real>
constexpr Real largest_exponent = sizeof(Real) == sizeof(float) ? 87 : 700;

// v held there; NaN stays.
template <class Real>
Real held(Real v) {
  constexpr Real most = largest_exponent<Real>;
  return v < -most ? -most : v > most ? most : v;
}

// 2^k and e^r - 1, of which exponentials are made: v = k ln 2 + r with |r| <= ln(2)/2.
struct Exponential {
  float power, series;
};
inline Exponential exponential_parts(float v) {
  v = held(v);
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
  return {power, series};
}

// e^v - 1 = 2^k (e^r - 1) + (2^k - 1) and e^v = 2^k (e^r - 1) + 2^k, to a few units in the last place of the result:
// -1 and almost 0 far below zero, huge far above, NaN for NaN.
inline float exponential_minus_one(float v) {
  const Exponential e = exponential_parts(v);
  return e.power * e.series + (e.power - 1);
}
inline double exponential_minus_one(double v) { return std::expm1(held(v)); }
inline float exponential(float v) {
  const Exponential e = exponential_parts(v);
  return e.power * e.series + e.power;
}
inline double exponential(double v) { return std::exp(held(v)); }

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

// ln(1 + e) for e in [0, 1]: 2 atanh(e / (2 + e)), whose series in t <= 1/3 has 8 terms above 2^-26.
inline float logarithm_of_one_plus(float e) {
  const float t = e / (2 + e), q = t * t;
  return 2 * t *
         (1 + q * (1.f / 3 +
                   q * (1.f / 5 + q * (1.f / 7 + q * (1.f / 9 + q * (1.f / 11 + q * (1.f / 13 + q * (1.f / 15))))))));
}
inline double logarithm_of_one_plus(double e) { return std::log1p(e); }

// ln(1 + e^v) = max(v, 0) + ln(1 + e^-|v|): nothing overflows, and far below zero it is e^v.
template <class Real>
Real softplus(Real v) {
  return (v > 0 ? v : 0) + logarithm_of_one_plus(exponential(-std::abs(v)));
}

// v s and s (1 + v (1 - s)), s = 1 / (1 + e^-v), where 1 - s = e^-v s has all digits for s near 1 too. v is held, as
// far below zero both are almost 0.
template <class Real>
Real silu(Real v) {
  const Real w = v < -largest_exponent<Real> ? -largest_exponent<Real> : v;
  return w / (1 + exponential(-w));
}
template <class Real>
Real silu_derivative(Real v) {
  const Real w = held(v), e = exponential(-w), s = 1 / (1 + e);
  return s * (1 + w * (e * s));
}

// ln(v^2 + e) and 2 v / (v^2 + e); e keeps the logarithm of 0 finite.
template <class Real>
constexpr Real least_square = Real(1e-8);

// Calls body(f) with f(v) the function, or its derivative.
template <class Body>
void with_function(Function function, const Body &body) {
  switch (function) {
    case Function::silu:
      return body([](real v) { return silu(v); });
    case Function::exponential:
      return body([](real v) { return exponential(v); });
    case Function::log_square:
      return body([](real v) { return std::log(v * v + least_square<real>); });
    case Function::normal_to_uniform:
      return body([](real v) { return std::erf(v * real(0.70710678118654752)); });
  }
}
template <class Body>
void with_derivative(Function function, const Body &body) {
  switch (function) {
    case Function::silu:
      return body([](real v) { return silu_derivative(v); });
    case Function::exponential:
      return body([](real v) { return exponential(v); });
    case Function::log_square:
      return body([](real v) { return 2 * v / (v * v + least_square<real>); });
    case Function::normal_to_uniform:
      return body([](real v) { return real(0.79788456080286536) * exponential(-v * v / 2); });
  }
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
    case Activation::softplus:
      return body([](real v) { return softplus(v); });
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
    case Activation::softplus:
      return body([](real y) { return -exponential_minus_one(-y); });
  }
}

}  // namespace coopnets
