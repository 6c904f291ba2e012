// Clips in other phases: constructed ones with known answers.
#include "metrics/time_shift.h"

#include <gtest/gtest.h>

#include <cmath>

#include "random_matrix.h"

namespace coopnets {
namespace {

constexpr double highest = 58.922616;  // of equal frames

// 0.5 + 0.4 sin(2 pi (i - t - phase) / period) along rows of whole periods: frames a whole period apart are equal, and
// at a phase difference of d frames the squared difference is 0.4^2 (1 - cos(2 pi d / period)) on average.
Frames wave(int64_t count, int64_t period, double phase = 0) {
  Frames frames(count, 2, 2 * period, 1);
  for (int64_t t = 0; t < count; ++t)
    for (int64_t i = 0; i < frames.frame_size(); ++i)
      frames.frame(t)[i] =
          0.5 + 0.4 * std::sin(2 * M_PI * (double(i % (2 * period)) - double(t) - phase) / double(period));
  return frames;
}
double wave_psnr(double difference, double period) {
  return -10 * std::log10(0.16 * (1 - std::cos(2 * M_PI * difference / period)));
}

Frames noise_frames(int64_t count, unsigned seed) {
  Matrix m = random_matrix(1, count * 100, seed);
  for (double &v : m.values) v = 0.5 + 0.1 * v;
  return Frames(count, 10, 10, 1, m.values);
}

TEST(TimeShift, ByHand) {
  // Frames of one value each: 0, 0.1, 0.2, ...
  Frames rising(6, 1, 1, 1, {0, 0.1, 0.2, 0.3, 0.4, 0.5});
  EXPECT_NEAR(shifted_psnr(rising, rising, 0), highest, 1e-5);
  EXPECT_NEAR(shifted_psnr(rising, rising, 1), 20, 1e-9);
  EXPECT_NEAR(shifted_psnr(rising, rising, -2), -10 * std::log10(0.04), 1e-9);
  // Made frame t stands for frame t + shift: 0.2 is two frames late in the clip.
  const Frames late(6, 1, 1, 1, {0.2, 0.3, 0.4, 0.5, 0.5, 0.5});
  EXPECT_NEAR(shifted_psnr(rising, late, 2), highest, 1e-5);
  EXPECT_NEAR(shifted_psnr(late, rising, -2), highest, 1e-5);
  EXPECT_EQ(best_shift(rising, late).shift, 2);
  EXPECT_EQ(best_shift(late, rising).shift, -2);
  EXPECT_NEAR(best_shift(late, rising).psnr, highest, 1e-5);
  // Half of the frames overlap at least, so a shift of four is not looked for.
  const Frames later(6, 1, 1, 1, {0.4, 0.5, 0, 0, 0, 0});
  EXPECT_LE(std::abs(best_shift(rising, later).shift), 3);
  EXPECT_NEAR(shifted_psnr(rising, later, 4), highest, 1e-5);
  EXPECT_THROW(shifted_psnr(rising, rising, 6), std::invalid_argument);
  EXPECT_THROW(shifted_psnr(rising, rising, -6), std::invalid_argument);
  EXPECT_THROW(shifted_psnr(rising, Frames(5, 1, 1, 1), 0), std::invalid_argument);
  // The clip against itself: by 2 or 3 of its 6 frames.
  EXPECT_EQ(best_shift_of_itself(rising).shift, 2);
  EXPECT_NEAR(best_shift_of_itself(rising).psnr, -10 * std::log10(0.04), 1e-9);
  // 0 against 0.1, 0 against 0.3, 0.1 against 0.3.
  const auto flat = [](double v) { return Frames(2, 1, 1, 1, {v, v}); };
  EXPECT_NEAR(mean_pairwise_psnr({flat(0), flat(0.1), flat(0.3)}),
              (20 - 10 * std::log10(0.09) - 10 * std::log10(0.04)) / 3, 1e-9);
  EXPECT_TRUE(std::isnan(mean_pairwise_psnr({flat(0)})));
}

// The same wave in another phase: frame-aligned it is far off, shifted it is the clip.
TEST(TimeShift, ATravellingWaveIsFoundInAnyPhase) {
  const Frames clip = wave(32, 8);
  for (const int64_t phase : {0, 1, 3, 5}) {
    const Frames other = wave(32, 8, -double(phase));  // whose frame t is the clip's frame t - phase
    if (phase) {
      EXPECT_NEAR(shifted_psnr(clip, other, 0), wave_psnr(double(phase), 8), 1e-9);
    }
    const Shifted best = best_shift(clip, other);
    EXPECT_NEAR(best.psnr, highest, 1e-5);
    EXPECT_EQ(((best.shift + phase) % 8 + 8) % 8, 0) << best.shift;
  }
  EXPECT_EQ(best_shift(clip, wave(32, 8, -3)).shift, -3);
  EXPECT_EQ(best_shift(clip, wave(32, 8, 3)).shift, 3);
  // It repeats within its length: it agrees with itself wholly. One of period 64 does not: by 8 frames of 32 at best.
  EXPECT_NEAR(best_shift_of_itself(clip).psnr, highest, 1e-5);
  EXPECT_EQ(best_shift_of_itself(clip).shift, 8);
  const Frames slow = wave(32, 64);
  EXPECT_EQ(best_shift_of_itself(slow).shift, 8);
  EXPECT_NEAR(best_shift_of_itself(slow).psnr, wave_psnr(8, 64), 1e-9);
  EXPECT_NEAR(shifted_psnr(slow, slow, 16), wave_psnr(16, 64), 1e-9);
}

// Independent noise of variance 0.01: a squared difference of 0.02 whatever the shift.
TEST(TimeShift, NoiseAgreesWithNothing) {
  const double expected = -10 * std::log10(0.02);
  const Frames a = noise_frames(40, 1), b = noise_frames(40, 2), c = noise_frames(40, 3);
  EXPECT_NEAR(best_shift(a, b).psnr, expected, 0.5);
  EXPECT_NEAR(best_shift_of_itself(a).psnr, expected, 0.5);
  EXPECT_NEAR(mean_pairwise_psnr({a, b, c}), expected, 0.3);
}

TEST(TimeShift, ShortClips) {
  EXPECT_TRUE(std::isnan(best_shift_of_itself(Frames(1, 1, 1, 1, {0.5})).psnr));
  EXPECT_EQ(best_shift(Frames(1, 1, 1, 1, {0.5}), Frames(1, 1, 1, 1, {0.4})).shift, 0);
  EXPECT_EQ(best_shift_of_itself(Frames(2, 1, 1, 1, {0.5, 0.4})).shift, 1);
  EXPECT_EQ(best_shift_of_itself(Frames(3, 1, 1, 1, {0.5, 0.4, 0.3})).shift, 1);
}

}  // namespace
}  // namespace coopnets
