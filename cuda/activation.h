// The activations of tensor/backend.h for one number on the device.
#pragma once
#include "cuda/launch.h"

namespace coopnets {

__device__ __forceinline__ float activate(const Activation &a, float v) {
  switch (a.kind) {
    case Activation::leaky_relu:
      return v > 0 ? v : a.slope * v;
    case Activation::tanh:
      return tanhf(v);
    case Activation::sigmoid:
      return 1 / (1 + expf(-v));
    default:
      return v;
  }
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
    default:
      return 1;
  }
}

}  // namespace coopnets
