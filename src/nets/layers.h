// Layers: what a net is a list of.
#pragma once
#include <string>
#include <vector>

#include "tensor/backend.h"

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

// y = a(batch_norm(conv(x, filters) + bias)). A layer with batch normalisation has no bias: the mean would subtract it
// again.
struct Layer {
  enum Kind { conv, deconv } kind = conv;
  int64_t channels = 1;
  Side t, h, w;
  Activation activation;
  bool batch_norm = false;
  double rate = 1;       // multiplies the net's learning rate
  double deviation = 0;  // of the initial filters; 0: the net's own
};
Layer conv_layer(int64_t channels, Side t, Side h, Side w, Activation);
Layer conv_layer(int64_t channels, Side hw, Activation);  // pictures: one frame
Layer fully_connected(int64_t channels, Activation);      // a convolution as large as its input
Layer deconv_layer(int64_t channels, Side t, Side h, Side w, Activation, bool batch_norm);
Layer deconv_layer(int64_t channels, Side hw, Activation, bool batch_norm);

Activation linear();
Activation relu();
Activation leaky_relu(double slope);
Activation tanh_activation();
Activation sigmoid_activation();

// A layer meets an input: the window with its padding spelt out, and the shapes that follow.
struct Geometry {
  Window window;  // of a deconvolution: of the convolution that it transposes
  Shape out, filters;
};
// Throws std::invalid_argument where the layer cannot take an input of that shape.
Geometry geometry(const Layer &, const Shape &in);

// One line a layer: window, what follows it, output shape.
std::vector<std::string> describe(const Shape &input, const std::vector<Layer> &);

}  // namespace coopnets
