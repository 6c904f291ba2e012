// Sums and maxima of whole tensors, into slots of double.
//
//   elements  |-- part of block 0 --|-- part of block 1 --| ...     at most 512 parts, by the size alone
//             each thread every 256th of its part, in double (maxima in float)
//   partial   [ 0 ]                 [ 1 ]                 ...       one number a block, folded in halves
//   slot      one block folds the partials in the same way
//
// Two launches, no atomics: the order of additions is fixed, so results repeat bit for bit. 4 bytes and one or two
// operations an element.
#include "cuda/reduce.h"

#include "cuda/cuda_backend.h"
#include "tensor/tensor.h"

namespace coopnets {
namespace {

constexpr int threads = 256, most_parts = 512;

struct Value {
  const float *x;
  __device__ double operator()(int64_t i) const { return x[i]; }
};
struct Magnitude {
  const float *x;
  __device__ float operator()(int64_t i) const { return fabsf(x[i]); }
};
struct SquaredDifference {
  const float *a, *b;
  __device__ double operator()(int64_t i) const {
    const double d = double(a[i]) - double(b[i]);
    return d * d;
  }
};
template <class T>
struct Partial {
  const T *x;
  __device__ T operator()(int64_t i) const { return x[i]; }
};

// In T: double for sums, float for a maximum, which is exact in it.
template <class T, class Out, class Term, class Combine>
__global__ void reduce_parts(Term term, Combine combine, int64_t size, int64_t part, Out *out) {
  const int64_t begin = blockIdx.x * part, end = begin + part < size ? begin + part : size;
  T total = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += threads) total = combine(total, T(term(i)));
  total = block_reduce<threads>(total, combine);
  if (threadIdx.x == 0) out[blockIdx.x] = total;
}

template <class T = double, class Term, class Combine>
void reduce(CudaBackend &backend, int64_t size, Term term, Combine combine, Readings &readings, int slot) {
  require(slot >= 0 && slot < readings.count(), "a reduction into a slot that the readings do not have");
  const int64_t part = std::max<int64_t>(16 * threads, ceil_div<int64_t>(size, most_parts));
  const int parts = int(std::max<int64_t>(1, ceil_div(size, part)));
  T *const partial = backend.scratch<T>(parts);
  CUDA_LAUNCH((reduce_parts<T, T, Term, Combine>), parts, threads, 0, backend.stream(), term, combine, size, part,
              partial);
  CUDA_LAUNCH((reduce_parts<T, double, Partial<T>, Combine>), 1, threads, 0, backend.stream(), Partial<T>{partial},
              combine, parts, parts, readings.slot(slot));
}

}  // namespace

void CudaBackend::sum(ConstView x, Readings &readings, int slot) {
  reduce(*this, x.shape.size(), Value{x.data}, Plus{}, readings, slot);
}

void CudaBackend::sum_absolute(ConstView x, Readings &readings, int slot) {
  reduce(*this, x.shape.size(), Magnitude{x.data}, Plus{}, readings, slot);
}

void CudaBackend::sum_squared_difference(ConstView a, ConstView b, Readings &readings, int slot) {
  require_same(a.shape, b.shape, "sum of squared differences");
  reduce(*this, a.shape.size(), SquaredDifference{a.data, b.data}, Plus{}, readings, slot);
}

void CudaBackend::max_absolute(ConstView x, Readings &readings, int slot) {
  reduce<float>(*this, x.shape.size(), Magnitude{x.data}, Larger{}, readings, slot);
}

}  // namespace coopnets
