// Normal numbers by the dozen: the loop over Philox blocks vectorises, one block a SIMD lane.
#pragma once
#include "cpu/parallel.h"
#include "tensor/random.h"

namespace coopnets {

constexpr int noise_blocks = 64, noise_elements = 4 * noise_blocks;

// The normals of elements 4*block .. 4*block + noise_elements - 1: normals(random_block(...)), written so that every
// loop runs over the lanes.
inline void noise(RandomKey key, int64_t iteration, int64_t index, int64_t block, float out[noise_elements]) {
  alignas(64) uint32_t words[4][noise_blocks];
  alignas(64) float normal[4][noise_blocks];
  for (int b = 0; b < noise_blocks; ++b) {
    const Words w = random_block(key, uint64_t(iteration), uint32_t(index), uint64_t(block + b));
    for (int j = 0; j < 4; ++j) words[j][b] = w.v[j];
  }
  for (int j = 0; j < 4; j += 2)
    for (int b = 0; b < noise_blocks; ++b) {
      const float radius = std::sqrt(-2.f * natural_log(uniform(words[j][b])));
      float sine, cosine;
      sine_cosine(words[j + 1][b], sine, cosine);
      normal[j][b] = radius * cosine;
      normal[j + 1][b] = radius * sine;
    }
  for (int b = 0; b < noise_blocks; ++b)
    for (int j = 0; j < 4; ++j) out[4 * b + j] = normal[j][b];
}

// Where the elements of x begin among those of the batch that it is of: so many behind the beginning of a block.
struct FirstBlock {
  int64_t block, behind;
  FirstBlock(const Shape &x, RandomKey key)
      : block(key.first_example * x.example() / 4), behind(key.first_example * x.example() % 4) {}
};

// Calls element(i, n_i) for every element i of x, n_i being its normal number.
template <class Element>
void for_elements_with_noise(int threads, const Shape &x, RandomKey key, int64_t iteration, int64_t index,
                             const Element &element) {
  static_assert(elements_a_chunk % noise_elements == 0, "a chunk starts with a group of blocks");
  const FirstBlock first(x, key);
  const int64_t behind = first.behind;
  for_chunks(threads, behind + x.size(), elements_a_chunk, [&](int64_t begin, int64_t end) {
    alignas(64) float n[noise_elements];
    for (int64_t i = begin; i < end; i += noise_elements) {
      noise(key, iteration, index, first.block + i / 4, n);
      const int64_t count = std::min<int64_t>(noise_elements, end - i);
#pragma omp simd
      for (int64_t j = i == 0 ? behind : 0; j < count; ++j) element(i - behind + j, n[j]);
    }
  });
}

}  // namespace coopnets
