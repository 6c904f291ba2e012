// Sums and maxima of whole tensors, into slots of double.
//
//   elements  |-- part of block 0 --|-- part of block 1 --| ...     at most 512 parts, by the size alone
//             each thread every 256th of its part, in double
//   partial   [ 0 ]                 [ 1 ]                 ...       one double a block, folded in halves
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
  __device__ double operator()(int64_t i) const { return fabsf(x[i]); }
};
struct SquaredDifference {
  const float *a, *b;
  __device__ double operator()(int64_t i) const {
    const double d = double(a[i]) - double(b[i]);
    return d * d;
  }
};
struct Partial {
  const double *x;
  __device__ double operator()(int64_t i) const { return x[i]; }
};

template <class Term, class Combine>
__global__ void reduce_parts(Term term, Combine combine, int64_t size, int64_t part, double *out) {
  const int64_t begin = blockIdx.x * part, end = begin + part < size ? begin + part : size;
  double total = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += threads) total = combine(total, term(i));
  total = block_reduce<threads>(total, combine);
  if (threadIdx.x == 0) out[blockIdx.x] = total;
}

template <class Term, class Combine>
void reduce(CudaBackend &backend, int64_t size, Term term, Combine combine, Readings &readings, int slot) {
  require(slot >= 0 && slot < readings.count(), "a reduction into a slot that the readings do not have");
  const int64_t part = std::max<int64_t>(16 * threads, ceil_div<int64_t>(size, most_parts));
  const int parts = int(std::max<int64_t>(1, ceil_div(size, part)));
  double *const partial = backend.scratch<double>(parts);
  CUDA_LAUNCH((reduce_parts<Term, Combine>), parts, threads, 0, backend.stream(), term, combine, size, part, partial);
  CUDA_LAUNCH((reduce_parts<Partial, Combine>), 1, threads, 0, backend.stream(), Partial{partial}, combine, parts,
              parts, readings.slot(slot));
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
  reduce(*this, x.shape.size(), Magnitude{x.data}, Larger{}, readings, slot);
}

}  // namespace coopnets
