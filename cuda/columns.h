// Sums and moments over the positions of each channel, channels last.
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
//   2. One warp a channel, or a group of channels, folds the partials in double.
//   3. The same blocks as in 1 apply the result to every element.
//
// A tensor may be several such parts, one after the other, as its examples are: the blocks of all parts stand side by
// side, as a grid is widest along x -> partial [part, chunk, C]. All orders of addition are fixed by the shape.
#pragma once
#include "cuda/cuda_backend.h"

namespace coopnets {

constexpr int column_threads = 256;  // of a block

struct ColumnGrid {
  // Of a tensor that is cut into so many equal parts. Throws std::invalid_argument where parts x C is above 2^31 - 1.
  explicit ColumnGrid(const Shape &shape, int64_t parts = 1);
  int64_t partials() const { return int64_t(parts) * chunks * channels; }

  dim3 block, grid;
  int64_t positions, chunk;     // rows of a part, and of a block
  int parts, channels, chunks;  // the last two of a part
};

// What thread (lane, y) of a block walks over: rows row, row + blockDim.y, ... < end of channel `channel`, which may
// lie beyond the last.
struct Walk {
  __device__ Walk(int64_t positions, int channels, int64_t chunk) {
    const int strips = channels > int(blockDim.x) ? ceil_div(channels, int(blockDim.x)) : 1;
    part = blockIdx.x / strips;
    channel = int(blockIdx.x % strips * blockDim.x + threadIdx.x);
    row = part * positions + blockIdx.y * chunk + threadIdx.y;
    end = part * positions + ((blockIdx.y + 1) * chunk < positions ? (blockIdx.y + 1) * chunk : positions);
  }
  // Where the block's result for this channel goes.
  __device__ int64_t partial(int channels) const { return (part * gridDim.y + blockIdx.y) * channels + channel; }
  int channel;
  int64_t part, row, end;
};

// y = f(a, b) of what the thread walks over, four rows at a time, so that their loads are under way together. b may be
// null: 0. y may be a or b.
template <class Function>
__device__ __forceinline__ void map_rows(const Walk &walk, int channels, const float *a, const float *b, float *y,
                                         const Function &f) {
  for (int64_t row = walk.row; row < walk.end; row += 4 * blockDim.y) {
    float u[4] = {}, v[4] = {};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (row + j * blockDim.y >= walk.end) continue;
      const int64_t i = (row + j * blockDim.y) * channels + walk.channel;
      u[j] = a[i];
      v[j] = b ? b[i] : 0;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (row + j * blockDim.y < walk.end) y[(row + j * blockDim.y) * channels + walk.channel] = f(u[j], v[j]);
  }
}

// Number, mean and sum of squared deviations of some elements: Welford's, never E[x^2] - m^2, merged by Chan, Golub,
// LeVeque (1979).
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

// What the lanes of a warp bring, in lane 0.
__device__ __forceinline__ Moments<double> merge_warp(Moments<double> m) {
  for (int half = warp_size / 2; half > 0; half /= 2) {
    Moments<double> other;
    other.count = __shfl_down_sync(whole_warp, m.count, half);
    other.mean = __shfl_down_sync(whole_warp, m.mean, half);
    other.squares = __shfl_down_sync(whole_warp, m.squares, half);
    m.merge(other);
  }
  return m;
}
__device__ __forceinline__ double sum_warp(double value) {
  for (int half = warp_size / 2; half > 0; half /= 2) value += __shfl_down_sync(whole_warp, value, half);
  return value;
}

// A factor of each channel: 1/deviation, 1/sqrt(variance + epsilon) where a variance is given, 1 where neither is.
struct Inverse {
  const float *deviation = nullptr, *variance = nullptr;
  float epsilon = 0;
  __device__ float operator()(int c) const {
    return variance ? 1 / sqrtf(variance[c] + epsilon) : deviation ? deviation[c] : 1;
  }
};

// Step 1, of ColumnGrid::partials() results: the moments of x; and plain = sum dv, weighted = sum dv (x - mean), where
// x is given, with mean 0 where it is null.
void partial_moments(CudaBackend &, const ColumnGrid &, ConstView x, Moments<float> *partial);
void partial_sums(CudaBackend &, const ColumnGrid &, ConstView x, ConstView dv, const float *mean, Sums *partial);
// Step 2, for each of the part's equal groups of neighbouring channels, as many as channels where each is by itself:
// [parts, groups]. The mean and 1/sqrt(variance + epsilon); plain, and inverse(group) weighted, either of which may be
// null.
void finish_moments(CudaBackend &, const ColumnGrid &, const Moments<float> *partial, int groups, float epsilon,
                    float *mean, float *inverse_deviation);
void finish_sums(CudaBackend &, const ColumnGrid &, const Sums *partial, int groups, const Inverse &inverse,
                 float *weighted, float *plain);
// Steps 1 and 2 for each channel of each part: dshift = sum dv, dscale = inverse sum dv (x - mean). dscale and x, or
// dshift, may be null.
void sum_over_positions(CudaBackend &, const ColumnGrid &, ConstView x, ConstView dv, const float *mean,
                        const Inverse &inverse, float *dscale, float *dshift);

}  // namespace coopnets
