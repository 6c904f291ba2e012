// How much of a texture's structure a synthesis has: joint statistics of oriented band-pass responses.
#pragma once
#include <cstdint>
#include <vector>

#include "data/image.h"

namespace coopnets {

// Four scales x six orientations of band-pass filters (a Gaussian of the logarithm of the frequency times a power of the
// cosine of its angle), after the texture statistics of Portilla and Simoncelli (IJCV 2000):
//   across scales   correlations of the responses' magnitudes between neighbouring scales: edges are edges at all scales
//   of each band    kurtosis, skewness and sparseness of the responses: a few strong ones among many weak
// Each group's mean squared difference to the observed picture is divided by that of Gaussian noise with the observed
// spectrum (the observed picture with random phases, a mean of six).
struct StructureDifference {
  double distance;  // root of the mean of both groups' quotients: 0 the same statistics, 1 noise of the same spectrum
  double decibels;  // root mean square difference of the bands' amplitudes: a grid or a blur shows here
};

class Structure {
 public:
  // Throws std::invalid_argument for a picture with a side of less than 64 pixels, or of one colour.
  explicit Structure(const Image &observed);

  // Pictures are taken in grey, and must have the observed one's size.
  StructureDifference compare(const Image &) const;

 private:
  struct Statistics {
    std::vector<double> across_scales, of_bands, decibels;
  };
  Statistics statistics(const std::vector<double> &grey) const;
  int64_t height_, width_;
  std::vector<std::vector<double>> filters_;  // of each band, at the frequencies of the observed picture's size
  Statistics observed_;
  double noise_across_scales_ = 0, noise_of_bands_ = 0;  // mean squared differences of noise
};

// Distances as a share of what is possible: other windows of the same photograph have distances of their own.
class StructureScore {
 public:
  // Windows of `side` pixels, or of two thirds of the photograph's shorter side where that is less; the middle one is
  // what syntheses are compared with, those at the corners are the others.
  StructureScore(const Image &photograph, int64_t side);
  // Whether the photograph is large enough for windows in which structure can be told, and no flat area.
  static bool can_tell(const Image &photograph, int64_t side);

  // Of the middle window of a synthesis, which must not be smaller.
  StructureDifference compare(const Image &synthesis) const { return structure_.compare(middle(synthesis)); }
  // (1 - distance) / (1 - mean distance of the others): 1 as like as another part of the photograph, 0 coloured noise.
  // NaN where parts of the photograph are hardly more alike than noise.
  double score(double distance) const;

  int64_t side() const { return side_; }
  const std::vector<StructureDifference> &others() const { return others_; }

 private:
  static constexpr int64_t least = 64;
  static int64_t window(const Image &photograph, int64_t side);
  Image middle(const Image &) const;
  int64_t side_;
  Structure structure_;
  std::vector<StructureDifference> others_;
};

}  // namespace coopnets
