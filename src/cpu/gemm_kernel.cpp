// The register-blocked microkernel of the convolutions, for every tile height.
//
//            b: one row of the panel, V vectors
//   a[0] * [ acc[0][0] acc[0][1] ]     Every step loads V vectors of B and broadcasts R elements of A from memory:
//   a[1] * [ acc[1][0] acc[1][1] ]     R V multiply-adds. AVX-512: 14 x 2 accumulators + 2 of the 32 registers;
//    ...                               AVX2: 6 x 2 + 3 of the 16.
#include "cpu/gemm_kernel.h"

#include <array>
#include <utility>

namespace coopnets {

namespace {

template <int R, int V, bool by_depth>
void kernel(const Tile &tile) {
  const int64_t stride = tile.stride;
  const real *b = tile.b;
  Vector sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v)
      sum[r][v] =
          tile.accumulate ? *reinterpret_cast<const Vector *>(tile.c + r * tile.c_stride + v * lanes) : Vector{};
  for (int64_t i = 0; i < tile.runs; ++i) {
    // An address has room for one or two strides: three rows share a pointer.
    constexpr int rows_a_pointer = by_depth ? R : 3, pointers = (R + rows_a_pointer - 1) / rows_a_pointer;
    const real *a[pointers];
#pragma GCC unroll 16
    for (int p = 0; p < pointers; ++p) a[p] = tile.run[i] + tile.at + p * rows_a_pointer * stride;
#pragma GCC unroll 4
    for (int64_t step = 0; step < tile.steps; ++step, b += V * lanes) {
      Vector panel[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        panel[v] = *reinterpret_cast<const Vector *>(b + v * lanes);
        __builtin_prefetch(b + (8 * V + v) * lanes);
      }
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v)
          sum[r][v] += a[r / rows_a_pointer][r % rows_a_pointer * (by_depth ? 1 : stride)] * panel[v];
#pragma GCC unroll 16
      for (int p = 0; p < pointers; ++p) a[p] += by_depth ? stride : 1;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) *reinterpret_cast<Vector *>(tile.c + r * tile.c_stride + v * lanes) = sum[r][v];
}

template <int V, bool by_depth, int... R>
constexpr std::array<Microkernel, sizeof...(R)> of_all_heights(std::integer_sequence<int, R...>) {
  return {kernel<R + 1, V, by_depth>...};
}
template <int V, bool by_depth>
constexpr auto kernels = of_all_heights<V, by_depth>(std::make_integer_sequence<int, max_rows>());

}  // namespace

Microkernel microkernel(int64_t rows, int64_t columns_left, bool by_depth) {
  const bool wide = columns_left > lanes;
  if (by_depth) return wide ? kernels<2, true>[rows - 1] : kernels<1, true>[rows - 1];
  return wide ? kernels<2, false>[rows - 1] : kernels<1, false>[rows - 1];
}

}  // namespace coopnets
