// The activations of tensor/backend.h for one number on the device.
#pragma once
#include "cuda/four.h"

namespace coopnets {

// Called, not inlined: kernels finish many elements in unrolled code, which these hundred instructions would swell
// beyond what a processor's caches keep of it (the forward kernel of pictures from 30 to 390 KB).
NOT_INLINED inline __device__ float smooth_activation(Activation::Kind kind, float v) {
  if (kind == Activation::softplus) return fmaxf(v, 0) + log1pf(expf(-fabsf(v)));  // no e^v that overflows
  return kind == Activation::tanh ? tanhf(v) : 1 / (1 + expf(-v));
}
NOT_INLINED inline __device__ float softplus_derivative(float y) { return -expm1f(-y); }

__device__ __forceinline__ float activate(const Activation &a, float v) {
  if (a.kind == Activation::tanh || a.kind == Activation::sigmoid || a.kind == Activation::softplus)
    return smooth_activation(a.kind, v);
  return v > 0 || a.kind == Activation::none ? v : a.slope * v;
}

// a'(v) as a function of y = a(v).
__device__ __forceinline__ float derivative(const Activation &a, float y) {
  switch (a.kind) {
    case Activation::leaky_relu:
      return y > 0 ? 1 : a.slope;
    case Activation::tanh:
      return 1 - y * y;
    case Activation::sigmoid:
      return y * (1 - y);
    case Activation::softplus:
      return softplus_derivative(y);
    default:
      return 1;
  }
}

// The same for four numbers, of which kind it is asked once: v = a(v); v *= a'(.), as a function of y = a(.).
__device__ __forceinline__ void activate(const Activation &a, Four &v) {
  if (a.kind == Activation::none) return;
  const bool smooth = a.kind != Activation::leaky_relu;
#pragma unroll
  for (int j = 0; j < 4; ++j)
    v.v[j] = smooth ? smooth_activation(a.kind, v.v[j]) : v.v[j] > 0 ? v.v[j] : a.slope * v.v[j];
}

__device__ __forceinline__ void multiply_by_derivative(const Activation &a, const Four &y, Four &v) {
  if (a.kind == Activation::leaky_relu) {
#pragma unroll
    for (int j = 0; j < 4; ++j) v.v[j] *= y.v[j] > 0 ? 1 : a.slope;
  } else if (a.kind != Activation::none) {
#pragma unroll
    for (int j = 0; j < 4; ++j) v.v[j] *= derivative(a, y.v[j]);
  }
}

}  // namespace coopnets
