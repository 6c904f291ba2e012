// Windows as layers state them, and what shapes follow when they meet an input.
#pragma once
#include "tensor/shape.h"

namespace coopnets {

// One axis of a layer's window. A convolution may say kernel 0: as large as its input (a fully connected layer).
// Padding (or, of a deconvolution, crop) is `before` and `after`, or TensorFlow's SAME.
// A deconvolution yields `out` elements; 0: (in - 1) stride + kernel - before - after, or in * stride with SAME. Its
// crop `after` may be negative, above -stride: elements at the end that no window reaches, which are the bias alone
// (the output shapes of the TensorFlow code have such).
struct Side {
  int64_t kernel = 1, stride = 1, before = 0, after = 0;
  bool same = false;
  int64_t out = 0;
};
Side valid(int64_t kernel, int64_t stride = 1, int64_t out = 0);
Side padded(int64_t kernel, int64_t stride, int64_t before, int64_t after);
Side padded(int64_t kernel, int64_t stride, int64_t both);
Side same_side(int64_t kernel, int64_t stride, int64_t out = 0);

// All three. Of pictures, rows and columns are alike and there is one frame.
struct Sides {
  Side t, h, w;
  Sides(Side rows_and_columns) : h(rows_and_columns), w(rows_and_columns) {}
  Sides(Side frames, Side rows, Side columns) : t(frames), h(rows), w(columns) {}
};

// A layer meets an input: the window with its padding spelt out, and the shapes that follow.
struct Geometry {
  Window window;  // of a deconvolution: of the convolution that it transposes
  Shape out, filters;
};
// From `in` to so many channels. Throw std::invalid_argument where the layer cannot take an input of that shape.
Geometry conv_geometry(const Sides &, const Shape &in, int64_t channels);
Geometry deconv_geometry(const Sides &, const Shape &in, int64_t channels);

}  // namespace coopnets
