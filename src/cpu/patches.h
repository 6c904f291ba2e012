// The windows that a convolution looks through, as rows of a matrix that is never stored in full.
#pragma once
#include "tensor/shape.h"

namespace coopnets {

// One axis: output o sees input o*stride - before + k for k in [0, kernel); what lies outside [0, in) is zero.
struct WindowAxis {
  int64_t in = 1, out = 1, kernel = 1, stride = 1, before = 0;
};

// Row (n,t,h,w) holds x [N,T,H,W,C] under window (t,h,w): kernel.t * kernel.h runs of kernel.w * C elements.
struct Patches {
  const real *x = nullptr;
  WindowAxis t, h, w;
  int64_t channels = 1;

  int64_t columns() const { return t.kernel * h.kernel * w.kernel * channels; }
  // Rows [row, row + rows) x columns [column, column + columns) to lines that are `stride` apart.
  void pack(int64_t row, int64_t rows, int64_t column, int64_t columns, real *to, int64_t stride) const;
};

}  // namespace coopnets
