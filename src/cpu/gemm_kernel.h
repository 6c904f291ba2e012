// The register-blocked microkernel of gemm.cpp, for every tile height.
//
//            b: one row of the panel, V vectors
//   a[0] * [ acc[0][0] acc[0][1] ]     Every step loads V vectors of B and broadcasts R elements of A from memory:
//   a[1] * [ acc[1][0] acc[1][1] ]     R V multiply-adds. AVX-512: 14 x 2 accumulators + 2 of the 32 registers;
//    ...                               AVX2: 6 x 2 + 3 of the 16.
#pragma once
#include <array>
#include <utility>

#include "cpu/gemm.h"

namespace coopnets {

using Microkernel = void (*)(int64_t steps, const real *a, const real *b, real *c, int64_t c_stride, bool accumulate);

template <int R, int V, bool by_depth>
void microkernel(int64_t steps, const real *a, const real *b, real *c, int64_t c_stride, bool accumulate) {
  constexpr int64_t row_stride = by_depth ? 1 : a_stride, step_stride = by_depth ? a_stride : 1;
  Vector sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v)
      sum[r][v] = accumulate ? *reinterpret_cast<const Vector *>(c + r * c_stride + v * lanes) : Vector{};
  for (int64_t step = 0; step < steps; ++step, a += step_stride, b += V * lanes) {
    Vector panel[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      panel[v] = *reinterpret_cast<const Vector *>(b + v * lanes);
      __builtin_prefetch(b + (8 * V + v) * lanes);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sum[r][v] += a[r * row_stride] * panel[v];
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) *reinterpret_cast<Vector *>(c + r * c_stride + v * lanes) = sum[r][v];
}

template <int V, bool by_depth, int... R>
constexpr std::array<Microkernel, sizeof...(R)> microkernels(std::integer_sequence<int, R...>) {
  return {microkernel<R + 1, V, by_depth>...};
}

}  // namespace coopnets
