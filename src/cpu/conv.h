// What the files of the convolution share.
#pragma once
#include <functional>

#include "cpu/gemm.h"
#include "cpu/patches.h"

namespace coopnets {

// y [n, t.out, h.out, w.out, cout] = conv(x [n, t.in, h.in, w.in, cin], w [kT, kH, kW, cin, cout]).
struct Convolution {
  int64_t n, cin, cout;
  WindowAxis t, h, w;
  Shape y_shape() const { return {n, t.out, h.out, w.out, cout}; }
  int64_t taps() const { return t.kernel * h.kernel * w.kernel; }
};

// Of a window as it is; conv.cpp folds it first.
Convolution unfolded(const ConstView &x, const ConstView &y, const Window &);

// Some rows of sums, `stride` apart.
struct Piece {
  const real *first;
  int64_t stride, rows, columns;
};
// y[at + r stride + i] = activation(c[r][i] + bias[(channel + i) % channels]) derivative[at + r stride + i].
void finish(const Piece &c, int64_t channel, const Epilogue &, real *y, int64_t at, int64_t stride);

// The forward convolution as a product, without bias and activation.
void with_forward_product(ConstView x, ConstView w, const Window &, View y,
                          const std::function<void(const Product &)> &run);

// Backward to an input of few channels: see conv_scatter.cpp.
void conv_scatter(CpuBackend &, const Convolution &, const real *dy, const real *w, const Epilogue &, real *dx);

}  // namespace coopnets
