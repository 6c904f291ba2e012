#include "cuda/columns.h"

namespace coopnets {

ColumnGrid::ColumnGrid(const Shape &shape, int64_t parts)
    : positions(shape.positions() / std::max<int64_t>(1, parts)), parts(int(parts)), channels(int(shape.c)) {
  int lanes = 1;
  while (lanes < 32 && lanes < channels) lanes *= 2;
  block = dim3(lanes, column_threads / lanes);
  const int64_t strips = std::max(1, ceil_div(channels, lanes));
  const int64_t most = std::max<int64_t>(1, 2048 / (strips * std::max<int64_t>(1, parts))),
                wanted = std::max<int64_t>(1, ceil_div<int64_t>(positions, 16 * block.y));
  chunk = std::max<int64_t>(1, ceil_div(positions, std::min(most, wanted)));
  chunks = int(std::max<int64_t>(1, ceil_div(positions, chunk)));
  require(parts * std::max<int64_t>(1, shape.c) < int64_t{1} << 31,
          "examples times channels may be up to 2^31 - 1 here: fewer examples at a time");
  grid = dim3(unsigned(strips * parts), unsigned(chunks));
}

namespace {

// Folds what the rows of a block bring; row 0 has the result.
template <class T>
__device__ T fold_rows(const T &mine) {
  SHARED_ARRAY(T, values, column_threads);
  const int at = threadIdx.y * blockDim.x + threadIdx.x;
  values[at] = mine;
  __syncthreads();
  for (int half = blockDim.y / 2; half > 0; half /= 2) {
    if (int(threadIdx.y) < half) values[at].merge(values[at + half * blockDim.x]);
    __syncthreads();
  }
  return values[threadIdx.x];
}

__global__ void moments_of_chunk(const float *__restrict__ x, int64_t positions, int channels, int64_t chunk,
                                 Moments<float> *partial) {
  const Walk walk(positions, channels, chunk);
  Moments<float> m = {0, 0, 0};
  if (walk.channel < channels)
    for (int64_t row = walk.row; row < walk.end; row += blockDim.y) m.add(x[row * channels + walk.channel]);
  m = fold_rows(m);
  if (threadIdx.y == 0 && walk.channel < channels) partial[walk.partial(channels)] = m;
}

__global__ void sums_of_chunk(const float *__restrict__ dv, const float *__restrict__ x, const float *__restrict__ mean,
                              int64_t positions, int channels, int64_t chunk, Sums *partial) {
  const Walk walk(positions, channels, chunk);
  Sums s = {0, 0};
  if (walk.channel < channels) {
    const float m = mean ? mean[walk.channel] : 0;
    for (int64_t row = walk.row; row < walk.end; row += blockDim.y) {
      const int64_t i = row * channels + walk.channel;
      s.plain += dv[i];
      if (x) s.weighted += dv[i] * (x[i] - m);
    }
  }
  s = fold_rows(s);
  if (threadIdx.y == 0 && walk.channel < channels) partial[walk.partial(channels)] = s;
}

// What the chunks of a part gave for the channels of group blockIdx.x, of all parts' groups; one warp a group.
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

__global__ void moments_of_group(const Moments<float> *partial, int channels, int chunks, int groups, float epsilon,
                                 float *mean, float *inverse_deviation) {
  const Group group(channels, chunks, groups);
  Moments<double> m = {0, 0, 0};
  for (int64_t i = threadIdx.x; i < group.count; i += warp_size) {
    const Moments<float> p = partial[group.partial(i)];
    m.merge({p.count, p.mean, p.squares});
  }
  m = merge_warp(m);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = float(m.mean);
    inverse_deviation[blockIdx.x] = float(1 / sqrt(m.squares / m.count + epsilon));
  }
}

__global__ void sums_of_group(const Sums *partial, int channels, int chunks, int groups, Inverse inverse,
                              float *weighted, float *plain) {
  const Group group(channels, chunks, groups);
  double p = 0, w = 0;
  for (int64_t i = threadIdx.x; i < group.count; i += warp_size) {
    const Sums sums = partial[group.partial(i)];
    p += sums.plain;
    w += sums.weighted;
  }
  p = sum_warp(p);
  w = sum_warp(w);
  if (threadIdx.x == 0) {
    if (plain) plain[blockIdx.x] = float(p);
    if (weighted) weighted[blockIdx.x] = float(w * inverse(int(blockIdx.x % groups)));
  }
}

}  // namespace

void partial_moments(CudaBackend &backend, const ColumnGrid &g, ConstView x, Moments<float> *partial) {
  CUDA_LAUNCH(moments_of_chunk, g.grid, g.block, 0, backend.stream(), x.data, g.positions, g.channels, g.chunk,
              partial);
}

void partial_sums(CudaBackend &backend, const ColumnGrid &g, ConstView x, ConstView dv, const float *mean,
                  Sums *partial) {
  CUDA_LAUNCH(sums_of_chunk, g.grid, g.block, 0, backend.stream(), dv.data, x.data, mean, g.positions, g.channels,
              g.chunk, partial);
}

void finish_moments(CudaBackend &backend, const ColumnGrid &g, const Moments<float> *partial, int groups, float epsilon,
                    float *mean, float *inverse_deviation) {
  CUDA_LAUNCH(moments_of_group, unsigned(g.parts * groups), warp_size, 0, backend.stream(), partial, g.channels,
              g.chunks, groups, epsilon, mean, inverse_deviation);
}

void finish_sums(CudaBackend &backend, const ColumnGrid &g, const Sums *partial, int groups, const Inverse &inverse,
                 float *weighted, float *plain) {
  CUDA_LAUNCH(sums_of_group, unsigned(g.parts * groups), warp_size, 0, backend.stream(), partial, g.channels, g.chunks,
              groups, inverse, weighted, plain);
}

void sum_over_positions(CudaBackend &backend, const ColumnGrid &g, ConstView x, ConstView dv, const float *mean,
                        const Inverse &inverse, float *dscale, float *dshift) {
  Sums *const partial = backend.scratch<Sums>(g.partials());
  partial_sums(backend, g, x, dv, mean, partial);
  finish_sums(backend, g, partial, g.channels, inverse, dscale, dshift);
}

}  // namespace coopnets
