#include "cpu/double_gemm.h"

#include <algorithm>
#include <vector>

#include "cpu/cpu_backend.h"
#include "tensor/parallel.h"

namespace coopnets {
namespace {

// A tile of C lives in registers: tile_rows x tile_vectors vectors, filled with one broadcast of A and tile_vectors
// loads of B for tile_rows * tile_vectors multiply-adds. The sizes leave room for the operands in 32 (AVX-512, NEON) or
// 16 registers.
#if defined(__AVX512F__)
constexpr int lanes = 8, tile_rows = 8, tile_vectors = 3;
#elif defined(__AVX__)
constexpr int lanes = 4, tile_rows = 4, tile_vectors = 3;
#elif defined(__aarch64__)
constexpr int lanes = 2, tile_rows = 8, tile_vectors = 3;
#else
constexpr int lanes = 2, tile_rows = 4, tile_vectors = 3;
#endif
constexpr int tile_cols = lanes * tile_vectors;
typedef double Vector __attribute__((vector_size(lanes * sizeof(double))));
typedef double InMemory __attribute__((vector_size(lanes * sizeof(double)), aligned(sizeof(double)), may_alias));

// Blocks: a slice of `slice_depth` terms of the sum is packed; within it a job is block_rows x block_cols of C, so that
// its part of A (192 KiB) and of B (2 MiB at most) stay in the second-level cache.
constexpr int64_t slice_depth = 256, block_rows = 96, block_cols = 960;

int64_t round_up(int64_t size, int64_t multiple) { return (size + multiple - 1) / multiple * multiple; }

// Rows of A in panels of tile_rows, each panel depth-major and filled up with zeros; columns of B likewise (as rows of
// B^T).
template <typename T>
void pack(int64_t count, int64_t depth, int64_t panel, Strided<T> x, double *packed) {
  const auto pack_panel = [=](int64_t i) {
    const int64_t first = i * panel, valid = std::min(panel, count - first);
    double *out = packed + first * depth;
    for (int64_t k = 0; k < depth; ++k, out += panel) {
      const T *in = x.data + first * x.row_stride + k * x.col_stride;
      for (int64_t i = 0; i < valid; ++i) out[i] = double(in[i * x.row_stride]);
      for (int64_t i = valid; i < panel; ++i) out[i] = 0;
    }
  };
  parallel_for((count + panel - 1) / panel, pack_panel, wake_if(count * depth > 1 << 16));
}

// c [tile_rows x tile_cols] (+)= the product of a panel of A and a panel of B.
void tile(int64_t depth, const double *a, const double *b, bool add, double *c, int64_t c_stride) {
  Vector sum[tile_rows][tile_vectors] = {};
  for (int64_t k = 0; k < depth; ++k, a += tile_rows, b += tile_cols) {
    Vector right[tile_vectors];
    for (int v = 0; v < tile_vectors; ++v) right[v] = *reinterpret_cast<const InMemory *>(b + v * lanes);
    for (int r = 0; r < tile_rows; ++r)
      for (int v = 0; v < tile_vectors; ++v) sum[r][v] += a[r] * right[v];
  }
  for (int r = 0; r < tile_rows; ++r)
    for (int v = 0; v < tile_vectors; ++v) {
      InMemory *out = reinterpret_cast<InMemory *>(c + r * c_stride + v * lanes);
      *out = add ? *out + sum[r][v] : sum[r][v];
    }
}

void edge_tile(int64_t rows, int64_t cols, int64_t depth, const double *a, const double *b, bool add, double *c,
               int64_t c_stride) {
  double full[tile_rows * tile_cols];
  tile(depth, a, b, false, full, tile_cols);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j)
      c[i * c_stride + j] = add ? c[i * c_stride + j] + full[i * tile_cols + j] : full[i * tile_cols + j];
}

}  // namespace

template <typename T>
void level_gemm(int64_t m, int64_t n, int64_t depth, Strided<T> a, Strided<T> b, double *c, int64_t c_stride) {
  const int64_t widest = std::min(depth, slice_depth);
  std::vector<double> packed_a(round_up(m, tile_rows) * widest), packed_b(round_up(n, tile_cols) * widest);
  const int64_t across = (n + block_cols - 1) / block_cols, down = (m + block_rows - 1) / block_rows;
  if (depth == 0)
    for (int64_t i = 0; i < m; ++i) std::fill_n(c + i * c_stride, n, 0.0);

  for (int64_t first = 0; first < depth; first += slice_depth) {
    const int64_t slice = std::min(slice_depth, depth - first);
    pack<T>(m, slice, tile_rows, {a.data + first * a.col_stride, a.row_stride, a.col_stride}, packed_a.data());
    pack<T>(n, slice, tile_cols, {b.data + first * b.row_stride, b.col_stride, b.row_stride}, packed_b.data());
    const auto multiply_block = [&](int64_t job) {
      const int64_t i0 = job / across * block_rows, i1 = std::min(i0 + block_rows, m);
      const int64_t j0 = job % across * block_cols, j1 = std::min(j0 + block_cols, n);
      for (int64_t j = j0; j < j1; j += tile_cols)
        for (int64_t i = i0; i < i1; i += tile_rows) {
          const double *left = packed_a.data() + i * slice, *right = packed_b.data() + j * slice;
          double *out = c + i * c_stride + j;
          const int64_t rows = std::min<int64_t>(tile_rows, i1 - i), cols = std::min<int64_t>(tile_cols, j1 - j);
          if (rows == tile_rows && cols == tile_cols)
            tile(slice, left, right, first > 0, out, c_stride);
          else
            edge_tile(rows, cols, slice, left, right, first > 0, out, c_stride);
        }
    };
    parallel_for(across * down, multiply_block, wake_if(m * n * slice > 1 << 18));
  }
}

template void level_gemm<float>(int64_t, int64_t, int64_t, Strided<float>, Strided<float>, double *, int64_t);
template void level_gemm<double>(int64_t, int64_t, int64_t, Strided<double>, Strided<double>, double *, int64_t);

}  // namespace coopnets
