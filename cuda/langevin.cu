// The Langevin update with its noise drawn inside, tensors of noise, dropout and Bernoulli numbers.
//
//   elements   0 1 2 3 | 4 5 6 7 | ...      thread b owns Philox block b, which gives the four normals, or words,
//   threads       0    |    1    | ...      of elements 4b .. 4b+3: 16 bytes a load and store
//
// Langevin: reads x and the gradient, writes x, 12 bytes an element, and reads 4 more where a mean is given. Philox
// takes about 25 integer operations an element and Box-Muller about 30 of float, which fit under the memory's time. The
// noise never touches memory.
// Dropout and Bernoulli: read x and write y, 8 bytes an element, Philox and 4 operations; its mask is drawn again for the gradient.
#include "cuda/cuda_backend.h"
#include "cuda/four.h"

namespace coopnets {
namespace {

constexpr int threads = 256;

// Behind so many of a block's four numbers the first four begin, which end in the next block.
template <class T>
__device__ void shift(T first[4], T next[4], int behind) {
  for (; behind > 0; --behind) {
    first[0] = first[1], first[1] = first[2], first[2] = first[3], first[3] = next[0];
    next[0] = next[1], next[1] = next[2];
  }
}

// The numbers of x's elements 4b .. 4b+3, which of several ranks' batches do not begin with a block.
struct Noise {
  Noise(const Shape &x, RandomKey key, int64_t index, const Clock *clock)
      : key(key),
        index(uint32_t(index)),
        behind(int(key.first_example * x.example() % 4)),
        first(key.first_example * x.example() / 4),
        clock(clock) {}
  __device__ Words block(int64_t b) const {
    return random_block(key, uint64_t(clock->iteration), index, uint64_t(first + b));
  }
  __device__ Words words(int64_t b) const {
    Words own = block(b);
    if (behind == 0) return own;
    Words next = block(b + 1);
    shift(own.v, next.v, behind);
    return own;
  }
  __device__ void draw(int64_t b, float n[4]) const {
    normals(block(b), n);
    if (behind == 0) return;
    float next[4];
    normals(block(b + 1), next);
    shift(n, next, behind);
  }
  RandomKey key;
  uint32_t index;
  int behind;
  int64_t first;
  const Clock *clock;
};

__global__ void normal_numbers(float *x, int64_t size, float mean, float deviation, Noise noise) {
  for (int64_t b = first_item(); 4 * b < size; b += item_stride()) {
    Four n;
    noise.draw(b, n.v);
#pragma unroll
    for (int j = 0; j < 4; ++j) n.v[j] = mean + deviation * n.v[j];
    store_four(x, b, size, n);
  }
}

// y = x / keep where the element's number in (0, 1] is at most keep, else 0. y may be x.
__global__ void drop_out(const float *x, float *y, int64_t size, float keep, Noise noise) {
  for (int64_t b = first_item(); 4 * b < size; b += item_stride()) {
    Four v = load_four(x, b, size);
    const Words words = noise.words(b);
#pragma unroll
    for (int j = 0; j < 4; ++j) v.v[j] = uniform(words.v[j]) <= keep ? v.v[j] / keep : 0;
    store_four(y, b, size, v);
  }
}

__global__ void bernoulli_numbers(const float *p, float *y, int64_t size, Noise noise) {
  for (int64_t b = first_item(); 4 * b < size; b += item_stride()) {
    const Words words = noise.words(b);
    Four v = load_four(p, b, size);
#pragma unroll
    for (int j = 0; j < 4; ++j) v.v[j] = uniform(words.v[j]) <= v.v[j] ? 1 : 0;
    store_four(y, b, size, v);
  }
}

// x <- x - half (pull (x - mean) - gradient) + deviation N(0, 1), half = d^2/2, pull = 1/s^2; mean null: 0.
template <bool with_noise>
__global__ void langevin_step(float *x, const float *__restrict__ gradient, const float *__restrict__ mean,
                              int64_t size, float half, float pull, float deviation, Noise noise) {
  for (int64_t b = first_item(); 4 * b < size; b += item_stride()) {
    Four v = load_four(x, b, size), n, center;
    if (mean) center = load_four(mean, b, size);
    const Four g = load_four(gradient, b, size);
    if (with_noise) noise.draw(b, n.v);
#pragma unroll
    for (int j = 0; j < 4; ++j) v.v[j] = v.v[j] - half * (pull * (v.v[j] - center.v[j]) - g.v[j]) + deviation * n.v[j];
    store_four(x, b, size, v);
  }
}

}  // namespace

void CudaBackend::fill_normal(View x, real mean, real deviation, RandomKey key, int64_t index) {
  const int64_t size = x.shape.size(), blocks = ceil_div<int64_t>(size, 4);
  if (size)
    CUDA_LAUNCH(normal_numbers, grid_for(blocks, threads), threads, 0, stream_, x.data, size, mean, deviation,
                Noise(x.shape, key, index, clock_));
}

void CudaBackend::dropout(ConstView x, real keep, RandomKey key, int64_t index, View y) {
  require_same(x.shape, y.shape, "dropout");
  require(keep > 0 && keep <= 1, "dropout: it keeps a share of more than 0, of 1 at most");
  const int64_t size = y.shape.size(), blocks = ceil_div<int64_t>(size, 4);
  if (size)
    CUDA_LAUNCH(drop_out, grid_for(blocks, threads), threads, 0, stream_, x.data, y.data, size, keep,
                Noise(y.shape, key, index, clock_));
}

void CudaBackend::bernoulli(ConstView p, RandomKey key, int64_t index, View y) {
  require_same(p.shape, y.shape, "Bernoulli");
  const int64_t size = y.shape.size(), blocks = ceil_div<int64_t>(size, 4);
  if (size)
    CUDA_LAUNCH(bernoulli_numbers, grid_for(blocks, threads), threads, 0, stream_, p.data, y.data, size,
                Noise(y.shape, key, index, clock_));
}

void CudaBackend::langevin(View x, ConstView gradient, const LangevinStep &step) {
  require_same(x.shape, gradient.shape, "langevin: gradient");
  const real *mean = step.reference_mean.data;
  if (mean) require_same(x.shape, step.reference_mean.shape, "langevin: reference mean");
  const real d = step.step, half = d * d / 2, pull = 1 / (step.reference_deviation * step.reference_deviation);
  const int64_t size = x.shape.size(), blocks = ceil_div<int64_t>(size, 4);
  const Noise noise(x.shape, step.key, step.index, clock_);
  if (!size) return;
  if (step.noise != 0)
    CUDA_LAUNCH(langevin_step<true>, grid_for(blocks, threads), threads, 0, stream_, x.data, gradient.data, mean, size,
                half, pull, step.noise, noise);
  else
    CUDA_LAUNCH(langevin_step<false>, grid_for(blocks, threads), threads, 0, stream_, x.data, gradient.data, mean, size,
                half, pull, step.noise, noise);
}

}  // namespace coopnets
