// Four neighbouring floats at a time: one access of 16 bytes where four are there and aligned, single words elsewhere.
// A kernel that is bound by memory needs many bytes under way: 4 a thread and tensor do not fill a large GPU's memory.
#pragma once
#include "cuda/launch.h"

namespace coopnets {

struct Four {
  float v[4] = {};
};

__device__ __forceinline__ bool is_whole(const float *x, int64_t four, int64_t size) {
  return 4 * four + 4 <= size && reinterpret_cast<uintptr_t>(x) % 16 == 0;
}

// Elements 4 four .. 4 four + 3 of x [size]; 0 beyond the last.
__device__ __forceinline__ Four load_four(const float *x, int64_t four, int64_t size) {
  Four f;
  if (is_whole(x, four, size)) {
    const float4 whole = *reinterpret_cast<const float4 *>(x + 4 * four);
    f.v[0] = whole.x, f.v[1] = whole.y, f.v[2] = whole.z, f.v[3] = whole.w;
  } else {
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (4 * four + j < size) f.v[j] = x[4 * four + j];
  }
  return f;
}

__device__ __forceinline__ void store_four(float *x, int64_t four, int64_t size, const Four &f) {
  if (is_whole(x, four, size)) {
    *reinterpret_cast<float4 *>(x + 4 * four) = {f.v[0], f.v[1], f.v[2], f.v[3]};
  } else {
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (4 * four + j < size) x[4 * four + j] = f.v[j];
  }
}

// The same at a place known to hold `left` floats, at least one, and to be aligned where it is `whole`.
__device__ __forceinline__ Four load_some(const float *x, int left, bool whole) {
  Four f;
  if (whole) {
    const float4 all = *reinterpret_cast<const float4 *>(x);
    f.v[0] = all.x, f.v[1] = all.y, f.v[2] = all.z, f.v[3] = all.w;
  } else {
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (j < left) f.v[j] = x[j];
  }
  return f;
}

__device__ __forceinline__ void store_some(float *x, int left, bool whole, const Four &f) {
  if (whole) {
    *reinterpret_cast<float4 *>(x) = {f.v[0], f.v[1], f.v[2], f.v[3]};
  } else {
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (j < left) x[j] = f.v[j];
  }
}

}  // namespace coopnets
