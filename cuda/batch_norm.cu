// Batch normalisation and every other sum over the positions of a channel, channels last.
//
//                 channels
//             0 .... 31 | 32 .... 63 | ...      x [P, C] as it lies in memory; a block of 256 threads is as many
//   rows   +----------+----------+              lanes wide as a power of two holds the channels, 32 at most, and
//   chunk 0| block 0,0| block 1,0|              256 / lanes rows high. Lane = channel: a warp reads whole lines,
//          +----------+----------+              and what belongs to a channel stays in a register while its thread
//   chunk 1| block 0,1| block 1,1|              walks down the rows.
//          +----------+----------+
//
//   1. Each block: one result for each of its channels, from its chunk of rows, folded in shared memory
//      -> partial [chunk, C]
//   2. One warp a channel folds the partials in double.
//   3. The same blocks as in 1 apply the result to every element: a thread reads four rows before it writes them, as
//      the result may lie where they do.
//
// Statistics are Welford's (mean and sum of squared deviations, never E[x^2] - m^2), folded by Chan, Golub, LeVeque
// (1979). Forward reads x twice and writes y: 12 bytes an element; backward reads x and dv twice and writes dx: 20. All
// orders of addition are fixed by the shape.
#include "cuda/activation.h"
#include "cuda/cuda_backend.h"

namespace coopnets {
namespace {

constexpr int threads = 256;

struct Grid {
  explicit Grid(const Shape &shape) : positions(shape.positions()), channels(int(shape.c)) {
    int lanes = 1;
    while (lanes < 32 && lanes < channels) lanes *= 2;
    block = dim3(lanes, threads / lanes);
    const int64_t strips = std::max(1, ceil_div(channels, lanes));
    const int64_t most = std::max<int64_t>(1, 2048 / strips),
                  wanted = std::max<int64_t>(1, ceil_div<int64_t>(positions, 16 * block.y));
    chunk = std::max<int64_t>(1, ceil_div(positions, std::min(most, wanted)));
    chunks = int(std::max<int64_t>(1, ceil_div(positions, chunk)));
    grid = dim3(unsigned(strips), unsigned(chunks));
  }
  dim3 block, grid;
  int64_t positions, chunk;  // rows in all, and of a block
  int channels, chunks;
};

// What thread (lane, y) of a block walks over: rows row, row + blockDim.y, ... < end of channel `channel`, which may
// lie beyond the last.
struct Walk {
  __device__ Walk(int64_t positions, int64_t chunk)
      : channel(blockIdx.x * blockDim.x + threadIdx.x),
        row(blockIdx.y * chunk + threadIdx.y),
        end((blockIdx.y + 1) * chunk < positions ? (blockIdx.y + 1) * chunk : positions) {}
  int channel;
  int64_t row, end;
};

// Number, mean and sum of squared deviations of some elements.
template <class T>
struct Moments {
  T count, mean, squares;
  __device__ void add(T x) {
    count += 1;
    const T away = x - mean;
    mean += away / count;
    squares += away * (x - mean);
  }
  __device__ void merge(const Moments &o) {
    const T total = count + o.count, away = o.mean - mean;
    if (o.count == 0) return;
    mean += away * (o.count / total);
    squares += o.squares + away * away * (count * (o.count / total));
    count = total;
  }
};
struct Sums {
  float plain, weighted;
  __device__ void merge(const Sums &o) {
    plain += o.plain;
    weighted += o.weighted;
  }
};

// Folds what the rows of a block bring; row 0 has the result.
template <class T>
__device__ T fold_rows(const T &mine) {
  SHARED_ARRAY(T, values, threads);
  const int at = threadIdx.y * blockDim.x + threadIdx.x;
  values[at] = mine;
  __syncthreads();
  for (int half = blockDim.y / 2; half > 0; half /= 2) {
    if (int(threadIdx.y) < half) values[at].merge(values[at + half * blockDim.x]);
    __syncthreads();
  }
  return values[threadIdx.x];
}

__global__ void partial_moments(const float *__restrict__ x, int64_t positions, int channels, int64_t chunk,
                                Moments<float> *partial) {
  const Walk walk(positions, chunk);
  Moments<float> m = {0, 0, 0};
  if (walk.channel < channels)
    for (int64_t row = walk.row; row < walk.end; row += blockDim.y) m.add(x[row * channels + walk.channel]);
  m = fold_rows(m);
  if (threadIdx.y == 0 && walk.channel < channels) partial[int64_t(blockIdx.y) * channels + walk.channel] = m;
}

// plain = sum dv; weighted = sum dv (x - mean), where x is given.
__global__ void partial_sums(const float *__restrict__ dv, const float *__restrict__ x, const float *__restrict__ mean,
                             int64_t positions, int channels, int64_t chunk, Sums *partial) {
  const Walk walk(positions, chunk);
  Sums s = {0, 0};
  if (walk.channel < channels) {
    const float m = x ? mean[walk.channel] : 0;
    for (int64_t row = walk.row; row < walk.end; row += blockDim.y) {
      const int64_t i = row * channels + walk.channel;
      s.plain += dv[i];
      if (x) s.weighted += dv[i] * (x[i] - m);
    }
  }
  s = fold_rows(s);
  if (threadIdx.y == 0 && walk.channel < channels) partial[int64_t(blockIdx.y) * channels + walk.channel] = s;
}

// One warp a channel: blockIdx.x.
__global__ void finish_moments(const Moments<float> *partial, int channels, int chunks, float epsilon, float *mean,
                               float *inverse_deviation) {
  Moments<double> m = {0, 0, 0};
  for (int k = threadIdx.x; k < chunks; k += warp_size) {
    const Moments<float> p = partial[int64_t(k) * channels + blockIdx.x];
    m.merge({p.count, p.mean, p.squares});
  }
  for (int half = warp_size / 2; half > 0; half /= 2) {
    Moments<double> other;
    other.count = __shfl_down_sync(whole_warp, m.count, half);
    other.mean = __shfl_down_sync(whole_warp, m.mean, half);
    other.squares = __shfl_down_sync(whole_warp, m.squares, half);
    m.merge(other);
  }
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = float(m.mean);
    inverse_deviation[blockIdx.x] = float(1 / sqrt(m.squares / m.count + epsilon));
  }
}

// shift = sum of plain; scale = inverse * sum of weighted, where scale is given. inverse is 1/deviation, or
// 1/sqrt(variance + epsilon) where a variance is given.
struct Inverse {
  const float *deviation, *variance;
  float epsilon;
  __device__ float operator()(int c) const { return variance ? 1 / sqrtf(variance[c] + epsilon) : deviation[c]; }
};
__global__ void finish_sums(const Sums *partial, int channels, int chunks, Inverse inverse, float *scale,
                            float *shift) {
  double plain = 0, weighted = 0;
  for (int k = threadIdx.x; k < chunks; k += warp_size) {
    const Sums p = partial[int64_t(k) * channels + blockIdx.x];
    plain += p.plain;
    weighted += p.weighted;
  }
  for (int half = warp_size / 2; half > 0; half /= 2) {
    plain += __shfl_down_sync(whole_warp, plain, half);
    weighted += __shfl_down_sync(whole_warp, weighted, half);
  }
  if (threadIdx.x == 0) {
    shift[blockIdx.x] = float(plain);
    if (scale) scale[blockIdx.x] = float(weighted * inverse(blockIdx.x));
  }
}

// y = activation(scale (x - mean) inverse + shift).
// y may be x.
__global__ void normalise(const float *x, const float *scale, const float *shift, const float *mean, Inverse inverse,
                          Activation activation, float *y, int64_t positions, int channels, int64_t chunk) {
  const Walk walk(positions, chunk);
  if (walk.channel >= channels) return;
  const float k = scale[walk.channel] * inverse(walk.channel), m = mean[walk.channel], b = shift[walk.channel];
  for (int64_t row = walk.row; row < walk.end; row += 4 * blockDim.y) {
    float v[4] = {};
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (row + j * blockDim.y < walk.end) v[j] = x[(row + j * blockDim.y) * channels + walk.channel];
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (row + j * blockDim.y < walk.end)
        y[(row + j * blockDim.y) * channels + walk.channel] = activate(activation, k * (v[j] - m) + b);
  }
}

// dx = scale inverse (dv - dshift/P - (x - mean) inverse dscale/P); without the last two terms where the statistics are
// constants (dshift null).
__global__ void normalise_backward(const float *x, const float *dv, const float *scale, const float *mean,
                                   Inverse inverse, const float *dscale, const float *dshift, float *dx,
                                   int64_t positions, int channels, int64_t chunk) {
  const Walk walk(positions, chunk);
  if (walk.channel >= channels) return;
  const int c = walk.channel;
  const float inv = inverse(c), k = scale[c] * inv, m = mean[c];
  const float a = dshift ? dshift[c] / float(positions) : 0, b = dshift ? inv * dscale[c] / float(positions) : 0;
  for (int64_t row = walk.row; row < walk.end; row += 4 * blockDim.y) {
    float d[4] = {}, v[4] = {};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (row + j * blockDim.y >= walk.end) continue;
      const int64_t i = (row + j * blockDim.y) * channels + c;
      d[j] = dv[i];
      v[j] = dshift ? x[i] : 0;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (row + j * blockDim.y < walk.end)
        dx[(row + j * blockDim.y) * channels + c] = dshift ? k * (d[j] - a - (v[j] - m) * b) : k * d[j];
  }
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

void require_channels(const Shape &x, const char *what, std::initializer_list<Shape> shapes) {
  for (const Shape &shape : shapes) require_same(shape, {1, 1, 1, 1, x.c}, what);
}

// x null: dshift alone.
void sum_over_positions(CudaBackend &backend, ConstView x, ConstView dv, const float *mean, const Inverse &inverse,
                        float *dscale, float *dshift) {
  const Grid g(dv.shape);
  Sums *const partial = backend.scratch<Sums>(int64_t(g.chunks) * g.channels);
  CUDA_LAUNCH(partial_sums, g.grid, g.block, 0, backend.stream(), dv.data, x.data, mean, g.positions, g.channels,
              g.chunk, partial);
  CUDA_LAUNCH(finish_sums, g.channels, warp_size, 0, backend.stream(), partial, g.channels, g.chunks, inverse, dscale,
              dshift);
}

void apply(CudaBackend &backend, ConstView x, ConstView scale, ConstView shift, ConstView mean, const Inverse &inverse,
           Activation activation, View y) {
  const Grid g(x.shape);
  CUDA_LAUNCH(normalise, g.grid, g.block, 0, backend.stream(), x.data, scale.data, shift.data, mean.data, inverse,
              activation, y.data, g.positions, g.channels, g.chunk);
}

void apply_backward(CudaBackend &backend, ConstView x, ConstView dv, ConstView scale, ConstView mean,
                    const Inverse &inverse, const float *dscale, const float *dshift, View dx) {
  const Grid g(x.shape);
  CUDA_LAUNCH(normalise_backward, g.grid, g.block, 0, backend.stream(), x.data, dv.data, scale.data, mean.data, inverse,
              dscale, dshift, dx.data, g.positions, g.channels, g.chunk);
}

}  // namespace

void CudaBackend::bias_backward(ConstView dy, View db) {
  require_same(db.shape, {1, 1, 1, 1, dy.shape.c}, "bias gradient");
  sum_over_positions(*this, {}, dy, nullptr, {}, nullptr, db.data);
}

void CudaBackend::batch_norm_forward(ConstView x, ConstView scale, ConstView shift, real epsilon, Activation activation,
                                     View y, View mean, View inverse_deviation) {
  require_same(x.shape, y.shape, "batch norm");
  require_channels(x.shape, "batch norm, per channel", {scale.shape, shift.shape, mean.shape, inverse_deviation.shape});
  const Grid g(x.shape);
  Moments<float> *const partial = scratch<Moments<float>>(int64_t(g.chunks) * g.channels);
  CUDA_LAUNCH(partial_moments, g.grid, g.block, 0, stream_, x.data, g.positions, g.channels, g.chunk, partial);
  CUDA_LAUNCH(finish_moments, g.channels, warp_size, 0, stream_, partial, g.channels, g.chunks, epsilon, mean.data,
              inverse_deviation.data);
  apply(*this, x, scale, shift, mean, {inverse_deviation.data, nullptr, 0}, activation, y);
}

void CudaBackend::batch_norm_backward(ConstView x, ConstView dv, ConstView scale, ConstView mean,
                                      ConstView inverse_deviation, View dx, View dscale, View dshift) {
  require_same(x.shape, dv.shape, "batch norm: gradient");
  require_channels(x.shape, "batch norm, per channel",
                   {scale.shape, mean.shape, inverse_deviation.shape, dscale.shape, dshift.shape});
  if (dx.data) require_same(x.shape, dx.shape, "batch norm: input gradient");
  const Inverse inverse{inverse_deviation.data, nullptr, 0};
  sum_over_positions(*this, x, dv, mean.data, inverse, dscale.data, dshift.data);
  if (dx.data) apply_backward(*this, x, dv, scale, mean, inverse, dscale.data, dshift.data, dx);
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
  sum_over_positions(*this, x, dv, mean.data, inverse, dscale.data, dshift.data);
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
