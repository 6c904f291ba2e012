// Kernels over whole examples, and between the examples of a batch. The quadratic ones are for batches of some hundred.
//
//   sum           block n           example n, each thread every 256th element, folded in halves     4 bytes an element
//   spread        thread            an element                                                       4 bytes an element
//   cosines       block n           the length of example n, as in sum
//                 block (j, i)      the product of the examples i and j, the same way: y[i,j]
//     backward    block (strip, i)  256 elements of dx_i, one a thread, which walks over all examples j
//   closeness     thread (i, b)     y[i,b]: walks over all examples j and the K numbers of feature b
//     backward    thread (i, b, k)  an element of dx: the same walk
//
// With N examples of D elements, the cosines take N^2 D multiply-adds in double, for which 8 bytes each come from the
// caches; backward 2 N^2 D in float, for which 4 bytes each do, and what belongs to a pair is the same for all threads
// of a block. Closeness takes N^2 D differences and N^2 B exponentials, backward K times as many, as each of K threads
// makes them for itself; those read the same addresses. From memory x is read once, 4 bytes an element, if it fits the
// caches.
//
// No atomics: each result is the sum of one thread or block, in a fixed order.
#include "cuda/cuda_backend.h"
#include "cuda/reduce.h"

namespace coopnets {
namespace {

constexpr int threads = 256;

// The sum of a[k] b[k]; every thread of the block gets it.
__device__ double dot(const float *a, const float *b, int64_t size) {
  double sum = 0;
  for (int64_t k = threadIdx.x; k < size; k += threads) sum += double(a[k]) * double(b[k]);
  return block_reduce<threads>(sum, Plus());
}

// size, here and below: elements of one example.
__global__ void sum_of_example(const float *__restrict__ x, float *__restrict__ y, int64_t size) {
  const float *const example = x + blockIdx.x * size;
  double sum = 0;
  for (int64_t k = threadIdx.x; k < size; k += threads) sum += example[k];
  sum = block_reduce<threads>(sum, Plus());
  if (threadIdx.x == 0) y[blockIdx.x] = float(sum);
}

__global__ void spread_over_examples(const float *__restrict__ y, float *__restrict__ x, int64_t count, int64_t size) {
  for (int64_t i = first_item(); i < count * size; i += item_stride()) x[i] = y[i / size];
}

// 1 / |x_n|, |x_n| being at least 1e-12; NaN stays.
template <class Out>
__global__ void inverse_lengths(const float *x, int64_t size, Out *inverse) {
  const float *const example = x + blockIdx.x * size;
  const double length = sqrt(dot(example, example, size));
  if (threadIdx.x == 0) inverse[blockIdx.x] = Out(1 / (length < 1e-12 ? 1e-12 : length));
}

__global__ void cosine(const float *x, const double *inverse, float *y, int64_t size) {
  const int64_t i = blockIdx.y, j = blockIdx.x;
  const double product = dot(x + i * size, x + j * size, size);
  if (threadIdx.x == 0) y[i * gridDim.x + j] = float(product * inverse[i] * inverse[j]);
}

// dx_i = sum_j (dy[i,j] + dy[j,i]) (x_j / |x_j| - y[i,j] x_i / |x_i|) / |x_i|.
__global__ void cosine_backward(const float *__restrict__ x, const float *__restrict__ y, const float *__restrict__ dy,
                                const float *__restrict__ inverse, float *__restrict__ dx, int64_t count,
                                int64_t size) {
  const int64_t i = blockIdx.y, k = first_item();
  if (k >= size) return;
  const float direction = x[i * size + k] * inverse[i];
  float sum = 0;
  for (int64_t j = 0; j < count; ++j) {
    const float weight = dy[i * count + j] + dy[j * count + i];
    sum += weight * (x[j * size + k] * inverse[j] - y[i * count + j] * direction);
  }
  dx[i * size + k] = sum * inverse[i];
}

// e^-d, d = sum_k |a[k] - b[k]|.
__device__ __forceinline__ float closeness_of(const float *a, const float *b, int64_t numbers) {
  float distance = 0;
  for (int64_t k = 0; k < numbers; ++k) distance += fabsf(a[k] - b[k]);
  return expf(-distance);
}

// features: B; numbers: K.
__global__ void closeness_sums(const float *__restrict__ x, float *__restrict__ y, int64_t count, int64_t features,
                               int64_t numbers) {
  for (int64_t item = first_item(); item < count * features; item += item_stride()) {
    const int64_t i = item / features, b = item % features;
    float sum = 0;
    for (int64_t j = 0; j < count; ++j)
      if (j != i) sum += closeness_of(x + item * numbers, x + (j * features + b) * numbers, numbers);
    y[item] = sum;
  }
}

// dx[i,b,k] = - sum_j (dy[i,b] + dy[j,b]) e^-d(i,j,b) sign(x[i,b,k] - x[j,b,k]).
__global__ void closeness_backward_sums(const float *__restrict__ x, const float *__restrict__ dy,
                                        float *__restrict__ dx, int64_t count, int64_t features, int64_t numbers) {
  for (int64_t item = first_item(); item < count * features * numbers; item += item_stride()) {
    const int64_t own = item / numbers, b = own % features, k = item % numbers;
    float sum = 0;
    for (int64_t j = 0; j < count; ++j) {
      const int64_t other = j * features + b;
      const float weight = (dy[own] + dy[other]) * closeness_of(x + own * numbers, x + other * numbers, numbers);
      const float mine = x[item], its = x[other * numbers + k];
      sum -= mine > its ? weight : mine < its ? -weight : 0;
    }
    dx[item] = sum;
  }
}

Shape per_example(const Shape &x, int64_t channels) { return {x.n, 1, 1, 1, channels}; }

void require_cosines(const Shape &x, const Shape &y) {
  require_same(per_example(x, x.n), y, "cosines");
  require(x.n <= 65535, "cosines: there may be up to 65535 examples");  // rows of a grid
}

// K of x [N,1,1,1,B K] and y [N,1,1,1,B].
int64_t numbers_of_feature(const Shape &x, const Shape &y) {
  require(x.example() == x.c && x.c > 0 && y.c > 0 && x.c % y.c == 0,
          "closeness: it takes vectors whose channels are a multiple of those it gives");
  require_same(per_example(x, y.c), y, "closeness");
  return x.c / y.c;
}

}  // namespace

void CudaBackend::sum_examples(ConstView x, View y) {
  require_same(per_example(x.shape, 1), y.shape, "sum of examples");
  if (y.shape.n)
    CUDA_LAUNCH(sum_of_example, unsigned(y.shape.n), threads, 0, stream_, x.data, y.data, x.shape.example());
}

void CudaBackend::spread_examples(ConstView y, View x) {
  require_same(per_example(x.shape, 1), y.shape, "spread over examples");
  if (x.shape.size())
    CUDA_LAUNCH(spread_over_examples, grid_for(x.shape.size(), threads), threads, 0, stream_, y.data, x.data, x.shape.n,
                x.shape.example());
}

void CudaBackend::cosines_forward(ConstView x, View y) {
  require_cosines(x.shape, y.shape);
  const unsigned count = unsigned(x.shape.n);
  const int64_t size = x.shape.example();
  if (!count) return;
  double *const inverse = scratch<double>(count);
  CUDA_LAUNCH(inverse_lengths<double>, count, threads, 0, stream_, x.data, size, inverse);
  CUDA_LAUNCH(cosine, dim3(count, count), threads, 0, stream_, x.data, inverse, y.data, size);
}

void CudaBackend::cosines_backward(ConstView x, ConstView y, ConstView dy, View dx) {
  require_cosines(x.shape, y.shape);
  require_same(y.shape, dy.shape, "cosines: gradient");
  require_same(x.shape, dx.shape, "cosines: input gradient");
  const unsigned count = unsigned(x.shape.n);
  const int64_t size = x.shape.example();
  if (!x.shape.size()) return;
  float *const inverse = scratch<float>(count);
  CUDA_LAUNCH(inverse_lengths<float>, count, threads, 0, stream_, x.data, size, inverse);
  CUDA_LAUNCH(cosine_backward, dim3(unsigned(ceil_div<int64_t>(size, threads)), count), threads, 0, stream_, x.data,
              y.data, dy.data, inverse, dx.data, int64_t(count), size);
}

void CudaBackend::closeness_forward(ConstView x, View y) {
  const int64_t numbers = numbers_of_feature(x.shape, y.shape);
  if (y.shape.size())
    CUDA_LAUNCH(closeness_sums, grid_for(y.shape.size(), threads), threads, 0, stream_, x.data, y.data, x.shape.n,
                y.shape.c, numbers);
}

void CudaBackend::closeness_backward(ConstView x, ConstView dy, View dx) {
  const int64_t numbers = numbers_of_feature(x.shape, dy.shape);
  require_same(x.shape, dx.shape, "closeness: input gradient");
  if (x.shape.size())
    CUDA_LAUNCH(closeness_backward_sums, grid_for(x.shape.size(), threads), threads, 0, stream_, x.data, dy.data,
                dx.data, x.shape.n, dy.shape.c, numbers);
}

}  // namespace coopnets
