// Counter-based random numbers: the same seed gives the same numbers on any number of threads, on CPU and GPU.
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011) turns a 128-bit
// counter and a 64-bit key into four 32-bit words. Published test vectors (Random123), counter; key -> words:
//   00000000 00000000 00000000 00000000; 00000000 00000000 -> 6627e8d5 e169c58d bc57ac4c 9b00dbd8
//   ffffffff ffffffff ffffffff ffffffff; ffffffff ffffffff -> 408f276d 41c83b0e a20bc7c6 6d5451fd
//   243f6a88 85a308d3 13198a2e 03707344; a4093822 299f31d0 -> d16cfe09 94fdcceb 5001e420 24126ea1
// Here the counter is (element / 4, index, iteration) and the key is (seed, purpose): see random_block().
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define COOPNETS_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define COOPNETS_HOST_DEVICE inline
#endif

namespace coopnets {

// What a random number is for: two purposes never share a number.
enum class Purpose : uint32_t {
  descriptor_weights = 1,
  generator_weights = 2,
  latent = 3,           // z of step G0
  langevin = 4,         // noise of step D1
  latent_langevin = 5,  // noise of step G1
  shuffle = 6,          // order of the training examples
  sample = 7,           // z drawn after training
  sample_langevin = 8,
  initial_chain = 9,  // first state of persistent chains
  mask = 10,
  second_latent = 13,  // z of a rival's generator step, where it is another than its second net's step has
  dropout = 14,
  window = 12,      // which part of a picture is observed
  mirror = 21,      // whether left and right are exchanged
  evaluation = 11,  // subsets that metrics draw; noise of the rival systems
  points = 20,      // of the toy
  test = 99
};

struct RandomKey {
  uint64_t seed = 0;
  Purpose purpose = Purpose::test;
  // Of a tensor that is a part of a batch: the number of its first example in that. Elements are counted from there.
  int64_t first_example = 0;
};

struct Words {
  uint32_t v[4];
};

COOPNETS_HOST_DEVICE Words philox(Words counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * counter.v[0], p1 = uint64_t{0xCD9E8D57u} * counter.v[2];
    counter = {{uint32_t(p1 >> 32) ^ counter.v[1] ^ key0, uint32_t(p1), uint32_t(p0 >> 32) ^ counter.v[3] ^ key1,
                uint32_t(p0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

// The four words that elements 4*block .. 4*block+3 use. block < 2^40, index < 2^24, iteration < 2^64.
COOPNETS_HOST_DEVICE Words random_block(RandomKey key, uint64_t iteration, uint32_t index, uint64_t block) {
  const Words counter = {
      {uint32_t(block), uint32_t(block >> 32) | index << 8, uint32_t(iteration), uint32_t(iteration >> 32)}};
  return philox(counter, uint32_t(key.seed), uint32_t(key.seed >> 32) ^ uint32_t(key.purpose) * 0x9E3779B9u);
}

// (word + 1/2) / 2^32, rounded: in (0, 1].
COOPNETS_HOST_DEVICE float uniform(uint32_t word) { return float(word) * 0x1p-32f + 0x1p-33f; }

// ln u for u in (0, 1]: u = 2^e m with m in [sqrt(1/2), sqrt(2)), ln m by its series in s = (m-1)/(m+1). Branch-free,
// so that loops over it vectorise, and the same on every device. Error below 2e-7 relative to max(|ln u|, 1/10).
COOPNETS_HOST_DEVICE float natural_log(float u) {
  uint32_t bits;
  memcpy(&bits, &u, 4);
  const uint32_t shifted = bits - 0x3F3504F3u;  // bits of sqrt(1/2)
  const int32_t e = int32_t(shifted) >> 23;
  const uint32_t m_bits = (shifted & 0x7FFFFFu) + 0x3F3504F3u;
  float m;
  memcpy(&m, &m_bits, 4);
  const float s = (m - 1) / (m + 1), q = s * s;
  const float series = 2 * s * (1 + q * (1.f / 3 + q * (1.f / 5 + q * (1.f / 7 + q * (1.f / 9)))));
  return float(e) * 0.693147181f + series;
}

// sin and cos of 2 pi word / 2^32: the top two bits are the quadrant, the rest an angle in [-pi/4, pi/4).
COOPNETS_HOST_DEVICE void sine_cosine(uint32_t word, float &sine, float &cosine) {
  const uint32_t turned = word + 0x20000000u;  // so that quadrants are centred on the axes
  const uint32_t quadrant = turned >> 30;
  const float a = float(int32_t(turned & 0x3FFFFFFFu) - 0x20000000) * float(6.283185307179586 / 4294967296.0);
  const float q = a * a;
  const float s = a * (1 + q * (-1.f / 6 + q * (1.f / 120 + q * (-1.f / 5040 + q * (1.f / 362880)))));
  const float c = 1 + q * (-1.f / 2 + q * (1.f / 24 + q * (-1.f / 720 + q * (1.f / 40320))));
  const float x = quadrant & 1 ? c : s, y = quadrant & 1 ? s : c;
  sine = quadrant & 2 ? -x : x;
  cosine = (quadrant + 1) & 2 ? -y : y;
}

// Four independent N(0, 1) from four words (Box & Muller 1958).
COOPNETS_HOST_DEVICE void normals(const Words &words, float out[4]) {
  for (int pair = 0; pair < 2; ++pair) {
    const float radius = std::sqrt(-2.f * natural_log(uniform(words.v[2 * pair])));
    float sine, cosine;
    sine_cosine(words.v[2 * pair + 1], sine, cosine);
    out[2 * pair] = radius * cosine;
    out[2 * pair + 1] = radius * sine;
  }
}

}  // namespace coopnets
