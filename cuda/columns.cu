#include "cuda/columns.h"

namespace coopnets {

ColumnGrid::ColumnGrid(const Shape &shape, int64_t parts)
    : positions(shape.positions() / std::max<int64_t>(1, parts)), channels(int(shape.c)) {
  require(parts <= 65535, "there may be up to 65535 examples here");  // of a grid's third axis
  int lanes = 1;
  while (lanes < 32 && lanes < channels) lanes *= 2;
  block = dim3(lanes, column_threads / lanes);
  const int64_t strips = std::max(1, ceil_div(channels, lanes));
  const int64_t most = std::max<int64_t>(1, 2048 / (strips * std::max<int64_t>(1, parts))),
                wanted = std::max<int64_t>(1, ceil_div<int64_t>(positions, 16 * block.y));
  chunk = std::max<int64_t>(1, ceil_div(positions, std::min(most, wanted)));
  chunks = int(std::max<int64_t>(1, ceil_div(positions, chunk)));
  grid = dim3(unsigned(strips), unsigned(chunks), unsigned(parts));
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
  const Walk walk(positions, chunk);
  Moments<float> m = {0, 0, 0};
  if (walk.channel < channels)
    for (int64_t row = walk.row; row < walk.end; row += blockDim.y) m.add(x[row * channels + walk.channel]);
  m = fold_rows(m);
  if (threadIdx.y == 0 && walk.channel < channels) partial[walk.partial(channels)] = m;
}

__global__ void sums_of_chunk(const float *__restrict__ dv, const float *__restrict__ x, const float *__restrict__ mean,
                              int64_t positions, int channels, int64_t chunk, Sums *partial) {
  const Walk walk(positions, chunk);
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

// One warp a channel of a part: blockIdx.x.
__global__ void finish_sums(const Sums *partial, int channels, int chunks, Inverse inverse, float *scale,
                            float *shift) {
  const int64_t part = blockIdx.x / channels;
  const int channel = int(blockIdx.x % channels);
  double plain = 0, weighted = 0;
  for (int k = threadIdx.x; k < chunks; k += warp_size) {
    const Sums p = partial[(part * chunks + k) * channels + channel];
    plain += p.plain;
    weighted += p.weighted;
  }
  plain = sum_warp(plain);
  weighted = sum_warp(weighted);
  if (threadIdx.x == 0) {
    if (shift) shift[blockIdx.x] = float(plain);
    if (scale) scale[blockIdx.x] = float(weighted * inverse(channel));
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

void sum_over_positions(CudaBackend &backend, const ColumnGrid &g, ConstView x, ConstView dv, const float *mean,
                        const Inverse &inverse, float *dscale, float *dshift) {
  Sums *const partial = backend.scratch<Sums>(g.partials());
  partial_sums(backend, g, x, dv, mean, partial);
  CUDA_LAUNCH(finish_sums, g.grid.z * g.channels, warp_size, 0, backend.stream(), partial, g.channels, g.chunks,
              inverse, dscale, dshift);
}

}  // namespace coopnets
