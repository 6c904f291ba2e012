// Batch normalisation, by the rows of rows.h.
//
// Traffic: forward reads x twice (statistics, then output) and writes y; backward reads x and dv twice and writes dx.
#include <cmath>

#include "cpu/activation.h"
#include "cpu/rows.h"

namespace coopnets {
namespace {

constexpr int64_t channels_a_block = 64;  // whose chunks' moments one thread merges

// Mean and population variance of each channel, from the chunks' m_k and M_k: m = sum n_k m_k / P and
// P v = sum M_k + n_k (m_k - m)^2 (Chan, Golub, LeVeque 1979), and then from those of the ranks.
void statistics(CpuBackend &backend, ConstView x, real epsilon, View mean, View inverse_deviation) {
  const Rows rows(x.shape);
  const int64_t width = rows.width(), chunks = rows.chunks(), channels = rows.channels;
  double *partial = backend.scratch<double>(rows.partials() + 2 * channels), *moments = partial + rows.partials();
  chunk_moments(backend.threads(), rows, x.data, partial);
  for_chunks(backend.threads(), channels, channels_a_block, [=](int64_t first, int64_t last) {
    double *m = moments + first, *squares = m + channels;
    std::fill(m, m + (last - first), 0.);
    std::fill(squares, squares + (last - first), 0.);
    for (int64_t k = 0; k < chunks; ++k) {
      const double *m_k = partial + k * 2 * width + first, n_k = double(rows.positions_of(k));
      for (int64_t c = 0; c < last - first; ++c) m[c] += n_k * m_k[c];
    }
    for (int64_t c = 0; c < last - first; ++c) m[c] /= double(rows.positions);
    for (int64_t k = 0; k < chunks; ++k) {
      const double *m_k = partial + k * 2 * width + first, *squares_k = m_k + width, n_k = double(rows.positions_of(k));
      for (int64_t c = 0; c < last - first; ++c) squares[c] += squares_k[c] + n_k * (m_k[c] - m[c]) * (m_k[c] - m[c]);
    }
  });
  const double positions = double(merge_moments(backend.ranks(), rows.positions, channels, moments));
  for (int64_t c = 0; c < channels; ++c) {
    mean.data[c] = real(moments[c]);
    inverse_deviation.data[c] = real(1 / std::sqrt(moments[channels + c] / positions + epsilon));
  }
}

// y = activation(scale (x - mean) inverse_deviation(c) + shift).
template <class Inverse>
void normalise(CpuBackend &backend, ConstView x, ConstView scale, ConstView shift, ConstView mean,
               const Inverse &inverse, const Activation &activation, View y) {
  const Rows rows(x.shape);
  const int64_t width = rows.width();
  real *m = backend.scratch(3 * width), *k = m + width, *b = k + width;
  repeat(rows, mean.data, m);
  repeat(rows, shift.data, b);
  for (int64_t l = 0; l < width; ++l) k[l] = scale.data[l % rows.channels] * inverse(l % rows.channels);
  with_activation(activation, [&](auto a) {
    for_elements(backend.threads(), rows,
                 [=](int64_t i, int64_t l) { y.data[i] = a(k[l] * (x.data[i] - m[l]) + b[l]); });
  });
}

// dshift = sum dv, dscale = inverse_deviation(c) sum dv (x - mean).
template <class Inverse>
void sums(CpuBackend &backend, ConstView x, ConstView dv, ConstView mean, const Inverse &inverse, View dscale,
          View dshift) {
  const Rows rows(x.shape);
  double *partial = backend.scratch<double>(rows.partials() + rows.width()), *m = partial + rows.partials();
  repeat(rows, mean.data, m);
  const auto add = [=](int64_t i, int64_t l, double &plain, double &weighted) {
    plain += dv.data[i];
    weighted += dv.data[i] * (x.data[i] - m[l]);
  };
  chunk_sums(backend.threads(), rows, add, partial);
  add_chunks(backend.threads(), rows, partial, [=](int64_t c, double plain, double weighted) {
    dshift.data[c] = real(plain);
    dscale.data[c] = real(weighted * inverse(c));
  });
}

void require_channels(const Shape &x, const char *what, std::initializer_list<Shape> shapes) {
  for (const Shape &shape : shapes) require_same(shape, {1, 1, 1, 1, x.c}, what);
}

}  // namespace

void CpuBackend::batch_norm_forward(ConstView x, ConstView scale, ConstView shift, real epsilon, Activation activation,
                                    View y, View mean, View inverse_deviation) {
  require_same(x.shape, y.shape, "batch norm");
  require_channels(x.shape, "batch norm, per channel", {scale.shape, shift.shape, mean.shape, inverse_deviation.shape});
  statistics(*this, x, epsilon, mean, inverse_deviation);
  normalise(
      *this, x, scale, shift, mean, [=](int64_t c) { return inverse_deviation.data[c]; }, activation, y);
}

// forward: y = scale (x - m) inverse + shift where m and inverse depend on x, hence the two projections:
// dx = scale inverse (dv - dshift/P - (x - m) inverse dscale/P).
void CpuBackend::batch_norm_backward(ConstView x, ConstView dv, ConstView scale, ConstView mean,
                                     ConstView inverse_deviation, View dx, View dscale, View dshift) {
  require_same(x.shape, dv.shape, "batch norm: gradient");
  require_channels(x.shape, "batch norm, per channel",
                   {scale.shape, mean.shape, inverse_deviation.shape, dscale.shape, dshift.shape});
  if (dx.data) require_same(x.shape, dx.shape, "batch norm: input gradient");
  sums(
      *this, x, dv, mean, [=](int64_t c) { return double(inverse_deviation.data[c]); }, dscale, dshift);
  if (!dx.data) return;

  const Rows rows(x.shape);
  const int64_t width = rows.width(), channels = rows.channels;
  std::vector<double> totals(dshift.data, dshift.data + channels);  // dshift, dscale and P of all ranks
  totals.insert(totals.end(), dscale.data, dscale.data + channels);
  totals.push_back(double(rows.positions));
  ranks().sum(totals.data(), int64_t(totals.size()));
  real *k = scratch(4 * width), *m = k + width, *a = m + width, *b = a + width;
  repeat(rows, mean.data, m);
  for (int64_t l = 0; l < width; ++l) {
    const int64_t c = l % channels;
    const double inverse = inverse_deviation.data[c], positions = totals.back();
    k[l] = real(scale.data[c] * inverse);
    a[l] = real(totals[size_t(c)] / positions);
    b[l] = real(inverse * totals[size_t(channels + c)] / positions);
  }
  for_elements(threads_, rows,
               [=](int64_t i, int64_t l) { dx.data[i] = k[l] * (dv.data[i] - a[l] - (x.data[i] - m[l]) * b[l]); });
}

void CpuBackend::batch_norm_inference(ConstView x, ConstView scale, ConstView shift, ConstView mean, ConstView variance,
                                      real epsilon, Activation activation, View y) {
  require_same(x.shape, y.shape, "batch norm");
  require_channels(x.shape, "batch norm, per channel", {scale.shape, shift.shape, mean.shape, variance.shape});
  const auto inverse = [=](int64_t c) { return 1 / std::sqrt(variance.data[c] + epsilon); };
  normalise(*this, x, scale, shift, mean, inverse, activation, y);
}

void CpuBackend::batch_norm_inference_backward(ConstView x, ConstView dv, ConstView scale, ConstView mean,
                                               ConstView variance, real epsilon, View dx, View dscale, View dshift) {
  require_same(x.shape, dv.shape, "batch norm: gradient");
  require_channels(x.shape, "batch norm, per channel",
                   {scale.shape, mean.shape, variance.shape, dscale.shape, dshift.shape});
  if (dx.data) require_same(x.shape, dx.shape, "batch norm: input gradient");
  const auto inverse = [=](int64_t c) { return 1 / std::sqrt(double(variance.data[c]) + epsilon); };
  sums(*this, x, dv, mean, inverse, dscale, dshift);
  if (!dx.data) return;

  const Rows rows(x.shape);
  real *k = scratch(rows.width());
  for (int64_t l = 0; l < rows.width(); ++l) k[l] = real(scale.data[l % rows.channels] * inverse(l % rows.channels));
  for_elements(threads_, rows, [=](int64_t i, int64_t l) { dx.data[i] = k[l] * dv.data[i]; });
}

void CpuBackend::batch_norm_track(ConstView mean, ConstView inverse_deviation, real epsilon, real keep,
                                  View running_mean, View running_variance) {
  require_same(mean.shape, running_mean.shape, "batch norm: running mean");
  require_same(inverse_deviation.shape, mean.shape, "batch norm: deviation");
  require_same(running_variance.shape, mean.shape, "batch norm: running variance");
  for (int64_t c = 0; c < mean.shape.c; ++c) {
    const double inverse = inverse_deviation.data[c], difference = 1 / (inverse * inverse) - epsilon;
    const double variance = difference < 0 ? 0 : difference;  // NaN stays
    running_mean.data[c] = keep * running_mean.data[c] + (1 - keep) * mean.data[c];
    running_variance.data[c] = real(keep * running_variance.data[c] + (1 - keep) * variance);
  }
}

}  // namespace coopnets
