// Kernels over the channels of each position.
#include <cmath>

#include "cpu/cpu_backend.h"
#include "cpu/parallel.h"

namespace coopnets {

namespace {

// Calls body(p) for each position p of x.
template <class Body>
void for_positions(int threads, const Shape &x, const Body &body) {
  const int64_t chunk = std::max<int64_t>(1, elements_a_chunk / std::max<int64_t>(1, x.c));
  for_chunks(threads, x.positions(), chunk, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) body(p);
  });
}

// The first of the largest; of NaN none is larger.
int64_t largest(const real *x, int64_t count) {
  int64_t best = 0;
  for (int64_t c = 1; c < count; ++c)
    if (x[c] > x[best]) best = c;
  return best;
}

// How many pieces each channel of y is the largest of.
int64_t pieces_of(const Shape &x, const Shape &y) {
  require(y.c > 0 && x.c > 0 && x.c % y.c == 0, "maxout: the channels are no multiple of those it gives");
  Shape same = x;
  same.c = y.c;
  require_same(same, y, "maxout");
  return x.c / y.c;
}

}  // namespace

void CpuBackend::copy_channels(ConstView x, int64_t first, int64_t count, View y, int64_t into) {
  Shape same = x.shape;
  same.c = y.shape.c;
  require_same(same, y.shape, "copy of channels");
  require(first >= 0 && into >= 0 && count >= 0 && first + count <= x.shape.c && into + count <= y.shape.c,
          "copy of channels: they are not all there");
  for_positions(threads_, x.shape,
                [=](int64_t p) { std::copy_n(x.data + p * x.shape.c + first, count, y.data + p * y.shape.c + into); });
}

// The largest is subtracted first, so that no exponential overflows.
void CpuBackend::log_softmax_forward(ConstView x, View y) {
  require_same(x.shape, y.shape, "log-softmax");
  const int64_t channels = x.shape.c;
  for_positions(threads_, x.shape, [=](int64_t p) {
    const real *in = x.data + p * channels;
    real *out = y.data + p * channels;
    const real most = in[largest(in, channels)];
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) sum += std::exp(double(in[c]) - double(most));
    const real log_sum = real(std::log(sum));
    for (int64_t c = 0; c < channels; ++c) out[c] = (in[c] - most) - log_sum;
  });
}

void CpuBackend::log_softmax_backward(ConstView y, ConstView dy, View dx) {
  require_same(y.shape, dy.shape, "log-softmax: gradient");
  require_same(y.shape, dx.shape, "log-softmax: input gradient");
  const int64_t channels = y.shape.c;
  for_positions(threads_, y.shape, [=](int64_t p) {
    const real *out = y.data + p * channels, *d_out = dy.data + p * channels;
    real *d_in = dx.data + p * channels;
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) sum += d_out[c];
    for (int64_t c = 0; c < channels; ++c) d_in[c] = d_out[c] - std::exp(out[c]) * real(sum);
  });
}

void CpuBackend::one_hot(ConstView x, View y) {
  require_same(x.shape, y.shape, "one-hot");
  const int64_t channels = x.shape.c;
  for_positions(threads_, x.shape, [=](int64_t p) {
    const int64_t best = largest(x.data + p * channels, channels);
    for (int64_t c = 0; c < channels; ++c) y.data[p * channels + c] = real(c == best);
  });
}

void CpuBackend::maxout_forward(ConstView x, View y) {
  const int64_t pieces = pieces_of(x.shape, y.shape), channels = y.shape.c;
  for_positions(threads_, x.shape, [=](int64_t p) {
    for (int64_t i = p * channels; i < (p + 1) * channels; ++i) {
      const real *in = x.data + i * pieces;
      y.data[i] = in[largest(in, pieces)];
    }
  });
}

void CpuBackend::maxout_backward(ConstView x, ConstView dy, View dx) {
  require_same(x.shape, dx.shape, "maxout: input gradient");
  const int64_t pieces = pieces_of(x.shape, dy.shape), channels = dy.shape.c;
  for_positions(threads_, x.shape, [=](int64_t p) {
    for (int64_t i = p * channels; i < (p + 1) * channels; ++i) {
      const int64_t best = largest(x.data + i * pieces, pieces);
      for (int64_t j = 0; j < pieces; ++j) dx.data[i * pieces + j] = j == best ? dy.data[i] : 0;
    }
  });
}

}  // namespace coopnets
