// The windows that a convolution looks through, as rows of a matrix that is never stored in full.
#pragma once
#include "tensor/shape.h"

namespace coopnets {

// One axis: output o sees input o*stride - before + k for k in [0, kernel); what lies outside [0, in) is zero.
struct WindowAxis {
  int64_t in = 1, out = 1, kernel = 1, stride = 1, before = 0;
  int64_t first(int64_t o) const { return o * stride - before; }  // input of output o's first tap
  bool has(int64_t i) const { return i >= 0 && i < in; }
};

// Row (n,t,h,w) holds x [N,T,H,W,C] under window (t,h,w): kernel.t * kernel.h runs of kernel.w * C elements.
struct Patches {
  const real *x = nullptr;
  WindowAxis t, h, w;
  int64_t channels = 1;

  bool are_x() const;  // of one tap, everywhere: their matrix is x itself
  int64_t columns() const { return t.kernel * h.kernel * w.kernel * channels; }
  // Rows [row, row + rows) x columns [column, column + columns) to lines that are `stride` apart.
  void pack(int64_t row, int64_t rows, int64_t column, int64_t columns, real *to, int64_t stride) const;

  // No window reaches beyond x.
  bool stay_inside() const;
  // Where the first tap of the first window of line (n, t, h) lies in x.
  const real *at(int64_t n, int64_t t, int64_t h) const;
  // What the windows of `count` lines, from (n, t, h) on, see, with zeros where that is beyond x: t.kernel frames that
  // are `frame` apart in `to`, of lines_under(count) lines of line_columns() * channels elements.
  void copy_lines(int64_t n, int64_t t, int64_t h, int64_t count, real *to, int64_t frame) const;
  int64_t lines_under(int64_t count) const { return (count - 1) * h.stride + h.kernel; }
  int64_t line_columns() const { return (w.out - 1) * w.stride + w.kernel; }
};

}  // namespace coopnets
