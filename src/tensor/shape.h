// Shapes of tensors and of the sliding windows that convolutions move over them.
#pragma once
#include <cstdint>
#include <string>

namespace coopnets {

// The one scalar type of the framework. The tests also build everything with double, where gradients are checked.
#ifdef COOPNETS_DOUBLE
using real = double;
#else
using real = float;
#endif

// Every tensor is contiguous with five axes N x T x H x W x C: batch, frames, rows, columns, channels (innermost).
// A picture is a one-frame video; a latent vector is 1 x 1 x 1 with C channels.
// Filters use the same five slots as kT x kH x kW x Cin x Cout: see filter_shape().
struct Shape {
  int64_t n = 1, t = 1, h = 1, w = 1, c = 1;

  int64_t positions() const { return n * t * h * w; }  // everything but channels
  int64_t example() const { return t * h * w * c; }    // elements of one example
  int64_t size() const { return n * example(); }
  Shape with_n(int64_t batch) const { return {batch, t, h, w, c}; }
  std::string str() const;  // "2x1x28x28x1"

  bool operator==(const Shape &o) const { return n == o.n && t == o.t && h == o.h && w == o.w && c == o.c; }
  bool operator!=(const Shape &o) const { return !(*this == o); }
};

// Throws std::invalid_argument with `message` unless `condition`.
void require(bool condition, const char *message);
// Throws std::invalid_argument, naming `what` and both shapes, unless they are equal.
void require_same(const Shape &a, const Shape &b, const char *what);

// One axis of a sliding window: output[i] sees input[i * stride - before + k], k in [0, kernel); zeros outside.
struct Axis {
  int64_t kernel = 1, stride = 1, before = 0, after = 0;

  // floor((size + before + after - kernel) / stride) + 1; throws std::invalid_argument when the window does not fit.
  int64_t out(int64_t size) const;
  bool operator==(const Axis &o) const {
    return kernel == o.kernel && stride == o.stride && before == o.before && after == o.after;
  }
};

// TensorFlow's SAME: ceil(size / stride) outputs, the odd zero of the padding at the end.
Axis same(int64_t size, int64_t kernel, int64_t stride);

struct Window {
  Axis t, h, w;

  // Shape of conv(x, filters) with `channels` output channels.
  Shape out(const Shape &x, int64_t channels) const;
  int64_t taps() const { return t.kernel * h.kernel * w.kernel; }
};

// Filters of a convolution from `in` to `out` channels: slots n, t, h, w, c hold kT, kH, kW, Cin, Cout.
Shape filter_shape(const Window &window, int64_t in, int64_t out);

}  // namespace coopnets
