// Reduction of rows and columns by 2 and its adjoint, each channel by itself.
//
//   downsample: a thread makes one pixel of y        upsample: a thread makes two by two pixels of x
//
//        x  a a a a                                       y  A B          pixels m and m - 1 of rows k and k - 1
//           a a a a     count() x count() pixels             C D          (average: m of k alone)
//           a a a a                                            |
//           a a a a                                       x  p q          columns 2m - before and 2m - before + 1
//              |                                             r s          of rows 2k - before and 2k - before + 1
//        y     o
//
//   lane  ->  columns and channels of a row, four channels a thread where C is a multiple of 4, else one
//   row   ->  rows of all pictures; a block of 256 threads is as many lanes wide as a power of two holds a row's
//
// Memory moves 4 bytes per element of x and 4 per element of y: 5 per element of x. What neighbouring threads read
// again comes from the caches: with the binomial filter 4 loads and 5 multiply-adds per element of x (downsample), or 1
// load and 4 multiply-adds (upsample); a load is of 4 or 16 bytes. Every output is gathered by one thread in a fixed
// order.
#include "cuda/cuda_backend.h"

namespace coopnets {
namespace {

constexpr int threads = 256, most_blocks = 2048;

// n neighbouring channels: one access of 4 or 16 bytes.
template <int n>
struct alignas(4 * n) Channels {
  float v[n] = {};
  __device__ __forceinline__ void add(float weight, const Channels x) {
#pragma unroll
    for (int i = 0; i < n; ++i) v[i] = fmaf(weight, x.v[i], v[i]);  // the same bits for any n
  }
};

// What a kernel walks over: `lanes` threads a row, `rows` rows, of which `height` make a picture.
struct Grid {
  Grid(int64_t pictures, int64_t picture_rows, int64_t row_lanes)
      : rows(unsigned(pictures * picture_rows)), height(unsigned(picture_rows)), lanes(int(row_lanes)) {
    int wide = 1;
    while (wide < threads && wide < lanes) wide *= 2;
    block = dim3(wide, threads / wide);
    const unsigned strips = ceil_div(unsigned(lanes), block.x);
    grid = dim3(strips, std::min(ceil_div(rows, block.y), std::max(1u, most_blocks / strips)));
  }
  dim3 block, grid;
  unsigned rows, height;
  int lanes;
};

template <int taps>
struct Filter {
  explicit Filter(const Resampling &r, float scale) : before(int(r.before)), nearest(r.edge == Resampling::nearest) {
    for (int i = 0; i < taps; ++i) tap[i] = r.tap(i), scaled[i] = scale * r.tap(i);
  }
  float tap[taps], scaled[taps];  // of rows, and of columns
  int before;
  bool nearest;
};

template <int taps, int n>
__global__ void downsample_pixels(const Channels<n> *__restrict__ x, Channels<n> *__restrict__ y, Filter<taps> f,
                                  int height, int width, int channels, unsigned rows, unsigned outputs, int lanes) {
  const int lane = blockIdx.x * blockDim.x + threadIdx.x;
  if (lane >= lanes) return;
  const int p = lane / channels, channel = lane % channels;
  // Zeros beyond an edge are the nearest element, which the window reads as well, with weight 0.
  int column[taps];
  float column_weight[taps];
#pragma unroll
  for (int j = 0; j < taps; ++j) {
    const int w = 2 * p - f.before + j, inside = min(max(w, 0), width - 1);
    column[j] = inside * channels + channel;
    column_weight[j] = w == inside || f.nearest ? f.scaled[j] : 0;
  }
  for (unsigned row = blockIdx.y * blockDim.y + threadIdx.y; row < rows; row += gridDim.y * blockDim.y) {
    const int picture = int(row / outputs), o = int(row % outputs);
    const Channels<n> *const from = x + int64_t(picture) * height * width * channels;
    Channels<n> sum;
#pragma unroll
    for (int i = 0; i < taps; ++i) {
      const int h = 2 * o - f.before + i, inside = min(max(h, 0), height - 1);
      const Channels<n> *const line = from + inside * (width * channels);
      Channels<n> added;
#pragma unroll
      for (int j = 0; j < taps; ++j) added.add(column_weight[j], line[column[j]]);
      sum.add(h == inside || f.nearest ? f.tap[i] : 0, added);
    }
    y[int64_t(row) * lanes + lane] = sum;
  }
}

// The weights of input floor((u + before) / 2) - j in element u of an axis: those of the two edge elements by
// themselves, as they take what is read beyond the edge.
template <int taps>
struct Spread {
  Spread(const Resampling &r, int64_t size, float scale) : size(int(size)), before(int(r.before)) {
    for (int j = 0; j < taps / 2; ++j) {
      first[j] = scale * r.weight(r.before / 2 - j, 0, size);
      last[j] = scale * r.weight((size - 1 + r.before) / 2 - j, size - 1, size);
      inner[0][j] = scale * r.tap(2 * j);
      inner[1][j] = scale * r.tap(2 * j + 1);
    }
  }
  // Of element 2m - before + half.
  __device__ __forceinline__ void weights(int m, int half, float w[taps / 2]) const {
    const int u = 2 * m - before + half;
#pragma unroll
    for (int j = 0; j < taps / 2; ++j) w[j] = u == 0 ? first[j] : u == size - 1 ? last[j] : inner[half][j];
  }
  float first[taps / 2], last[taps / 2], inner[2][taps / 2];
  int size, before;
};

// height, width: of y.
template <int taps, int n>
__global__ void upsample_pixels(const Channels<n> *__restrict__ y, Channels<n> *__restrict__ x, Spread<taps> down,
                                Spread<taps> across, int height, int width, int channels, unsigned rows, unsigned pairs,
                                int lanes) {
  constexpr int sources = taps / 2;
  const int lane = blockIdx.x * blockDim.x + threadIdx.x;
  if (lane >= lanes) return;
  const int m = across.before / 2 + lane / channels, channel = lane % channels, u = 2 * m - across.before;
  float column_weight[2][sources];
  across.weights(m, 0, column_weight[0]);
  across.weights(m, 1, column_weight[1]);
  for (unsigned row = blockIdx.y * blockDim.y + threadIdx.y; row < rows; row += gridDim.y * blockDim.y) {
    const int picture = int(row / pairs), k = down.before / 2 + int(row % pairs), v = 2 * k - down.before;
    const Channels<n> *const from = y + int64_t(picture) * height * width * channels;
    Channels<n> sum[2][2];  // rows v and v + 1, columns u and u + 1
    float row_weight[2][sources];
    down.weights(k, 0, row_weight[0]);
    down.weights(k, 1, row_weight[1]);
#pragma unroll
    for (int i = 0; i < sources; ++i) {
      Channels<n> line[2];
#pragma unroll
      for (int j = 0; j < sources; ++j) {
        if (k - i < 0 || k - i >= height || m - j < 0 || m - j >= width) continue;
        const Channels<n> source = from[(int64_t(k - i) * width + m - j) * channels + channel];
        line[0].add(column_weight[0][j], source);
        line[1].add(column_weight[1][j], source);
      }
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        sum[half][0].add(row_weight[half][i], line[0]);
        sum[half][1].add(row_weight[half][i], line[1]);
      }
    }
    Channels<n> *const to = x + int64_t(picture) * down.size * across.size * channels;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      if (v + half < 0 || v + half >= down.size) continue;
      const int64_t at = (int64_t(v + half) * across.size + u) * channels + channel;
      if (u >= 0) to[at] = sum[half][0];
      if (u + 1 < across.size) to[at + channels] = sum[half][1];
    }
  }
}

template <int taps, int n>
void launch_downsample(cudaStream_t stream, ConstView x, const Resampling &r, float scale, View y) {
  const int channels = int(x.shape.c) / n;
  const Grid g(y.shape.n * y.shape.t, y.shape.h, y.shape.w * channels);
  CUDA_LAUNCH((downsample_pixels<taps, n>), g.grid, g.block, 0, stream, reinterpret_cast<const Channels<n> *>(x.data),
              reinterpret_cast<Channels<n> *>(y.data), Filter<taps>(r, scale), int(x.shape.h), int(x.shape.w), channels,
              g.rows, g.height, g.lanes);
}

template <int taps, int n>
void launch_upsample(cudaStream_t stream, ConstView y, const Resampling &r, float scale, View x) {
  const int channels = int(x.shape.c) / n;
  // Pairs of elements 2m - before, 2m - before + 1 that reach into [0, size).
  const auto pairs = [&](int64_t size) { return (size - 1 + r.before) / 2 - r.before / 2 + 1; };
  const Grid g(x.shape.n * x.shape.t, pairs(x.shape.h), pairs(x.shape.w) * channels);
  CUDA_LAUNCH((upsample_pixels<taps, n>), g.grid, g.block, 0, stream, reinterpret_cast<const Channels<n> *>(y.data),
              reinterpret_cast<Channels<n> *>(x.data), Spread<taps>(r, x.shape.h, 1), Spread<taps>(r, x.shape.w, scale),
              int(y.shape.h), int(y.shape.w), channels, g.rows, g.height, g.lanes);
}

void require_fits(const Shape &x) {
  require(x.size() < int64_t{1} << 31, "resampling: tensors may have up to 2^31 - 1 elements: fewer chains");
}

bool by_fours(ConstView x, ConstView y) { return x.shape.c % 4 == 0 && aligned(x.data, 16) && aligned(y.data, 16); }

}  // namespace

void CudaBackend::downsample(ConstView x, const Resampling &r, real scale, View y) {
  require_same(r.reduced(x.shape), y.shape, "downsample");
  require_fits(x.shape);
  if (!y.shape.size()) return;
  const bool average = r.taps == Resampling::average, fours = by_fours(x, y);
  const auto launch = average ? (fours ? launch_downsample<2, 4> : launch_downsample<2, 1>)
                              : (fours ? launch_downsample<4, 4> : launch_downsample<4, 1>);
  launch(stream_, x, r, scale, y);
}

void CudaBackend::upsample(ConstView y, const Resampling &r, real scale, View x) {
  require_same(r.reduced(x.shape), y.shape, "upsample");
  require_fits(x.shape);
  if (!x.shape.size()) return;
  const bool average = r.taps == Resampling::average, fours = by_fours(x, y);
  const auto launch = average ? (fours ? launch_upsample<2, 4> : launch_upsample<2, 1>)
                              : (fours ? launch_upsample<4, 4> : launch_upsample<4, 1>);
  launch(stream_, y, r, scale, x);
}

}  // namespace coopnets
