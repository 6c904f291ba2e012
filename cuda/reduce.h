// Reductions within a block: values go to shared memory and are folded in halves, in an order that depends on the
// block's size alone.
#pragma once
#include "cuda/launch.h"

namespace coopnets {

struct Plus {
  __device__ double operator()(double a, double b) const { return a + b; }
};
struct Larger {  // NaN once either is NaN
  template <class T>
  __device__ T operator()(T a, T b) const {
    return b > a || b != b ? b : a;
  }
};

// Every thread of a one-dimensional block of 2^k threads brings a value; all get the result.
template <int threads, class T, class Combine>
__device__ T block_reduce(T value, Combine combine) {
  SHARED_ARRAY(T, values, threads);
  values[threadIdx.x] = value;
  __syncthreads();
  for (int half = threads / 2; half > 0; half /= 2) {
    if (int(threadIdx.x) < half) values[threadIdx.x] = combine(values[threadIdx.x], values[threadIdx.x + half]);
    __syncthreads();
  }
  return values[0];
}

}  // namespace coopnets
