// Group normalisation: the steps of columns.h, each example a part, where one warp folds what the chunks gave for the
// channels of a group. A thread that applies the result reads four rows before it writes them, as dx may be dy.
//
// Forward reads x twice and writes y: 12 bytes an element; backward reads y and dy twice and writes dx: 20.
#include "cuda/columns.h"
#include "tensor/checks.h"

namespace coopnets {
namespace {

// y = (x - m) r.
__global__ void normalise(const float *x, const float *mean, const float *inverse_deviation, int groups, float *y,
                          int64_t positions, int channels, int64_t chunk) {
  const Walk walk(positions, channels, chunk);
  if (walk.channel >= channels) return;
  const int64_t group = walk.part * groups + walk.channel / (channels / groups);
  const float m = mean[group], r = inverse_deviation[group];
  map_rows(walk, channels, x, nullptr, y, [=](float v, float) { return (v - m) * r; });
}

// dx = r (dy - mean(dy) - y mean(dy y)), plain and weighted the sums of dy and dy y.
__global__ void normalise_backward(const float *y, const float *dy, const float *plain, const float *weighted,
                                   const float *inverse_deviation, int groups, float *dx, int64_t positions,
                                   int channels, int64_t chunk) {
  const Walk walk(positions, channels, chunk);
  if (walk.channel >= channels) return;
  const int own = channels / groups;
  const int64_t group = walk.part * groups + walk.channel / own;
  const float elements = float(positions * own);
  const float a = plain[group] / elements, b = weighted[group] / elements, r = inverse_deviation[group];
  map_rows(walk, channels, dy, y, dx, [=](float d, float v) { return r * (d - a - v * b); });
}

}  // namespace

// The means of the groups stand after the moments of the channels.
void CudaBackend::group_norm_forward(ConstView x, int64_t groups, real epsilon, View y, View inverse_deviation) {
  check_group_norm_forward(x, groups, y, inverse_deviation);
  const int64_t all = inverse_deviation.shape.size();
  if (!all) return;
  const ColumnGrid g(x.shape, x.shape.n);
  Moments<float> *const partial = scratch<Moments<float>>(g.partials() + all);
  float *const mean = reinterpret_cast<float *>(partial + g.partials());
  partial_moments(*this, g, x, partial);
  finish_moments(*this, g, partial, int(groups), epsilon, mean, inverse_deviation.data);
  CUDA_LAUNCH(normalise, g.grid, g.block, 0, stream_, x.data, mean, inverse_deviation.data, int(groups), y.data,
              g.positions, g.channels, g.chunk);
}

void CudaBackend::group_norm_backward(ConstView y, ConstView dy, ConstView inverse_deviation, View dx) {
  check_group_norm_backward(y, dy, inverse_deviation, dx);
  const int64_t all = inverse_deviation.shape.size();
  const int groups = int(inverse_deviation.shape.c);
  if (!all) return;
  const ColumnGrid g(y.shape, y.shape.n);
  Sums *const partial = scratch<Sums>(g.partials() + all);
  float *const plain = reinterpret_cast<float *>(partial + g.partials()), *const weighted = plain + all;
  partial_sums(*this, g, y, dy, nullptr, partial);
  finish_sums(*this, g, partial, groups, {}, weighted, plain);
  CUDA_LAUNCH(normalise_backward, g.grid, g.block, 0, stream_, y.data, dy.data, plain, weighted, inverse_deviation.data,
              groups, dx.data, g.positions, g.channels, g.chunk);
}

}  // namespace coopnets
