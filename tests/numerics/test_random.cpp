#include "tensor/random.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

struct Vector {
  Words counter;
  uint32_t key0, key1;
  Words words;
};

TEST(Random, PhiloxGivesThePublishedWords) {
  for (const Vector &v : {Vector{{{0, 0, 0, 0}}, 0, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
                          Vector{{{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
                          Vector{{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
                                 0xa4093822,
                                 0x299f31d0,
                                 {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}}}) {
    const Words words = philox(v.counter, v.key0, v.key1);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(words.v[i], v.words.v[i]);
  }
}

// Blocks beyond 2^32 and indices share a counter word; seeds and purposes share a key word.
TEST(Random, EveryBlockHasItsOwnWords) {
  std::set<std::pair<uint64_t, uint64_t>> seen;
  int64_t count = 0;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32, ~uint64_t{0}})
    for (const Purpose purpose : {Purpose::descriptor_weights, Purpose::latent, Purpose::langevin, Purpose::test})
      for (const uint64_t iteration : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32})
        for (const uint32_t index : {0u, 1u, 255u, 256u, (1u << 24) - 1})
          for (const uint64_t block : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32, (uint64_t{1} << 40) - 1}) {
            const Words w = random_block({seed, purpose}, iteration, index, block);
            seen.insert({uint64_t{w.v[0]} << 32 | w.v[1], uint64_t{w.v[2]} << 32 | w.v[3]});
            ++count;
          }
  EXPECT_EQ(int64_t(seen.size()), count);
}

// Words over the whole range, dense at both ends and around the quadrants.
std::vector<uint32_t> telling_words() {
  std::vector<uint32_t> words;
  for (uint32_t near : {0u, 0x20000000u, 0x40000000u, 0x60000000u, 0x80000000u, 0xA0000000u, 0xC0000000u, 0xE0000000u})
    for (uint32_t i = 0; i < 2000; ++i) words.push_back(near + i - 1000);
  for (uint32_t i = 0; i < 100000; ++i) words.push_back(i * 42949u);
  for (int bit = 0; bit < 32; ++bit) words.push_back(1u << bit);
  return words;
}

TEST(Random, UniformStaysInRange) {
  EXPECT_EQ(uniform(0), 0x1p-33f);
  EXPECT_EQ(uniform(~0u), 1);
  for (const uint32_t word : telling_words()) {
    EXPECT_GT(uniform(word), 0);
    EXPECT_LE(uniform(word), 1);
    EXPECT_NEAR(uniform(word), (word + 0.5) / 4294967296., 1.2e-7 * uniform(word));  // two roundings
  }
}

TEST(Random, LogarithmIsAccurate) {
  double worst = 0;
  for (const uint32_t word : telling_words()) {
    const float u = uniform(word);
    const double wanted = std::log(double(u)), error = std::fabs(natural_log(u) - wanted);
    worst = std::max(worst, error / std::max(std::fabs(wanted), 0.1));
    ASSERT_FALSE(std::isnan(error)) << u;
  }
  EXPECT_LE(worst, 2e-7);
  EXPECT_EQ(natural_log(1), 0);
}

TEST(Random, SineAndCosineAreAccurate) {
  double worst = 0;
  for (const uint32_t word : telling_words()) {
    float sine, cosine;
    sine_cosine(word, sine, cosine);
    const double angle = 6.283185307179586 * (word / 4294967296.);
    const double error = std::max(std::fabs(sine - std::sin(angle)), std::fabs(cosine - std::cos(angle)));
    worst = std::max(worst, error);
    ASSERT_FALSE(std::isnan(error)) << word;
  }
  EXPECT_LE(worst, 4e-7);
}

// Each moment within 4.5 standard errors, which are those of independent N(0, 1).
TEST(Random, NormalsHaveTheMomentsOfTheNormal) {
  const int blocks = 1 << 16;
  const double n = 4. * blocks;
  double moment[5] = {}, neighbours = 0, beyond3 = 0, previous = 0;
  for (int block = 0; block < blocks; ++block) {
    float x[4];
    normals(random_block({7, Purpose::test}, 3, 5, block), x);
    for (const double v : x) {
      for (int power = 1; power <= 4; ++power) moment[power] += std::pow(v, power) / n;
      neighbours += v * previous / n;
      beyond3 += (std::fabs(v) > 3) / n;
      previous = v;
    }
  }
  EXPECT_NEAR(moment[1], 0, 4.5 * std::sqrt(1 / n));
  EXPECT_NEAR(moment[2], 1, 4.5 * std::sqrt(2 / n));
  EXPECT_NEAR(moment[3], 0, 4.5 * std::sqrt(15 / n));
  EXPECT_NEAR(moment[4], 3, 4.5 * std::sqrt(96 / n));
  EXPECT_NEAR(neighbours, 0, 4.5 * std::sqrt(1 / n));
  EXPECT_NEAR(beyond3, 0.0026998, 4.5 * std::sqrt(0.0027 / n));
}

// Element i takes number i % 4 of block i / 4, whatever the size.
TEST(Random, FillNormalGivesTheHostsNumbers) {
  const RandomKey key = {123456789012345u, Purpose::latent};
  test_backend().set_clock({41, 1});
  for (const int64_t size : {1, 3, 4, 63, 255, 257, 8195, 20001}) {
    const Guarded x({1, 1, 1, 1, size});
    test_backend().fill_normal(x, real(0.25), real(1.5), key, 9);
    const std::vector<real> got = x.values();
    ASSERT_EQ(int64_t(got.size()), size);
    for (int64_t i = 0; i < size; ++i) {
      float n[4];
      normals(random_block(key, 41, 9, i / 4), n);
      ASSERT_NEAR(got[i], 0.25 + 1.5 * n[i % 4], 3e-6) << i;
    }
  }
  test_backend().set_clock({});
}

}  // namespace
}  // namespace coopnets
