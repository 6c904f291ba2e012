// Group normalisation: the steps of columns.h, each example a part, where one warp folds what the chunks gave for the
// channels of a group. A thread that applies the result reads four rows before it writes them, as dx may be dy.
//
// Forward reads x twice and writes y: 12 bytes an element; backward reads y and dy twice and writes dx: 20.
#include "cuda/columns.h"
#include "tensor/checks.h"

namespace coopnets {
namespace {

// The channels of group blockIdx.x, of all examples' groups, and what the chunks of its example gave for them.
struct Group {
  __device__ Group(int channels, int chunks, int groups)
      : all(channels),
        own(channels / groups),
        count(int64_t(chunks) * own),
        first(int64_t(blockIdx.x / groups) * chunks * channels + int64_t(blockIdx.x % groups) * own) {}
  __device__ int64_t partial(int64_t i) const { return first + i / own * all + i % own; }  // i in [0, count)
  int all, own;
  int64_t count, first;
};

__global__ void finish_moments(const Moments<float> *partial, int channels, int chunks, int groups, float epsilon,
                               Moments<float> *of_group, float *inverse_deviation) {
  const Group group(channels, chunks, groups);
  Moments<double> m = {0, 0, 0};
  for (int64_t i = threadIdx.x; i < group.count; i += warp_size) {
    const Moments<float> p = partial[group.partial(i)];
    m.merge({p.count, p.mean, p.squares});
  }
  m = merge_warp(m);
  if (threadIdx.x == 0) {
    of_group[blockIdx.x] = {float(m.count), float(m.mean), float(m.squares)};
    inverse_deviation[blockIdx.x] = float(1 / sqrt(m.squares / m.count + epsilon));
  }
}

// Means over the group; positions: of an example.
__global__ void finish_sums(const Sums *partial, int64_t positions, int channels, int chunks, int groups,
                            Sums *of_group) {
  const Group group(channels, chunks, groups);
  double plain = 0, weighted = 0;
  for (int64_t i = threadIdx.x; i < group.count; i += warp_size) {
    const Sums p = partial[group.partial(i)];
    plain += p.plain;
    weighted += p.weighted;
  }
  plain = sum_warp(plain);
  weighted = sum_warp(weighted);
  const double elements = double(positions * group.own);
  if (threadIdx.x == 0) of_group[blockIdx.x] = {float(plain / elements), float(weighted / elements)};
}

// y = (x - m) r.
__global__ void normalise(const float *x, const Moments<float> *of_group, const float *inverse_deviation, int groups,
                          float *y, int64_t positions, int channels, int64_t chunk) {
  const Walk walk(positions, chunk);
  if (walk.channel >= channels) return;
  const int64_t group = int64_t(blockIdx.z) * groups + walk.channel / (channels / groups);
  const float m = of_group[group].mean, r = inverse_deviation[group];
  map_rows(walk, channels, x, nullptr, y, [=](float v, float) { return (v - m) * r; });
}

// dx = r (dy - mean(dy) - y mean(dy y)).
__global__ void normalise_backward(const float *y, const float *dy, const Sums *of_group,
                                   const float *inverse_deviation, int groups, float *dx, int64_t positions,
                                   int channels, int64_t chunk) {
  const Walk walk(positions, chunk);
  if (walk.channel >= channels) return;
  const int64_t group = int64_t(blockIdx.z) * groups + walk.channel / (channels / groups);
  const float a = of_group[group].plain, b = of_group[group].weighted, r = inverse_deviation[group];
  map_rows(walk, channels, dy, y, dx, [=](float d, float v) { return r * (d - a - v * b); });
}

}  // namespace

// The moments of the groups stand after those of the channels.
void CudaBackend::group_norm_forward(ConstView x, int64_t groups, real epsilon, View y, View inverse_deviation) {
  check_group_norm_forward(x, groups, y, inverse_deviation);
  const int64_t all = inverse_deviation.shape.size();
  if (!all) return;
  const ColumnGrid g(x.shape, x.shape.n);
  Moments<float> *const partial = scratch<Moments<float>>(g.partials() + all), *const of_group = partial + g.partials();
  partial_moments(*this, g, x, partial);
  CUDA_LAUNCH(finish_moments, unsigned(all), warp_size, 0, stream_, partial, g.channels, g.chunks, int(groups), epsilon,
              of_group, inverse_deviation.data);
  CUDA_LAUNCH(normalise, g.grid, g.block, 0, stream_, x.data, of_group, inverse_deviation.data, int(groups), y.data,
              g.positions, g.channels, g.chunk);
}

void CudaBackend::group_norm_backward(ConstView y, ConstView dy, ConstView inverse_deviation, View dx) {
  check_group_norm_backward(y, dy, inverse_deviation, dx);
  const int64_t all = inverse_deviation.shape.size();
  const int groups = int(inverse_deviation.shape.c);
  if (!all) return;
  const ColumnGrid g(y.shape, y.shape.n);
  Sums *const partial = scratch<Sums>(g.partials() + all), *const of_group = partial + g.partials();
  partial_sums(*this, g, y, dy, nullptr, partial);
  CUDA_LAUNCH(finish_sums, unsigned(all), warp_size, 0, stream_, partial, g.positions, g.channels, g.chunks, groups,
              of_group);
  CUDA_LAUNCH(normalise_backward, g.grid, g.block, 0, stream_, y.data, dy.data, of_group, inverse_deviation.data,
              groups, dx.data, g.positions, g.channels, g.chunk);
}

}  // namespace coopnets
