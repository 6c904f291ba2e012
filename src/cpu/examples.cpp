// Kernels over whole examples, and between the examples of a batch. The quadratic ones are for batches of some hundred.
#include <cmath>

#include "cpu/cpu_backend.h"
#include "cpu/parallel.h"
#include "cpu/reduce.h"

namespace coopnets {

namespace {

constexpr real least_length = real(1e-12);

// The length of each example.
void lengths(ConstView x, real *length, int threads) {
  const int64_t size = x.shape.example();
  for_chunks(threads, x.shape.n, 1, [=](int64_t n, int64_t) {
    const real *example = x.data + n * size;
    length[n] = std::max(real(std::sqrt(dot(example, example, size))), least_length);
  });
}

Shape per_example(const Shape &x, int64_t channels) { return {x.n, 1, 1, 1, channels}; }

}  // namespace

void CpuBackend::sum_examples(ConstView x, View y) {
  require_same(per_example(x.shape, 1), y.shape, "sum of examples");
  const int64_t size = x.shape.example();
  for_chunks(threads_, x.shape.n, 1, [=](int64_t n, int64_t) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < size; ++i) sum += x.data[n * size + i];
    y.data[n] = real(sum);
  });
}

void CpuBackend::spread_examples(ConstView y, View x) {
  require_same(per_example(x.shape, 1), y.shape, "spread over examples");
  const int64_t size = x.shape.example();
  for_elements(threads_, x.shape.size(), [=](int64_t i) { x.data[i] = y.data[i / size]; });
}

void CpuBackend::cosines_forward(ConstView x, View y) {
  const int64_t count = x.shape.n, size = x.shape.example();
  require_same(per_example(x.shape, count), y.shape, "cosines");
  real *const length = scratch(size_t(count));
  lengths(x, length, threads_);
  for_chunks(threads_, count, 1, [=](int64_t i, int64_t) {
    for (int64_t j = 0; j < count; ++j)
      y.data[i * count + j] =
          real(dot(x.data + i * size, x.data + j * size, size) / (double(length[i]) * double(length[j])));
  });
}

void CpuBackend::cosines_backward(ConstView x, ConstView y, ConstView dy, View dx) {
  const int64_t count = x.shape.n, size = x.shape.example();
  require_same(per_example(x.shape, count), y.shape, "cosines");
  require_same(y.shape, dy.shape, "cosines: gradient");
  require_same(x.shape, dx.shape, "cosines: input gradient");
  real *const length = scratch(size_t(count));
  lengths(x, length, threads_);
  for_chunks(threads_, count, 1, [=](int64_t i, int64_t) {
    const real *own = x.data + i * size;
    real *gradient = dx.data + i * size;
    real along = 0;  // sum over j of (dy[i,j] + dy[j,i]) y[i,j]
    for (int64_t j = 0; j < count; ++j)
      along += (dy.data[i * count + j] + dy.data[j * count + i]) * y.data[i * count + j];
    const real shrink = -along / (length[i] * length[i]);
    for (int64_t k = 0; k < size; ++k) gradient[k] = shrink * own[k];
    for (int64_t j = 0; j < count; ++j) {
      const real weight = (dy.data[i * count + j] + dy.data[j * count + i]) / (length[i] * length[j]);
      const real *other = x.data + j * size;
      for (int64_t k = 0; k < size; ++k) gradient[k] += weight * other[k];
    }
  });
}

namespace {

// K of x [N,1,1,1,B K] and y [N,1,1,1,B].
int64_t numbers_of_feature(const Shape &x, const Shape &y) {
  require(x.example() == x.c && y.c > 0 && x.c > 0 && x.c % y.c == 0,
          "closeness: it takes vectors whose channels are a multiple of those it gives");
  require_same(per_example(x, y.c), y, "closeness");
  return x.c / y.c;
}

real closeness_of(const real *a, const real *b, int64_t numbers) {
  real distance = 0;
  for (int64_t k = 0; k < numbers; ++k) distance += std::abs(a[k] - b[k]);
  return std::exp(-distance);
}

}  // namespace

void CpuBackend::closeness_forward(ConstView x, View y) {
  const int64_t numbers = numbers_of_feature(x.shape, y.shape), count = x.shape.n, features = y.shape.c;
  for_chunks(threads_, count, 1, [=](int64_t i, int64_t) {
    for (int64_t b = 0; b < features; ++b) {
      real sum = 0;
      for (int64_t j = 0; j < count; ++j)
        if (j != i)
          sum += closeness_of(x.data + (i * features + b) * numbers, x.data + (j * features + b) * numbers, numbers);
      y.data[i * features + b] = sum;
    }
  });
}

void CpuBackend::closeness_backward(ConstView x, ConstView dy, View dx) {
  const int64_t numbers = numbers_of_feature(x.shape, dy.shape), count = x.shape.n, features = dy.shape.c;
  require_same(x.shape, dx.shape, "closeness: input gradient");
  for_chunks(threads_, count, 1, [=](int64_t i, int64_t) {
    for (int64_t b = 0; b < features; ++b) {
      const real *own = x.data + (i * features + b) * numbers;
      real *gradient = dx.data + (i * features + b) * numbers;
      std::fill(gradient, gradient + numbers, real(0));
      for (int64_t j = 0; j < count; ++j) {
        const real *other = x.data + (j * features + b) * numbers;
        const real weight = (dy.data[i * features + b] + dy.data[j * features + b]) * closeness_of(own, other, numbers);
        for (int64_t k = 0; k < numbers; ++k)
          gradient[k] -= own[k] > other[k] ? weight : own[k] < other[k] ? -weight : real(0);
      }
    }
  });
}

}  // namespace coopnets
