// The structure score of textures: metrics/structure.cpp, and the Fourier transforms below it.
#include "metrics/structure.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/picture_files.h"
#include "metrics/fourier.h"
#include "random_matrix.h"

namespace coopnets {
namespace {

Spectrum random_spectrum(size_t size) {
  const std::vector<double> a = random_matrix(1, int64_t(size), 1).values,
                            b = random_matrix(1, int64_t(size), 2).values;
  Spectrum x;
  for (size_t i = 0; i < size; ++i) x.emplace_back(a[i], b[i]);
  return x;
}

// By the sum that defines it.
TEST(Fourier, IsTheSumThatDefinesItForAnySize) {
  for (const size_t n : {1, 2, 3, 4, 7, 12, 30, 49, 64}) {
    const Spectrum x = random_spectrum(n), got = fourier(x), back = fourier(got, true);
    for (size_t k = 0; k < n; ++k) {
      std::complex<double> sum = 0;
      for (size_t j = 0; j < n; ++j) sum += x[j] * std::polar(1., -2 * M_PI * double(j * k) / double(n));
      EXPECT_LT(std::abs(got[k] - sum), 1e-11) << n << ' ' << k;
      EXPECT_LT(std::abs(back[k] - x[k]), 1e-13) << n << ' ' << k;
    }
  }
  EXPECT_TRUE(fourier({}).empty());
}

TEST(Fourier, TransformsRowsAndColumns) {
  const int64_t height = 3, width = 5;
  const Spectrum x = random_spectrum(15), got = fourier_2d(x, height, width);
  for (int64_t k = 0; k < height; ++k)
    for (int64_t l = 0; l < width; ++l) {
      std::complex<double> sum = 0;
      for (int64_t i = 0; i < height; ++i)
        for (int64_t j = 0; j < width; ++j)
          sum += x[size_t(i * width + j)] *
                 std::polar(1., -2 * M_PI * (double(i * k) / double(height) + double(j * l) / double(width)));
      EXPECT_LT(std::abs(got[size_t(k * width + l)] - sum), 1e-12);
    }
  const Spectrum back = fourier_2d(got, height, width, true);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_LT(std::abs(back[i] - x[i]), 1e-14);
}

// ------------------------------------------------------------------------------------------------------- textures

Image shipped(const std::string &name) { return load_image("datasets/texture/" + name + ".png"); }

// The picture with random phases: noise of its spectrum. Phases of a real picture are odd, so they come from the
// transform of noise.
Image phases_randomised(const Image &image, uint64_t seed) {
  Spectrum x, n;
  const std::vector<double> noise = random_matrix(1, image.height * image.width, unsigned(seed)).values;
  for (size_t i = 0; i < noise.size(); ++i) {
    x.emplace_back(image.pixels[i * size_t(image.channels)]);
    n.emplace_back(noise[i]);
  }
  x = fourier_2d(x, image.height, image.width);
  n = fourier_2d(n, image.height, image.width);
  const std::complex<double> mean = x[0];
  for (size_t i = 0; i < x.size(); ++i) x[i] *= n[i] / std::abs(n[i]);
  x[0] = mean;
  x = fourier_2d(x, image.height, image.width, true);
  Image result(image.height, image.width, 1);
  for (size_t i = 0; i < x.size(); ++i) result.pixels[i] = uint8_t(std::clamp(x[i].real() + 0.5, 0., 255.));
  return result;
}

// A Gaussian of so many pixels.
Image blurred(const Image &image, double deviation) {
  Image result = image;
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x) {
      double sum = 0, weights = 0;
      for (int64_t v = std::max<int64_t>(0, y - 6); v <= std::min(image.height - 1, y + 6); ++v)
        for (int64_t u = std::max<int64_t>(0, x - 6); u <= std::min(image.width - 1, x + 6); ++u) {
          const double w = std::exp(-double((v - y) * (v - y) + (u - x) * (u - x)) / (2 * deviation * deviation));
          sum += w * image.at(v, u)[0];
          weights += w;
        }
      result.at(y, x)[0] = uint8_t(sum / weights + 0.5);
    }
  return result;
}

Image noisy(const Image &image, double deviation) {
  const std::vector<double> noise = random_matrix(1, int64_t(image.pixels.size()), 9).values;
  Image result = image;
  for (size_t i = 0; i < noise.size(); ++i)
    result.pixels[i] = uint8_t(std::clamp(image.pixels[i] + deviation * noise[i] + 0.5, 0., 255.));
  return result;
}

double score(const StructureScore &s, const Image &image) { return s.score(s.compare(image).distance); }

class StructureOfATexture : public testing::TestWithParam<const char *> {};

// Noise of the same spectrum scores about 0, other parts of the photograph about 1, and what a synthesis can lack lowers
// the score.
TEST_P(StructureOfATexture, IsToldFromNoiseAndBlur) {
  const Image photograph = shipped(GetParam());
  const StructureScore structure(photograph, 128);
  EXPECT_EQ(structure.side(), 128);
  double parts = 0;
  double distances = 0;
  for (const StructureDifference &other : structure.others()) {
    parts += structure.score(other.distance) / 4;
    distances += other.distance / 4;
  }
  EXPECT_NEAR(parts, 1, 1e-12);
  EXPECT_NEAR(score(structure, photograph), 1 / (1 - distances), 1e-12);  // the middle itself is at no distance

  const Image middle = crop_centre(photograph, 128, 128), other = crop(photograph, 20, 110, 128, 128);
  EXPECT_EQ(structure.compare(middle).distance, 0);
  EXPECT_EQ(structure.compare(middle).decibels, 0);
  EXPECT_NEAR(score(structure, other), 1, 0.6);  // photographs are no more stationary than that
  for (const uint64_t seed : {1, 2, 3})
    EXPECT_NEAR(score(structure, crop_centre(phases_randomised(photograph, seed), 128, 128)), 0, 0.45) << seed;
  EXPECT_LT(score(structure, blurred(other, 2)), score(structure, other) - 0.15);
  EXPECT_LT(score(structure, noisy(other, 25.5)), score(structure, other) - 0.1);
}

// A faint grid hardly changes the joint statistics, so the spectrum stands beside them.
TEST_P(StructureOfATexture, SpectrumShowsAGrid) {
  const Image photograph = shipped(GetParam());
  const StructureScore structure(photograph, 128);
  Image grid = crop(photograph, 20, 110, 128, 128);
  const double before = structure.compare(grid).decibels;
  for (int64_t y = 0; y < 128; ++y)
    for (int64_t x = 0; x < 128; ++x)
      if (x % 8 == 0 || y % 8 == 0) grid.at(y, x)[0] = uint8_t(std::min(255, grid.at(y, x)[0] + 60));
  EXPECT_GT(structure.compare(grid).decibels, 1.3 * before);
  EXPECT_GT(structure.compare(blurred(crop(photograph, 20, 110, 128, 128), 2)).decibels, 2 * before);
}

INSTANTIATE_TEST_SUITE_P(All, StructureOfATexture, testing::Values("brick", "gravel", "grass"),
                         [](const auto &info) { return std::string(info.param); });

TEST(Structure, OfSmallPhotographsCannotBeTold) {
  EXPECT_TRUE(StructureScore::can_tell(noise(96, 120, 3), 128));
  EXPECT_FALSE(StructureScore::can_tell(noise(95, 120, 3), 128));
  EXPECT_FALSE(StructureScore::can_tell(noise(200, 200, 3), 63));
  EXPECT_FALSE(StructureScore::can_tell(Image(200, 200, 3), 128));  // of one colour
  EXPECT_EQ(StructureScore(noise(96, 120, 3), 128).side(), 64);
  // A flat synthesis is as unlike as can be, and its distance a number.
  EXPECT_TRUE(std::isfinite(StructureScore(noise(96, 120, 3), 64).compare(Image(64, 64, 3)).distance));
  // Where the other parts are noise, no synthesis can be scored by them.
  Image alone = noise(192, 192, 1);
  const Image bricks = crop(shipped("brick"), 0, 0, 64, 64);
  for (int64_t y = 0; y < 64; ++y)
    for (int64_t x = 0; x < 64; ++x) alone.at(64 + y, 64 + x)[0] = bricks.at(y, x)[0];
  EXPECT_TRUE(std::isnan(StructureScore(alone, 64).score(0.5)));
  EXPECT_THROW(Structure(noise(63, 90, 3)), std::invalid_argument);
  EXPECT_THROW(Structure(Image(64, 64, 1)), std::invalid_argument);  // of one colour
  EXPECT_THROW(Structure(noise(64, 64, 1)).compare(noise(64, 65, 1)), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
