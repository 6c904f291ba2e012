// Batch normalisation, and the sums of biases' gradients: the steps of columns.h. A thread that applies a result reads
// four rows before it writes them, as the result may lie where they do.
//
// Forward reads x twice and writes y: 12 bytes an element; backward reads x and dv twice and writes dx: 20.
#include <cmath>

#include "cuda/activation.h"
#include "cuda/columns.h"
#include "tensor/tensor.h"

namespace coopnets {
namespace {

constexpr int threads = 256;

// y = activation(scale (x - mean) inverse + shift).
// y may be x.
__global__ void normalise(const float *x, const float *scale, const float *shift, const float *mean, Inverse inverse,
                          Activation activation, float *y, int64_t positions, int channels, int64_t chunk) {
  const Walk walk(positions, channels, chunk);
  if (walk.channel >= channels) return;
  const float k = scale[walk.channel] * inverse(walk.channel), m = mean[walk.channel], b = shift[walk.channel];
  map_rows(walk, channels, x, nullptr, y, [=](float v, float) { return activate(activation, k * (v - m) + b); });
}

// dx = scale inverse (dv - dshift/P - (x - mean) inverse dscale/P); without the last two terms where the statistics are
// constants (dshift null).
__global__ void normalise_backward(const float *x, const float *dv, const float *scale, const float *mean,
                                   Inverse inverse, const float *dscale, const float *dshift, float *dx,
                                   int64_t positions, int channels, int64_t chunk) {
  const Walk walk(positions, channels, chunk);
  if (walk.channel >= channels) return;
  const int c = walk.channel;
  const float inv = inverse(c), k = scale[c] * inv, m = mean[c];
  const float a = dshift ? dshift[c] / float(positions) : 0, b = dshift ? inv * dscale[c] / float(positions) : 0;
  map_rows(walk, channels, dv, dshift ? x : nullptr, dx,
           [=](float d, float v) { return dshift ? k * (d - a - (v - m) * b) : k * d; });
}

__global__ void track(const float *mean, const float *inverse_deviation, float epsilon, float keep, float *running_mean,
                      float *running_variance, int channels) {
  for (int64_t c = first_item(); c < channels; c += item_stride()) {
    const double inverse = inverse_deviation[c], difference = 1 / (inverse * inverse) - epsilon;
    const double variance = difference < 0 ? 0 : difference;  // NaN stays
    running_mean[c] = keep * running_mean[c] + (1 - keep) * mean[c];
    running_variance[c] = float(keep * running_variance[c] + (1 - keep) * variance);
  }
}

// The statistics of this rank's examples become those of all ranks'; through the host, few as they are.
void merge_ranks(Backend &backend, const Shape &x, float epsilon, View mean, View inverse_deviation) {
  std::vector<float> m = values(backend, mean), inverse = values(backend, inverse_deviation);
  std::vector<double> moments(m.begin(), m.end());
  for (const float i : inverse) moments.push_back(double(x.positions()) * (1 / (double(i) * i) - epsilon));
  const double positions = double(merge_moments(backend.ranks(), x.positions(), x.c, moments.data()));
  for (size_t c = 0; c < m.size(); ++c) {
    m[c] = float(moments[c]);
    inverse[c] = float(1 / std::sqrt(std::max(0., moments[m.size() + c]) / positions + epsilon));
  }
  backend.upload(m.data(), mean.data, m.size() * sizeof(float));
  backend.upload(inverse.data(), inverse_deviation.data, m.size() * sizeof(float));
}

// dscale and dshift over all ranks' positions, of which there are P, times `own` positions / P: as the gradient in x
// divides them by its own.
void sum_ranks(Backend &backend, const Shape &x, ConstView dscale, ConstView dshift, float *sums) {
  std::vector<float> own = values(backend, dscale);
  const std::vector<float> shift = values(backend, dshift);
  std::vector<double> all(own.begin(), own.end());
  all.insert(all.end(), shift.begin(), shift.end());
  all.push_back(double(x.positions()));
  backend.ranks().sum(all.data(), int64_t(all.size()));
  own.resize(2 * shift.size());
  for (size_t i = 0; i < own.size(); ++i) own[i] = float(all[i] * double(x.positions()) / all.back());
  backend.upload(own.data(), sums, own.size() * sizeof(float));
}

void require_channels(const Shape &x, const char *what, std::initializer_list<Shape> shapes) {
  for (const Shape &shape : shapes) require_same(shape, {1, 1, 1, 1, x.c}, what);
}

void apply(CudaBackend &backend, ConstView x, ConstView scale, ConstView shift, ConstView mean, const Inverse &inverse,
           Activation activation, View y) {
  const ColumnGrid g(x.shape);
  CUDA_LAUNCH(normalise, g.grid, g.block, 0, backend.stream(), x.data, scale.data, shift.data, mean.data, inverse,
              activation, y.data, g.positions, g.channels, g.chunk);
}

void apply_backward(CudaBackend &backend, ConstView x, ConstView dv, ConstView scale, ConstView mean,
                    const Inverse &inverse, const float *dscale, const float *dshift, View dx) {
  const ColumnGrid g(x.shape);
  CUDA_LAUNCH(normalise_backward, g.grid, g.block, 0, backend.stream(), x.data, dv.data, scale.data, mean.data, inverse,
              dscale, dshift, dx.data, g.positions, g.channels, g.chunk);
}

}  // namespace

void CudaBackend::bias_backward(ConstView dy, View db) {
  require_same(db.shape, {1, 1, 1, 1, dy.shape.c}, "bias gradient");
  sum_over_positions(*this, ColumnGrid(dy.shape), {}, dy, nullptr, {}, nullptr, db.data);
}

void CudaBackend::batch_norm_forward(ConstView x, ConstView scale, ConstView shift, real epsilon, Activation activation,
                                     View y, View mean, View inverse_deviation) {
  require_same(x.shape, y.shape, "batch norm");
  require_channels(x.shape, "batch norm, per channel", {scale.shape, shift.shape, mean.shape, inverse_deviation.shape});
  const ColumnGrid g(x.shape);
  Moments<float> *const partial = scratch<Moments<float>>(g.partials());
  partial_moments(*this, g, x, partial);
  finish_moments(*this, g, partial, g.channels, epsilon, mean.data, inverse_deviation.data);
  if (ranks().count() > 1) merge_ranks(*this, x.shape, epsilon, mean, inverse_deviation);
  apply(*this, x, scale, shift, mean, {inverse_deviation.data, nullptr, 0}, activation, y);
}

void CudaBackend::batch_norm_backward(ConstView x, ConstView dv, ConstView scale, ConstView mean,
                                      ConstView inverse_deviation, View dx, View dscale, View dshift) {
  require_same(x.shape, dv.shape, "batch norm: gradient");
  require_channels(x.shape, "batch norm, per channel",
                   {scale.shape, mean.shape, inverse_deviation.shape, dscale.shape, dshift.shape});
  if (dx.data) require_same(x.shape, dx.shape, "batch norm: input gradient");
  const Inverse inverse{inverse_deviation.data, nullptr, 0};
  sum_over_positions(*this, ColumnGrid(x.shape), x, dv, mean.data, inverse, dscale.data, dshift.data);
  if (!dx.data) return;
  if (ranks().count() == 1) return apply_backward(*this, x, dv, scale, mean, inverse, dscale.data, dshift.data, dx);
  float *const sums = scratch<float>(2 * x.shape.c);
  sum_ranks(*this, x.shape, dscale, dshift, sums);
  apply_backward(*this, x, dv, scale, mean, inverse, sums, sums + x.shape.c, dx);
}

void CudaBackend::batch_norm_inference(ConstView x, ConstView scale, ConstView shift, ConstView mean,
                                       ConstView variance, real epsilon, Activation activation, View y) {
  require_same(x.shape, y.shape, "batch norm");
  require_channels(x.shape, "batch norm, per channel", {scale.shape, shift.shape, mean.shape, variance.shape});
  apply(*this, x, scale, shift, mean, {nullptr, variance.data, epsilon}, activation, y);
}

void CudaBackend::batch_norm_inference_backward(ConstView x, ConstView dv, ConstView scale, ConstView mean,
                                                ConstView variance, real epsilon, View dx, View dscale, View dshift) {
  require_same(x.shape, dv.shape, "batch norm: gradient");
  require_channels(x.shape, "batch norm, per channel",
                   {scale.shape, mean.shape, variance.shape, dscale.shape, dshift.shape});
  if (dx.data) require_same(x.shape, dx.shape, "batch norm: input gradient");
  const Inverse inverse{nullptr, variance.data, epsilon};
  sum_over_positions(*this, ColumnGrid(x.shape), x, dv, mean.data, inverse, dscale.data, dshift.data);
  if (dx.data) apply_backward(*this, x, dv, scale, mean, inverse, nullptr, nullptr, dx);
}

void CudaBackend::batch_norm_track(ConstView mean, ConstView inverse_deviation, real epsilon, real keep,
                                   View running_mean, View running_variance) {
  require_same(mean.shape, running_mean.shape, "batch norm: running mean");
  require_same(inverse_deviation.shape, mean.shape, "batch norm: deviation");
  require_same(running_variance.shape, mean.shape, "batch norm: running variance");
  const int channels = int(mean.shape.c);
  CUDA_LAUNCH(track, grid_for(channels, threads), threads, 0, stream_, mean.data, inverse_deviation.data, epsilon, keep,
              running_mean.data, running_variance.data, channels);
}

}  // namespace coopnets
