// The matrix instructions against products written out from the table of fragments in cuda/tensor_core.h, and the
// rounding that feeds them.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "backends/backend.h"
#include "cuda/tensor_core.h"

namespace coopnets {
namespace {

// One warp. a [16, 8] row by row, b [8, 8] row by row, d [16, 8].
__global__ void multiply_tf32(const float *a, const float *b, float *d) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  const uint32_t fa[4] = {to_tf32(a[g * 8 + t]), to_tf32(a[(g + 8) * 8 + t]), to_tf32(a[g * 8 + t + 4]),
                          to_tf32(a[(g + 8) * 8 + t + 4])};
  const uint32_t fb[2] = {to_tf32(b[t * 8 + g]), to_tf32(b[(t + 4) * 8 + g])};
  float fd[4] = {1, 1, 1, 1};
  mma_tf32(fd, fa, fb);
  d[g * 8 + 2 * t] = fd[0];
  d[g * 8 + 2 * t + 1] = fd[1];
  d[(g + 8) * 8 + 2 * t] = fd[2];
  d[(g + 8) * 8 + 2 * t + 1] = fd[3];
}

// a [16, 16], b [16, 8].
__global__ void multiply_bf16(const float *a, const float *b, float *d) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  uint32_t fa[4], fb[2];
  for (int i = 0; i < 4; ++i) {
    const float *const pair = a + (g + i % 2 * 8) * 16 + 2 * t + i / 2 * 8;
    fa[i] = to_bf16(pair[0], pair[1]);
  }
  for (int i = 0; i < 2; ++i) fb[i] = to_bf16(b[(2 * t + 8 * i) * 8 + g], b[(2 * t + 8 * i + 1) * 8 + g]);
  float fd[4] = {1, 1, 1, 1};
  mma_bf16(fd, fa, fb);
  d[g * 8 + 2 * t] = fd[0];
  d[g * 8 + 2 * t + 1] = fd[1];
  d[(g + 8) * 8 + 2 * t] = fd[2];
  d[(g + 8) * 8 + 2 * t + 1] = fd[3];
}

__global__ void round_all(const float *x, float *tf32, float *low, float *high, int size) {
  for (int i = threadIdx.x; i < size; i += blockDim.x) {
    tf32[i] = float_of(to_tf32(x[i]) & 0xffffe000u);  // whose lower 13 bits may be anything
    const uint32_t pair = to_bf16(x[i], -x[i]);
    low[i] = lower_bf16(pair);
    high[i] = upper_bf16(pair);
  }
}

// Small integers: every product and sum is exact in every format, so the results must be equal bit for bit.
std::vector<float> integers(int count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  for (float &v : values) v = float(int(generator() % 9) - 4);
  return values;
}

void expect_product(int depth, void (*kernel)(const float *, const float *, float *)) {
  Backend &backend = test_backend();
  cudaFuncAttributes code;
  CUDA_CHECK(cudaFuncGetAttributes(&code, kernel));
  if (code.ptxVersion < 80) GTEST_SKIP() << "built for sm_" << code.ptxVersion << ", which has no such instruction";
  const std::vector<float> a = integers(16 * depth, 1), b = integers(depth * 8, 2);
  const Tensor ta(backend, {1, 1, 1, 16, depth}, a), tb(backend, {1, 1, 1, depth, 8}, b), td(backend, {1, 1, 1, 16, 8});
  backend.synchronise();
  CUDA_LAUNCH(kernel, 1, warp_size, 0, nullptr, ta.data(), tb.data(), td.data());
  CUDA_CHECK(cudaStreamSynchronize(nullptr));
  const std::vector<float> d = td.values();
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      float wanted = 1;
      for (int k = 0; k < depth; ++k) wanted += a[row * depth + k] * b[k * 8 + column];
      EXPECT_EQ(d[row * 8 + column], wanted) << row << ", " << column;
    }
}

TEST(TensorCore, Tf32FragmentsLieAsTheTableSays) { expect_product(8, multiply_tf32); }
TEST(TensorCore, Bf16FragmentsLieAsTheTableSays) { expect_product(16, multiply_bf16); }

// x to `bits` bits after the point of its mantissa.
float rounded(float x, int bits, bool halves_to_even) {
  int exponent;
  const double mantissa = std::ldexp(std::frexp(double(x), &exponent), bits + 1);  // |mantissa| in [2^bits, 2^(bits+1))
  const double whole = halves_to_even ? std::nearbyint(mantissa) : std::round(mantissa);
  return float(std::ldexp(whole, exponent - bits - 1));
}

TEST(TensorCore, Rounding) {
  std::mt19937 generator(3);
  std::vector<float> x = {0.f,         1.f,           -1.f,         1 + 0x1p-11f, 1 + 0x1.8p-10f, -1 - 0x1.8p-10f,
                          1 + 0x1p-8f, 1 + 0x1.8p-7f, -1 - 0x1p-8f, 3e38f};
  std::normal_distribution<float> normal(0, 100);
  while (x.size() < 500) x.push_back(normal(generator));
  Backend &backend = test_backend();
  const Shape shape{1, 1, 1, 1, int64_t(x.size()) + 3};
  std::vector<float> all = x;
  all.insert(all.end(), {INFINITY, -INFINITY, NAN});
  const Tensor tx(backend, shape, all), tf32(backend, shape), low(backend, shape), high(backend, shape);
  backend.synchronise();
  CUDA_LAUNCH(round_all, 1, 64, 0, nullptr, tx.data(), tf32.data(), low.data(), high.data(), int(all.size()));
  CUDA_CHECK(cudaStreamSynchronize(nullptr));
  const std::vector<float> t = tf32.values(), l = low.values(), h = high.values();
  cudaFuncAttributes code;
  CUDA_CHECK(cudaFuncGetAttributes(&code, round_all));
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(t[i], rounded(x[i], 10, code.ptxVersion >= 90)) << x[i];
    EXPECT_EQ(l[i], rounded(x[i], 7, true)) << x[i];
    EXPECT_EQ(h[i], -rounded(x[i], 7, true)) << x[i];
  }
  const size_t n = x.size();
  EXPECT_EQ(t[n], INFINITY);
  EXPECT_EQ(l[n + 1], -INFINITY);
  EXPECT_TRUE(std::isnan(t[n + 2]));
  EXPECT_TRUE(std::isnan(l[n + 2]));
}

}  // namespace
}  // namespace coopnets
