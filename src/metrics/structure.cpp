#include "metrics/structure.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "metrics/fourier.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace coopnets {

namespace {

constexpr int scales = 4, orientations = 6, noises = 6;
constexpr int64_t ramp = 10;    // pixels over which the picture fades out at its border
constexpr int64_t margin = 12;  // pixels whose responses are left out at the border

using Values = std::vector<double>;

Values grey_of(const Image &image) {
  Values grey;
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x) {
      const uint8_t *p = image.at(y, x);
      grey.push_back(image.channels < 3 ? p[0] : 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]);
    }
  return grey;
}

double fade(int64_t i, int64_t n) {
  const int64_t from_border = std::min(i, n - 1 - i);
  return from_border >= ramp ? 1 : std::pow(std::sin((double(from_border) + 0.5) / ramp * M_PI / 2), 2);
}

Values window(int64_t height, int64_t width) {
  Values w;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) w.push_back(fade(y, height) * fade(x, width));
  return w;
}

double mean(const Values &x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / double(x.size());
}

// Mean of the p-th power.
double moment(const Values &x, int p) {
  double sum = 0;
  for (const double v : x) {
    double power = v;
    for (int k = 1; k < p; ++k) power *= v;
    sum += power;
  }
  return sum / double(x.size());
}

// Mean 0 and deviation 1.
Values standardised(Values x) {
  const double m = mean(x);
  for (double &v : x) v -= m;
  const double deviation = std::sqrt(moment(x, 2)) + 1e-12;
  for (double &v : x) v /= deviation;
  return x;
}

double product(const Values &a, const Values &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum / double(a.size());
}

Spectrum complex_of(const Values &x) { return {x.begin(), x.end()}; }

// Without `margin` pixels on each side.
template <class Value>
Values inside(const Spectrum &x, int64_t height, int64_t width, const Value &value) {
  Values part;
  for (int64_t row = margin; row < height - margin; ++row)
    for (int64_t column = margin; column < width - margin; ++column)
      part.push_back(value(x[size_t(row * width + column)]));
  return part;
}

// Frequency of coefficient k of n, in cycles per pixel: from -1/2 to 1/2.
double frequency(int64_t k, int64_t n) { return double(2 * k < n ? k : k - n) / double(n); }

// The filter's value: centred on 0.3 / 2^scale cycles per pixel, 0.45 octaves wide, on one side of the spectrum alone, so
// that responses are complex and their magnitude does not depend on an edge's phase.
double gain(double fy, double fx, int scale, int orientation) {
  const double radius = std::hypot(fx, fy);
  if (radius == 0) return 0;
  const double octaves = std::log2(radius / (0.3 / std::pow(2., scale)));
  const double angle = std::remainder(std::atan2(fy, fx) - orientation * M_PI / orientations, 2 * M_PI);
  if (std::abs(angle) >= M_PI / 2) return 0;
  return 2 * std::exp(-octaves * octaves / (2 * 0.45 * 0.45)) * std::pow(std::cos(angle), orientations - 1);
}

Values filter(int64_t height, int64_t width, int scale, int orientation) {
  Values gains;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      gains.push_back(gain(frequency(y, height), frequency(x, width), scale, orientation));
  return gains;
}

// What is measured of one band.
struct Band {
  double kurtosis, skewness, sparseness, decibels;
  Values magnitude;  // standardised
};

Band measure(const Spectrum &response, int64_t height, int64_t width) {
  Values real_part = inside(response, height, width, [](const std::complex<double> &v) { return v.real(); });
  const double deviation = std::sqrt(moment(real_part, 2) - std::pow(mean(real_part), 2)) + 1e-12;
  for (double &v : real_part) v /= deviation;
  const Values magnitude = inside(response, height, width, [](const std::complex<double> &v) { return std::abs(v); });
  const double power = moment(magnitude, 2);
  return {std::log(moment(real_part, 4) / 3 + 1e-12), moment(real_part, 3) / 3,
          mean(magnitude) / (std::sqrt(power) + 1e-12), 10 * std::log10(power + 1e-9), standardised(magnitude)};
}

// The same amplitudes under the window, other phases: those of normal noise.
Values with_random_phases(const Values &x, int64_t height, int64_t width, uint32_t number) {
  const Values w = window(height, width);
  const double m = mean(x);
  Spectrum picture(x.size()), noise(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    float n[4];
    normals(random_block({0, Purpose::evaluation}, 0, number, i / 4), n);
    picture[i] = (x[i] - m) * w[i];
    noise[i] = n[i % 4];
  }
  picture = fourier_2d(std::move(picture), height, width);
  noise = fourier_2d(std::move(noise), height, width);
  for (size_t i = 0; i < x.size(); ++i) picture[i] = std::polar(std::abs(picture[i]), std::arg(noise[i]));
  Values y;
  for (const std::complex<double> &v : fourier_2d(std::move(picture), height, width, true)) y.push_back(v.real());
  Values centred = x;
  for (double &v : centred) v -= m;
  const double deviation = std::sqrt(moment(centred, 2));
  y = standardised(std::move(y));
  for (double &v : y) v = v * deviation + m;
  return y;
}

double mean_squared_difference(const Values &a, const Values &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum / double(a.size());
}

}  // namespace

Structure::Statistics Structure::statistics(const Values &grey) const {
  const Values w = window(height_, width_);
  double weighted = 0, weight = 0;
  for (size_t i = 0; i < grey.size(); ++i) weighted += grey[i] * w[i], weight += w[i];
  Values faded = grey;
  for (size_t i = 0; i < grey.size(); ++i) faded[i] = (grey[i] - weighted / weight) * w[i];
  const Spectrum spectrum = fourier_2d(complex_of(faded), height_, width_);

  std::vector<Band> bands(filters_.size());
  parallel_for(int64_t(bands.size()), [&](int64_t k) {
    Spectrum response(spectrum.size());
    for (size_t i = 0; i < spectrum.size(); ++i) response[i] = spectrum[i] * filters_[size_t(k)][i];
    bands[size_t(k)] = measure(fourier_2d(std::move(response), height_, width_, true), height_, width_);
  });
  Statistics s;
  for (size_t k = 0; k < bands.size(); ++k) {
    s.of_bands.insert(s.of_bands.end(), {bands[k].kurtosis, bands[k].skewness, bands[k].sparseness});
    s.decibels.push_back(bands[k].decibels);
  }
  for (size_t finer = 0; finer + orientations < bands.size(); finer += orientations)
    for (size_t a = finer; a < finer + orientations; ++a)
      for (size_t b = finer + orientations; b < finer + 2 * orientations; ++b)
        s.across_scales.push_back(product(bands[a].magnitude, bands[b].magnitude));
  const Values pixels =
      standardised(inside(complex_of(faded), height_, width_, [](const std::complex<double> &v) { return v.real(); }));
  s.of_bands.push_back(moment(pixels, 3) / 2);
  s.of_bands.push_back(std::log(moment(pixels, 4) / 3 + 1e-12));
  return s;
}

Structure::Structure(const Image &observed) : height_(observed.height), width_(observed.width) {
  if (std::min(height_, width_) < 64)
    throw std::invalid_argument("the structure of a texture is measured on pictures of 64 pixels or more, not of " +
                                std::to_string(width_) + " x " + std::to_string(height_));
  const Values grey = grey_of(observed);
  if (moment(grey, 2) - std::pow(mean(grey), 2) < 1e-6)
    throw std::invalid_argument("a picture of one colour has no structure to compare with");
  for (int scale = 0; scale < scales; ++scale)
    for (int orientation = 0; orientation < orientations; ++orientation)
      filters_.push_back(filter(height_, width_, scale, orientation));
  observed_ = statistics(grey);
  for (uint32_t k = 0; k < noises; ++k) {
    const Statistics noise = statistics(with_random_phases(grey, height_, width_, k));
    noise_across_scales_ += mean_squared_difference(noise.across_scales, observed_.across_scales) / noises;
    noise_of_bands_ += mean_squared_difference(noise.of_bands, observed_.of_bands) / noises;
  }
}

StructureDifference Structure::compare(const Image &other) const {
  if (other.height != height_ || other.width != width_)
    throw std::invalid_argument("structures are compared at one size");
  const Statistics s = statistics(grey_of(other));
  const double across_scales = mean_squared_difference(s.across_scales, observed_.across_scales);
  const double of_bands = mean_squared_difference(s.of_bands, observed_.of_bands);
  return {std::sqrt((across_scales / noise_across_scales_ + of_bands / noise_of_bands_) / 2),
          std::sqrt(mean_squared_difference(s.decibels, observed_.decibels))};
}

// ------------------------------------------------------------------------------------------------------- score

int64_t StructureScore::window(const Image &photograph, int64_t side) {
  return std::min(side, 2 * std::min(photograph.height, photograph.width) / 3);
}

bool StructureScore::can_tell(const Image &photograph, int64_t side) {
  const int64_t own = window(photograph, side);
  if (own < least) return false;
  const std::vector<uint8_t> pixels = crop_centre(photograph, own, own).pixels;
  const auto [lowest, highest] = std::minmax_element(pixels.begin(), pixels.end());
  return *lowest + 8 < *highest;
}

Image StructureScore::middle(const Image &image) const { return crop_centre(image, side_, side_); }

StructureScore::StructureScore(const Image &photograph, int64_t side)
    : side_(window(photograph, side)), structure_(middle(photograph)) {
  for (const int64_t top : {int64_t{0}, photograph.height - side_})
    for (const int64_t left : {int64_t{0}, photograph.width - side_})
      others_.push_back(structure_.compare(crop(photograph, top, left, side_, side_)));
}

double StructureScore::score(double distance) const {
  double possible = 1;
  for (const StructureDifference &other : others_) possible -= other.distance / double(others_.size());
  return possible < 0.05 ? NAN : (1 - distance) / possible;
}

}  // namespace coopnets
