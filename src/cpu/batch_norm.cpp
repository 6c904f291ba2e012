// Batch normalisation, channels last. Memory is read as rows:
//
//   channels      0 1 2 | 0 1 2 | 0 1 2 | ...          [P, C] as it lies in memory, C = 3
//   one row       <----- width = fold * C lanes ---->   fold = 16 or 4 positions when C is small, else 1
//
// so that the innermost loop, over the lanes of a row, is long for any C; per-channel constants are repeated `fold`
// times. The last row may be short. A chunk of rows is read by one thread; its sums are kept apart and added in order.
//
// Traffic: forward reads x twice (statistics, then output) and writes y; backward reads x and dv twice and writes dx.
#include <cmath>

#include "cpu/activation.h"
#include "cpu/cpu_backend.h"
#include "cpu/parallel.h"

namespace coopnets {
namespace {

constexpr int64_t channels_a_block = 64;  // whose chunk sums one thread adds up

struct Rows {
  explicit Rows(const Shape &shape)
      : positions(shape.positions()),
        channels(shape.c),
        fold(channels < 16   ? 16
             : channels < 64 ? 4
                             : 1) {}
  int64_t width() const { return fold * channels; }
  int64_t size() const { return positions * channels; }
  // Elements of a chunk: whole rows, few enough to stay in the cache for a second look, enough to dwarf the chunk's
  // sums.
  int64_t chunk() const { return std::max<int64_t>(32, 2 * elements_a_chunk / width()) * width(); }
  int64_t chunks() const { return chunks_of(size(), chunk()); }

  int64_t positions, channels, fold;
};

// Calls row(first element, lanes) for every row of [begin, end).
template <class Row>
void for_rows(const Rows &rows, int64_t begin, int64_t end, const Row &row) {
  for (int64_t i = begin; i < end; i += rows.width()) row(i, std::min(rows.width(), end - i));
}

// Adds the lanes of each channel into the first `channels` of them.
void fold_lanes(const Rows &rows, double *lane) {
  for (int64_t f = 1; f < rows.fold; ++f)
    for (int64_t c = 0; c < rows.channels; ++c) lane[c] += lane[f * rows.channels + c];
}

// Repeats per-channel values over the lanes of a row.
template <class From, class To>
void repeat(const Rows &rows, const From *channel, To *lane) {
  for (int64_t f = 0; f < rows.fold; ++f)
    for (int64_t c = 0; c < rows.channels; ++c) lane[f * rows.channels + c] = To(channel[c]);
}

// Mean and population variance of each channel. Each chunk finds its own mean m_k and M_k = sum (x - m_k)^2; then
// m = sum n_k m_k / P and P v = sum M_k + n_k (m_k - m)^2 (Chan, Golub, LeVeque 1979): two passes over the cache, one
// over memory.
void statistics(CpuBackend &backend, ConstView x, real epsilon, View mean, View inverse_deviation) {
  const Rows rows(x.shape);
  const int64_t channels = rows.channels, width = rows.width(), chunks = rows.chunks();
  // Of chunk k: m_k, M_k, in the first `channels` lanes of each.
  double *partial = backend.scratch<double>(chunks * 2 * width);
  for_chunks(backend.threads(), rows.size(), rows.chunk(), [=](int64_t begin, int64_t end) {
    double *m = partial + begin / rows.chunk() * 2 * width, *squares = m + width;
    std::fill(m, m + 2 * width, 0.);
    for_rows(rows, begin, end, [=](int64_t i, int64_t lanes) {
#pragma omp simd
      for (int64_t l = 0; l < lanes; ++l) m[l] += x.data[i + l];
    });
    fold_lanes(rows, m);
    for (int64_t c = 0; c < channels; ++c) m[c] /= double((end - begin) / channels);
    repeat(rows, m, m);
    for_rows(rows, begin, end, [=](int64_t i, int64_t lanes) {
#pragma omp simd
      for (int64_t l = 0; l < lanes; ++l) squares[l] += (x.data[i + l] - m[l]) * (x.data[i + l] - m[l]);
    });
    fold_lanes(rows, squares);
  });
  for_chunks(backend.threads(), channels, channels_a_block, [=](int64_t first, int64_t last) {
    double m[channels_a_block] = {}, squares[channels_a_block] = {};
    const auto count = [=](int64_t k) {
      return double(std::min(rows.chunk(), rows.size() - k * rows.chunk()) / channels);
    };
    for (int64_t k = 0; k < chunks; ++k) {
      const double *m_k = partial + k * 2 * width + first;
      for (int64_t c = 0; c < last - first; ++c) m[c] += count(k) * m_k[c];
    }
    for (int64_t c = 0; c < last - first; ++c) m[c] /= double(rows.positions);
    for (int64_t k = 0; k < chunks; ++k) {
      const double *m_k = partial + k * 2 * width + first, *squares_k = m_k + width;
      for (int64_t c = 0; c < last - first; ++c)
        squares[c] += squares_k[c] + count(k) * (m_k[c] - m[c]) * (m_k[c] - m[c]);
    }
    for (int64_t c = 0; c < last - first; ++c) {
      mean.data[first + c] = real(m[c]);
      inverse_deviation.data[first + c] = real(1 / std::sqrt(squares[c] / double(rows.positions) + epsilon));
    }
  });
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
    for_chunks(backend.threads(), rows.size(), rows.chunk(), [=](int64_t begin, int64_t end) {
      for_rows(rows, begin, end, [=](int64_t i, int64_t lanes) {
#pragma omp simd
        for (int64_t l = 0; l < lanes; ++l) y.data[i + l] = a(k[l] * (x.data[i + l] - m[l]) + b[l]);
      });
    });
  });
}

// dshift = sum dv, dscale = inverse_deviation(c) sum dv (x - mean).
template <class Inverse>
void sums(CpuBackend &backend, ConstView x, ConstView dv, ConstView mean, const Inverse &inverse, View dscale,
          View dshift) {
  const Rows rows(x.shape);
  const int64_t width = rows.width(), chunks = rows.chunks();
  double *partial = backend.scratch<double>((chunks * 2 + 1) * width), *m = partial + chunks * 2 * width;
  repeat(rows, mean.data, m);
  for_chunks(backend.threads(), rows.size(), rows.chunk(), [=](int64_t begin, int64_t end) {
    double *plain = partial + begin / rows.chunk() * 2 * width, *weighted = plain + width;
    std::fill(plain, plain + 2 * width, 0.);
    for_rows(rows, begin, end, [=](int64_t i, int64_t lanes) {
#pragma omp simd
      for (int64_t l = 0; l < lanes; ++l) {
        plain[l] += dv.data[i + l];
        weighted[l] += dv.data[i + l] * (x.data[i + l] - m[l]);
      }
    });
    fold_lanes(rows, plain);
    fold_lanes(rows, weighted);
  });
  for_chunks(backend.threads(), rows.channels, channels_a_block, [=](int64_t first, int64_t last) {
    double plain[channels_a_block] = {}, weighted[channels_a_block] = {};
    for (int64_t k = 0; k < chunks; ++k) {
      const double *plain_k = partial + k * 2 * width + first, *weighted_k = plain_k + width;
      for (int64_t c = 0; c < last - first; ++c) {
        plain[c] += plain_k[c];
        weighted[c] += weighted_k[c];
      }
    }
    for (int64_t c = 0; c < last - first; ++c) {
      dshift.data[first + c] = real(plain[c]);
      dscale.data[first + c] = real(weighted[c] * inverse(first + c));
    }
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
  const int64_t width = rows.width();
  real *k = scratch(4 * width), *m = k + width, *a = m + width, *b = a + width;
  repeat(rows, mean.data, m);
  for (int64_t l = 0; l < width; ++l) {
    const int64_t c = l % rows.channels;
    const double inverse = inverse_deviation.data[c], positions = double(rows.positions);
    k[l] = real(scale.data[c] * inverse);
    a[l] = real(dshift.data[c] / positions);
    b[l] = real(inverse * dscale.data[c] / positions);
  }
  for_chunks(threads_, rows.size(), rows.chunk(), [=](int64_t begin, int64_t end) {
    for_rows(rows, begin, end, [=](int64_t i, int64_t lanes) {
#pragma omp simd
      for (int64_t l = 0; l < lanes; ++l)
        dx.data[i + l] = k[l] * (dv.data[i + l] - a[l] - (x.data[i + l] - m[l]) * b[l]);
    });
  });
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
  for_chunks(threads_, rows.size(), rows.chunk(), [=](int64_t begin, int64_t end) {
    for_rows(rows, begin, end, [=](int64_t i, int64_t lanes) {
#pragma omp simd
      for (int64_t l = 0; l < lanes; ++l) dx.data[i + l] = k[l] * dv.data[i + l];
    });
  });
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
