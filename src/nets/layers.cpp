#include "nets/layers.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

Side valid(int64_t kernel, int64_t stride, int64_t out) { return {kernel, stride, 0, 0, false, out}; }
Side padded(int64_t kernel, int64_t stride, int64_t before, int64_t after) {
  return {kernel, stride, before, after, false, 0};
}
Side padded(int64_t kernel, int64_t stride, int64_t both) { return padded(kernel, stride, both, both); }
Side same_side(int64_t kernel, int64_t stride, int64_t out) { return {kernel, stride, 0, 0, true, out}; }

Activation linear() { return {}; }
Activation relu() { return {Activation::leaky_relu, 0}; }
Activation leaky_relu(double slope) { return {Activation::leaky_relu, static_cast<real>(slope)}; }
Activation tanh_activation() { return {Activation::tanh, 0}; }
Activation sigmoid_activation() { return {Activation::sigmoid, 0}; }

Layer conv_layer(int64_t channels, Side t, Side h, Side w, Activation activation) {
  Layer layer;
  layer.channels = channels;
  layer.t = t;
  layer.h = h;
  layer.w = w;
  layer.activation = activation;
  return layer;
}

Layer conv_layer(int64_t channels, Side hw, Activation activation) {
  return conv_layer(channels, {}, hw, hw, activation);
}

Layer fully_connected(int64_t channels, Activation activation) {
  return conv_layer(channels, valid(0), valid(0), valid(0), activation);
}

Layer deconv_layer(int64_t channels, Side t, Side h, Side w, Activation activation, bool batch_norm) {
  Layer layer = conv_layer(channels, t, h, w, activation);
  layer.kind = Layer::deconv;
  layer.batch_norm = batch_norm;
  return layer;
}

Layer deconv_layer(int64_t channels, Side hw, Activation activation, bool batch_norm) {
  return deconv_layer(channels, {}, hw, hw, activation, batch_norm);
}

namespace {

Axis conv_axis(const Side &side, int64_t in) {
  const int64_t kernel = side.kernel ? side.kernel : in;
  return side.same ? same(in, kernel, side.stride) : Axis{kernel, side.stride, side.before, side.after};
}

// The axis of the convolution from `out` back to `in`, and `out` itself.
std::pair<Axis, int64_t> deconv_axis(const Side &side, int64_t in) {
  int64_t out = side.out;
  if (!out) out = side.same ? in * side.stride : (in - 1) * side.stride + side.kernel - side.before - side.after;
  if (side.same) return {same(out, side.kernel, side.stride), out};
  return {{side.kernel, side.stride, side.before, std::max<int64_t>(side.after, 0)}, out};
}

}  // namespace

Geometry geometry(const Layer &layer, const Shape &in) {
  Geometry g;
  if (layer.kind == Layer::conv) {
    g.window = {conv_axis(layer.t, in.t), conv_axis(layer.h, in.h), conv_axis(layer.w, in.w)};
    g.out = g.window.out(in, layer.channels);
    g.filters = filter_shape(g.window, in.c, layer.channels);
  } else {
    const auto t = deconv_axis(layer.t, in.t), h = deconv_axis(layer.h, in.h), w = deconv_axis(layer.w, in.w);
    g.window = {t.first, h.first, w.first};
    g.out = {in.n, t.second, h.second, w.second, layer.channels};
    g.filters = filter_shape(g.window, layer.channels, in.c);
    if (g.window.out(g.out, in.c) != in)
      throw std::invalid_argument("a deconvolution from " + in.str() + " to " + g.out.str() + " does not exist");
  }
  return g;
}

std::vector<std::string> describe(const Shape &input, const std::vector<Layer> &layers) {
  const auto sides = [](int64_t t, int64_t h, int64_t w) {
    return (t == 1 ? "" : std::to_string(t) + "x") + std::to_string(h) + "x" + std::to_string(w);
  };
  const auto nonlinearity = [](const Activation &a) -> std::string {
    switch (a.kind) {
      case Activation::none:
        return "";
      case Activation::leaky_relu:
        return a.slope == 0 ? ", ReLU" : ", leaky ReLU";
      case Activation::tanh:
        return ", tanh";
      case Activation::sigmoid:
        return ", sigmoid";
    }
    return "";
  };
  std::vector<std::string> lines;
  Shape x = input;
  for (const Layer &layer : layers) {
    const Geometry g = geometry(layer, x);
    const Window &v = g.window;
    const bool full = layer.kind == Layer::conv && g.out.positions() == g.out.n && x.positions() > x.n;
    std::string line = full ? "fully connected" : layer.kind == Layer::conv ? "conv" : "deconv";
    if (!full) line += " " + sides(v.t.kernel, v.h.kernel, v.w.kernel);
    if (v.t.stride * v.h.stride * v.w.stride > 1) line += " stride " + sides(v.t.stride, v.h.stride, v.w.stride);
    line += (layer.batch_norm ? ", batch norm" : "") + nonlinearity(layer.activation);
    lines.push_back(line + " -> " + sides(g.out.t, g.out.h, g.out.w) + " x " + std::to_string(g.out.c));
    x = g.out;
  }
  return lines;
}

}  // namespace coopnets
