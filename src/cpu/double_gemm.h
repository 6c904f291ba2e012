// The matrix product behind linear algebra and distances of src/metrics, which is no kernel of the backend.
#pragma once
#include <cstdint>

namespace coopnets {

// Element (i, j) is data[i * row_stride + j * col_stride].
template <typename T>
struct Strided {
  const T *data;
  int64_t row_stride, col_stride;
};

// C[i * c_stride + j] = sum_k A(i,k) B(k,j) for A m x depth and B depth x n, float or double, accumulated in double.
// The sum of each element is taken in an order that depends on `depth` alone, so equal rows give equal sums wherever
// they stand.
template <typename T>
void gemm(int64_t m, int64_t n, int64_t depth, Strided<T> a, Strided<T> b, double *c, int64_t c_stride);

}  // namespace coopnets
