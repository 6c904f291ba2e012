// PSNR, SSIM, masks and the completion score.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "metrics/completion.h"
#include "metrics/psnr.h"
#include "metrics/ssim.h"
#include "random_matrix.h"

namespace coopnets {
namespace {

Frames random_frames(int64_t n, int64_t h, int64_t w, int64_t c, unsigned seed) {
  Matrix m = random_matrix(1, n * h * w * c, seed);
  for (double &v : m.values) v = 0.5 + 0.15 * v;
  return Frames(n, h, w, c, m.values);
}

// Wang's formula as it stands, one window at a time, weights of two dimensions.
double naive_ssim(const Frames &a, const Frames &b, double peak) {
  double weights[11][11], total = 0, sum = 0;
  for (int i = 0; i < 11; ++i)
    for (int j = 0; j < 11; ++j) total += weights[i][j] = std::exp(-((i - 5) * (i - 5) + (j - 5) * (j - 5)) / 4.5);
  int64_t count = 0;
  const double c1 = std::pow(0.01 * peak, 2), c2 = std::pow(0.03 * peak, 2);
  for (int64_t y = 0; y + 11 <= a.height; ++y)
    for (int64_t x = 0; x + 11 <= a.width; ++x, ++count) {
      double ma = 0, mb = 0, va = 0, vb = 0, ab = 0;
      const auto at = [&](const Frames &f, int i, int j) { return f.pixels[(y + i) * f.width + x + j]; };
      for (int i = 0; i < 11; ++i)
        for (int j = 0; j < 11; ++j)
          ma += weights[i][j] / total * at(a, i, j), mb += weights[i][j] / total * at(b, i, j);
      for (int i = 0; i < 11; ++i)
        for (int j = 0; j < 11; ++j) {
          const double da = at(a, i, j) - ma, db = at(b, i, j) - mb, w = weights[i][j] / total;
          va += w * da * da, vb += w * db * db, ab += w * da * db;
        }
      sum += (2 * ma * mb + c1) * (2 * ab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
    }
  return sum / double(count);
}

TEST(Psnr, ByHand) {
  // Frame 0: one of four values off by 0.2, MSE 0.01, 20 dB. Frame 1: all off by 0.1, MSE 0.01. The same of bytes.
  const Frames a(2, 1, 2, 2, {0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5}), b(2, 1, 2, 2, {0, 0.2, 0, 0, 0.6, 0.4, 0.6, 0.4});
  EXPECT_NEAR(psnr_of_frames(a, b)[0], 20, 1e-12);
  EXPECT_NEAR(psnr(a, b), 20, 1e-12);
  Frames bytes_a = a, bytes_b = b;
  for (Frames *frames : {&bytes_a, &bytes_b})
    for (double &v : frames->pixels) v *= 255;
  EXPECT_NEAR(psnr(bytes_a, bytes_b, 255), 20, 1e-9);
  // The mean of the PSNRs: 20 and 40 dB.
  const Frames c(2, 1, 2, 2, {0, 0.2, 0, 0, 0.51, 0.49, 0.51, 0.49});
  EXPECT_NEAR(psnr(a, c), 30, 1e-9);
  EXPECT_THROW(psnr(a, Frames(1, 1, 2, 2)), std::invalid_argument);
  EXPECT_THROW(psnr(Frames(), Frames()), std::invalid_argument);
}

// No error is below that of rounding to a byte, 1 / (12 * 255^2) of the peak's square: 58.92262 dB.
TEST(Psnr, OfEqualPicturesIsThatOfRoundingToBytes) {
  const double highest = 58.922616;
  EXPECT_NEAR(highest_psnr, highest, 1e-5);
  EXPECT_NEAR(psnr_of_error(1.28155e-6), highest, 1e-4);
  EXPECT_EQ(psnr_of_error(1.2e-6), highest_psnr);
  EXPECT_LT(psnr_of_error(1.3e-6), highest_psnr);
  EXPECT_NEAR(psnr_of_error(0.01), 20, 1e-12);
  EXPECT_NEAR(psnr_of_error(650.25, 255), 20, 1e-12);
  EXPECT_NEAR(psnr_of_error(0.08, 255), highest, 1e-4);  // a twelfth is the floor of bytes
  EXPECT_TRUE(std::isnan(psnr_of_error(NAN)));
  // One exact frame of two: the mean is finite.
  const Frames a(2, 1, 2, 1, {0.5, 0.5, 0.5, 0.5}), b(2, 1, 2, 1, {0.5, 0.5, 0.6, 0.4});
  EXPECT_NEAR(psnr(a, b), (highest + 20) / 2, 1e-4);
  EXPECT_NEAR(completion_score(a, b, 0, Mask{1, 2, {0, 1}}).psnr, highest, 1e-5);
}

TEST(Ssim, OfConstantAndEqualPictures) {
  const Frames x = random_frames(2, 16, 13, 3, 1);
  EXPECT_NEAR(ssim(x, x), 1, 1e-15);
  EXPECT_NEAR(ssim(x, x, SsimColour::channel_mean), 1, 1e-15);
  // Without variance only the luminance term is left: (2ab + C1) / (a^2 + b^2 + C1).
  Frames a(1, 12, 12, 1), b(1, 12, 12, 1);
  for (double &p : a.pixels) p = 0.2;
  for (double &p : b.pixels) p = 0.6;
  EXPECT_NEAR(ssim(a, b), (2 * 0.2 * 0.6 + 1e-4) / (0.04 + 0.36 + 1e-4), 1e-12);
  EXPECT_NEAR(ssim(a, b, SsimColour::grey, 255), (2 * 0.12 + 2.55 * 2.55) / (0.4 + 2.55 * 2.55), 1e-12);
}

TEST(Ssim, AgreesWithTheDefinition) {
  const Frames a = random_frames(1, 19, 14, 1, 2), b = random_frames(1, 19, 14, 1, 3);
  EXPECT_NEAR(ssim(a, b), naive_ssim(a, b, 1), 1e-12);
  EXPECT_NEAR(ssim(a, b, SsimColour::grey, 2), naive_ssim(a, b, 2), 1e-12);
  EXPECT_NEAR(ssim(a, b), ssim(b, a), 1e-15);
}

TEST(Ssim, ColourPolicies) {
  const Frames a = random_frames(1, 12, 15, 3, 4), b = random_frames(1, 12, 15, 3, 5);
  double of_channels = 0;
  Frames ga(1, 12, 15, 1), gb = ga;
  for (int c = 0; c < 3; ++c) {
    Frames ca(1, 12, 15, 1), cb = ca;
    const double luma[] = {0.299, 0.587, 0.114};
    for (size_t i = 0; i < ca.pixels.size(); ++i) {
      ca.pixels[i] = a.pixels[3 * i + c], cb.pixels[i] = b.pixels[3 * i + c];
      ga.pixels[i] += luma[c] * ca.pixels[i], gb.pixels[i] += luma[c] * cb.pixels[i];
    }
    of_channels += naive_ssim(ca, cb, 1) / 3;
  }
  EXPECT_NEAR(ssim(a, b, SsimColour::channel_mean), of_channels, 1e-12);
  EXPECT_NEAR(ssim(a, b, SsimColour::grey), naive_ssim(ga, gb, 1), 1e-12);
}

TEST(Ssim, GreyOfTwoChannelsIsTheirMean) {
  const Frames a = random_frames(1, 12, 11, 2, 7), b = random_frames(1, 12, 11, 2, 8);
  Frames ga(1, 12, 11, 1), gb = ga;
  for (size_t i = 0; i < ga.pixels.size(); ++i) {
    ga.pixels[i] = (a.pixels[2 * i] + a.pixels[2 * i + 1]) / 2;
    gb.pixels[i] = (b.pixels[2 * i] + b.pixels[2 * i + 1]) / 2;
  }
  EXPECT_NEAR(ssim(a, b), naive_ssim(ga, gb, 1), 1e-12);
}

TEST(Ssim, PairsAndSizes) {
  const Frames f = random_frames(3, 11, 11, 1, 6);
  const auto one = [&](int t) { return Frames(1, 11, 11, 1, {f.frame(t), f.frame(t) + 121}); };
  EXPECT_NEAR(mean_pairwise_ssim(f), (ssim(one(0), one(1)) + ssim(one(0), one(2)) + ssim(one(1), one(2))) / 3, 1e-14);
  EXPECT_THROW(ssim(Frames(1, 10, 11, 1), Frames(1, 10, 11, 1)), std::invalid_argument);
  EXPECT_THROW(mean_pairwise_ssim(one(0)), std::invalid_argument);
}

TEST(Frames, AreClippedToTheUnitRange) {
  const Frames clip = clipped(Frames(1, 1, 4, 1, {-0.5, 0.25, 1.5, NAN}));
  EXPECT_EQ(std::vector<double>(clip.pixels.begin(), clip.pixels.begin() + 3), (std::vector<double>{0, 0.25, 1}));
  EXPECT_TRUE(std::isnan(clip.pixels[3]));
}

TEST(Mask, SquaresLieInsideAndReachEveryPlace) {
  std::set<int64_t> tops, lefts;
  for (uint64_t i = 0; i < 400; ++i) {
    const Mask m = square_mask(20, 24, 15, 7, i);
    int64_t count = 0, top = 99, left = 99, bottom = -1, right = -1;
    for (int64_t y = 0; y < 20; ++y)
      for (int64_t x = 0; x < 24; ++x)
        if (m(y, x)) {
          ++count, top = std::min(top, y), bottom = std::max(bottom, y);
          left = std::min(left, x), right = std::max(right, x);
        }
    ASSERT_EQ(count, 15 * 15);
    ASSERT_EQ(bottom - top, 14);
    ASSERT_EQ(right - left, 14);
    tops.insert(top), lefts.insert(left);
  }
  EXPECT_EQ(tops.size(), 6u);
  EXPECT_EQ(lefts.size(), 10u);
  int64_t on_the_diagonal = 0;  // of 36 places of a square in a square picture
  for (uint64_t i = 0; i < 400; ++i) {
    const std::vector<uint8_t> hidden = square_mask(20, 20, 15, 7, i).hidden;
    const int64_t first = std::find(hidden.begin(), hidden.end(), 1) - hidden.begin();
    on_the_diagonal += first / 20 == first % 20;
  }
  EXPECT_NEAR(double(on_the_diagonal), 400 / 6.0, 30);  // four standard deviations
  EXPECT_EQ(square_mask(20, 24, 15, 7, 3).hidden, square_mask(20, 24, 15, 7, 3).hidden);
  EXPECT_NE(square_mask(20, 24, 3, 7, 3).hidden, square_mask(20, 24, 3, 8, 3).hidden);
  EXPECT_THROW(square_mask(20, 24, 21, 7, 0), std::invalid_argument);
  EXPECT_THROW(square_mask(20, 24, 0, 7, 0), std::invalid_argument);
}

TEST(CompletionScore, CountsHiddenPixelsAlone) {
  const Mask mask{1, 3, {1, 0, 1}};
  const Frames truth(1, 1, 3, 1, {0.5, 0.5, 1.0}), recovered(1, 1, 3, 1, {0.6, 0.0, 1.7});  // 1.7 clips to 1
  const CompletionScore score = completion_score(truth, recovered, 0, mask);
  EXPECT_NEAR(score.error, 0.05, 1e-12);
  EXPECT_NEAR(score.psnr, 10 * std::log10(2 / 0.01), 1e-9);
  // Both sides are clipped, and the second frame is compared with the second.
  const Frames beyond(2, 1, 3, 1, {0, 0, 0, -2, 0, 1.5}), other(2, 1, 3, 1, {0.7, 0.7, 0.7, 0.1, 0.7, 1});
  EXPECT_NEAR(completion_score(beyond, other, 1, mask).error, 0.05, 1e-12);
  EXPECT_THROW(completion_score(truth, recovered, 1, mask), std::invalid_argument);
  EXPECT_THROW(completion_score(truth, recovered, 0, Mask{1, 3, {0, 0, 0}}), std::invalid_argument);
  EXPECT_THROW(completion_score(truth, recovered, 0, Mask{1, 2, {1, 0}}), std::invalid_argument);
  EXPECT_THROW(completion_score(truth, recovered, 0, Mask{1, 3, {1, 0}}), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
