#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "rivals/dynamic_texture_parts.h"
#include "rivals/tensor_modes.h"

namespace coopnets {
namespace {

// Symmetric [n, n]: cos and sin of 2 pi jk / n, over sqrt(n). As the frames are small, the DFT is these products.
struct Fourier {
  Matrix cosine, sine;
  explicit Fourier(int64_t n) : cosine(n, n), sine(n, n) {
    for (int64_t j = 0; j < n; ++j)
      for (int64_t k = 0; k < n; ++k) {
        const double angle = 2 * M_PI * double(j * k % n) / double(n);
        cosine(j, k) = std::cos(angle) / std::sqrt(double(n));
        sine(j, k) = std::sin(angle) / std::sqrt(double(n));
      }
  }
};

struct Spectrum {
  ModeTensor re, im;
};

ModeTensor combined(double a, const ModeTensor &x, double b, const ModeTensor &y) {
  ModeTensor result = x;
  for (size_t i = 0; i < x.values.size(); ++i) result.values[i] = a * x.values[i] + b * y.values[i];
  return result;
}

// (C_r - i S_r) y (C_c - i S_c)
Spectrum transform(const ModeTensor &y, const Fourier &rows, const Fourier &columns) {
  const ModeTensor c = mode_product(y, mode_column, columns.cosine), s = mode_product(y, mode_column, columns.sine);
  return {combined(1, mode_product(c, mode_row, rows.cosine), -1, mode_product(s, mode_row, rows.sine)),
          combined(-1, mode_product(c, mode_row, rows.sine), -1, mode_product(s, mode_row, rows.cosine))};
}

// Its inverse on real frames, which is its adjoint: the real part of (C_r + i S_r) (re + i im) (C_c + i S_c).
ModeTensor inverse(const Spectrum &f, const Fourier &rows, const Fourier &columns) {
  const ModeTensor c =
      combined(1, mode_product(f.re, mode_row, rows.cosine), -1, mode_product(f.im, mode_row, rows.sine));
  const ModeTensor s =
      combined(1, mode_product(f.re, mode_row, rows.sine), 1, mode_product(f.im, mode_row, rows.cosine));
  return combined(1, mode_product(c, mode_column, columns.cosine), -1, mode_product(s, mode_column, columns.sine));
}

// One of each conjugate pair (k, l), (-k, -l), and the frequencies that are their own partner.
struct Frequency {
  int64_t at, conjugate;  // k * width + l
  double magnitude;       // largest over frames and channels
  bool real() const { return at == conjugate; }
};

std::vector<Frequency> half_plane(int64_t height, int64_t width) {
  std::vector<Frequency> result;
  for (int64_t k = 0; k < height; ++k)
    for (int64_t l = 0; l < width; ++l) {
      const int64_t at = k * width + l, conjugate = (height - k) % height * width + (width - l) % width;
      if (at <= conjugate) result.push_back({at, conjugate, 0});
    }
  return result;
}

// The strongest frequencies until their real coefficients are `wanted`; at least one.
std::vector<Frequency> select(const Spectrum &f, int64_t wanted) {
  const auto [frames, height, width, channels] = f.re.sizes;
  std::vector<Frequency> all = half_plane(height, width);
  for (Frequency &q : all)
    for (int64_t t = 0; t < frames; ++t)
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t i = (t * height * width + q.at) * channels + c;
        q.magnitude = std::max(q.magnitude, std::hypot(f.re.values[i], f.im.values[i]));
      }
  std::stable_sort(all.begin(), all.end(),
                   [](const Frequency &p, const Frequency &q) { return p.magnitude > q.magnitude; });
  int64_t coefficients = 0;
  size_t kept = 0;
  while (kept < all.size() && (kept == 0 || coefficients < wanted)) coefficients += all[kept++].real() ? 1 : 2;
  all.resize(kept);
  return all;
}

}  // namespace

// In the coefficients Re F (frequencies that are their own conjugate), sqrt(2) Re F and sqrt(2) Im F (one of each pair)
// the unitary DFT of real frames is an orthonormal change of basis, so LDS of all of them is LDS of the pixels.
LinearTexture fit_fft_lds(const Frames &clip, const FftLdsOptions &options) {
  if (!(options.kept > 0 && options.kept <= 1))
    throw std::invalid_argument("FFT-LDS keeps a part of the coefficients above 0 and up to 1, not " +
                                std::to_string(options.kept));
  if (clip.pixels.empty()) throw std::invalid_argument("a model of a dynamic texture needs at least one frame");
  const int64_t positions = clip.height * clip.width, channels = clip.channels;
  const Fourier by_row(clip.height), by_column(clip.width);
  const Spectrum f = transform({{clip.count, clip.height, clip.width, channels}, clip.pixels}, by_row, by_column);
  const std::vector<Frequency> selected = select(f, std::llround(options.kept * double(positions)));

  int64_t width = 0;
  for (const Frequency &q : selected) width += channels * (q.real() ? 1 : 2);
  Matrix coefficients(clip.count, width);
  for (int64_t t = 0; t < clip.count; ++t) {
    double *out = coefficients.row(t);
    for (const Frequency &q : selected)
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t i = (t * positions + q.at) * channels + c;
        *out++ = q.real() ? f.re.values[i] : std::sqrt(2.0) * f.re.values[i];
        if (!q.real()) *out++ = std::sqrt(2.0) * f.im.values[i];
      }
  }
  const LinearFit fit = fit_linear(std::move(coefficients), options.lds);

  // Back to pixels: the basis vectors and, as a last frame, the mean.
  const int64_t n = fit.basis.rows;
  const ModeTensor zeros{{n + 1, clip.height, clip.width, channels}, std::vector<double>((n + 1) * clip.frame_size())};
  Spectrum back{zeros, zeros};
  for (int64_t k = 0; k <= n; ++k) {
    const double *in = k < n ? fit.basis.row(k) : fit.mean.data();
    for (const Frequency &q : selected)
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t i = (k * positions + q.at) * channels + c;
        back.re.values[i] = q.real() ? *in++ : std::sqrt(2.0) * *in++;
        if (!q.real()) back.im.values[i] = std::sqrt(2.0) * *in++;
      }
  }
  ModeTensor pixels = inverse(back, by_row, by_column);
  std::vector<double> mean(pixels.values.end() - clip.frame_size(), pixels.values.end());
  pixels.values.resize(n * clip.frame_size());
  return LinearTexture(clip, fit.dynamics, Matrix(n, clip.frame_size(), std::move(pixels.values)), std::move(mean));
}

}  // namespace coopnets
