// Kernels over the channels of one position, channels last: copies of some, log-softmax, the largest channel, maxout.
//
//               channels
//             0  1  ...  C-1
//   thread 0  x  x  ...   x        log-softmax and one-hot: a thread walks along the row of one position
//   thread 1  x  x  ...   x
//
//   x   | 0 1 2 | 3 4 5 | ...      maxout, of 3 pieces: thread i takes x[3i .. 3i + 2] and makes y[i], whatever the
//   y   |   0   |   1   | ...      position, as the pieces of a channel are neighbours
//
// The rows of a warp are neighbours in memory and a thread's later walks along its row come from the caches, as long as
// 32 rows of C channels fit there: up to some hundred channels. Log-softmax then moves 8 bytes an element for about 30
// operations (an exponential), backward 12; one-hot 8 for one comparison; maxout 4 for each of x and of y, backward 8
// for each of x and 4 for each of y. All sums run along the row in order.
#include "cuda/cuda_backend.h"

namespace coopnets {
namespace {

constexpr int threads = 256;

// The first of the largest; of NaN none is larger.
__device__ __forceinline__ int64_t largest(const float *x, int64_t count) {
  int64_t best = 0;
  float most = x[0];
  for (int64_t c = 1; c < count; ++c) {
    const float v = x[c];
    if (v > most) best = c, most = v;
  }
  return best;
}

// y = x - m - ln sum e^(x - m), m being the largest x, so that no exponential overflows.
__global__ void log_softmax_rows(const float *__restrict__ x, float *__restrict__ y, int64_t positions,
                                 int64_t channels) {
  for (int64_t p = first_item(); p < positions; p += item_stride()) {
    const float *const in = x + p * channels;
    float *const out = y + p * channels;
    const float most = in[largest(in, channels)];
    float sum = 0;
    for (int64_t c = 0; c < channels; ++c) sum += expf(in[c] - most);
    const float log_sum = logf(sum);
    for (int64_t c = 0; c < channels; ++c) out[c] = (in[c] - most) - log_sum;
  }
}

// dx = dy - e^y sum dy. dx may be y or dy.
__global__ void log_softmax_rows_backward(const float *y, const float *dy, float *dx, int64_t positions,
                                          int64_t channels) {
  for (int64_t p = first_item(); p < positions; p += item_stride()) {
    const float *const out = y + p * channels, *const d_out = dy + p * channels;
    float *const d_in = dx + p * channels;
    float sum = 0;
    for (int64_t c = 0; c < channels; ++c) sum += d_out[c];
    for (int64_t c = 0; c < channels; ++c) d_in[c] = d_out[c] - expf(out[c]) * sum;
  }
}

__global__ void one_hot_rows(const float *__restrict__ x, float *__restrict__ y, int64_t positions, int64_t channels) {
  for (int64_t p = first_item(); p < positions; p += item_stride()) {
    const int64_t best = largest(x + p * channels, channels);
    for (int64_t c = 0; c < channels; ++c) y[p * channels + c] = c == best ? 1 : 0;
  }
}

// size: of y.
__global__ void largest_pieces(const float *__restrict__ x, float *__restrict__ y, int64_t size, int64_t pieces) {
  for (int64_t i = first_item(); i < size; i += item_stride()) {
    const float *const in = x + i * pieces;
    y[i] = in[largest(in, pieces)];
  }
}

__global__ void largest_pieces_backward(const float *__restrict__ x, const float *__restrict__ dy,
                                        float *__restrict__ dx, int64_t size, int64_t pieces) {
  for (int64_t i = first_item(); i < size; i += item_stride()) {
    const int64_t best = largest(x + i * pieces, pieces);
    for (int64_t j = 0; j < pieces; ++j) dx[i * pieces + j] = j == best ? dy[i] : 0;
  }
}

// How many pieces each channel of y is the largest of.
int64_t pieces_of(const Shape &x, const Shape &y) {
  require(x.c > 0 && y.c > 0 && x.c % y.c == 0, "maxout: the channels are no multiple of those it gives");
  Shape same = x;
  same.c = y.c;
  require_same(same, y, "maxout");
  return x.c / y.c;
}

// Channels first .. first + count - 1 of rows of `of` to those from `into` on of rows of `to`.
__global__ void copy_some_channels(const float *__restrict__ x, float *__restrict__ y, int64_t positions, int64_t of,
                                   int64_t first, int64_t count, int64_t to, int64_t into) {
  for (int64_t i = first_item(); i < positions * count; i += item_stride())
    y[i / count * to + into + i % count] = x[i / count * of + first + i % count];
}

}  // namespace

void CudaBackend::copy_channels(ConstView x, int64_t first, int64_t count, View y, int64_t into) {
  Shape same = x.shape;
  same.c = y.shape.c;
  require_same(same, y.shape, "copy of channels");
  require(first >= 0 && into >= 0 && count >= 0 && first + count <= x.shape.c && into + count <= y.shape.c,
          "copy of channels: they are not all there");
  const int64_t positions = x.shape.positions();
  if (positions * count > 0)
    CUDA_LAUNCH(copy_some_channels, grid_for(positions * count, threads), threads, 0, stream_, x.data, y.data,
                positions, x.shape.c, first, count, y.shape.c, into);
}

void CudaBackend::log_softmax_forward(ConstView x, View y) {
  require_same(x.shape, y.shape, "log-softmax");
  const int64_t positions = x.shape.positions();
  if (x.shape.size())
    CUDA_LAUNCH(log_softmax_rows, grid_for(positions, threads), threads, 0, stream_, x.data, y.data, positions,
                x.shape.c);
}

void CudaBackend::log_softmax_backward(ConstView y, ConstView dy, View dx) {
  require_same(y.shape, dy.shape, "log-softmax: gradient");
  require_same(y.shape, dx.shape, "log-softmax: input gradient");
  const int64_t positions = y.shape.positions();
  if (y.shape.size())
    CUDA_LAUNCH(log_softmax_rows_backward, grid_for(positions, threads), threads, 0, stream_, y.data, dy.data, dx.data,
                positions, y.shape.c);
}

void CudaBackend::one_hot(ConstView x, View y) {
  require_same(x.shape, y.shape, "one-hot");
  const int64_t positions = x.shape.positions();
  if (x.shape.size())
    CUDA_LAUNCH(one_hot_rows, grid_for(positions, threads), threads, 0, stream_, x.data, y.data, positions, x.shape.c);
}

void CudaBackend::maxout_forward(ConstView x, View y) {
  const int64_t pieces = pieces_of(x.shape, y.shape), size = y.shape.size();
  if (size) CUDA_LAUNCH(largest_pieces, grid_for(size, threads), threads, 0, stream_, x.data, y.data, size, pieces);
}

void CudaBackend::maxout_backward(ConstView x, ConstView dy, View dx) {
  require_same(x.shape, dx.shape, "maxout: input gradient");
  const int64_t pieces = pieces_of(x.shape, dy.shape), size = dy.shape.size();
  if (size)
    CUDA_LAUNCH(largest_pieces_backward, grid_for(size, threads), threads, 0, stream_, x.data, dy.data, dx.data, size,
                pieces);
}

}  // namespace coopnets
