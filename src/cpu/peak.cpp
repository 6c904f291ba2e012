// Multiply-adds and nothing else: the most that the processors' arithmetic gives.
#include "cpu/gemm.h"

namespace coopnets {

namespace {

// As many as a tile of a product has: they fill the registers, and none waits for its last result.
constexpr int sums = 2 * max_rows;
constexpr int64_t steps = 1 << 15;

// Each sum tends to 1.
real one_chunk(real factor) {
  Vector sum[sums];
#pragma GCC unroll 32
  for (int i = 0; i < sums; ++i) sum[i] = Vector{} + real(i);
  for (int64_t step = 0; step < steps; ++step)
#pragma GCC unroll 32
    for (int i = 0; i < sums; ++i) sum[i] = sum[i] * factor + factor;
  Vector all{};
#pragma GCC unroll 32
  for (int i = 0; i < sums; ++i) all += sum[i];
  return all[0];
}

}  // namespace

double level_multiply_adds(int threads) {
  const int64_t chunks = 64 * int64_t(threads);
  parallel_chunks(threads, chunks, [](int64_t, int) {
    const volatile real factor = 0.5;  // which the compiler does not know, so that it computes
    [[maybe_unused]] const volatile real kept = one_chunk(factor);
  });
  return 2.0 * double(chunks) * steps * sums * lanes;
}

}  // namespace coopnets
