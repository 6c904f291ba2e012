#include "nets/geometry.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

Side valid(int64_t kernel, int64_t stride, int64_t out) { return {kernel, stride, 0, 0, false, out}; }
Side padded(int64_t kernel, int64_t stride, int64_t before, int64_t after) {
  return {kernel, stride, before, after, false, 0};
}
Side padded(int64_t kernel, int64_t stride, int64_t both) { return padded(kernel, stride, both, both); }
Side same_side(int64_t kernel, int64_t stride, int64_t out) { return {kernel, stride, 0, 0, true, out}; }

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

Geometry conv_geometry(const Sides &sides, const Shape &in, int64_t channels) {
  Geometry g;
  g.window = {conv_axis(sides.t, in.t), conv_axis(sides.h, in.h), conv_axis(sides.w, in.w)};
  g.out = g.window.out(in, channels);
  g.filters = filter_shape(g.window, in.c, channels);
  return g;
}

Geometry deconv_geometry(const Sides &sides, const Shape &in, int64_t channels) {
  const auto t = deconv_axis(sides.t, in.t), h = deconv_axis(sides.h, in.h), w = deconv_axis(sides.w, in.w);
  Geometry g;
  g.window = {t.first, h.first, w.first};
  g.out = {in.n, t.second, h.second, w.second, channels};
  g.filters = filter_shape(g.window, channels, in.c);
  if (g.window.out(g.out, in.c) != in)
    throw std::invalid_argument("a deconvolution from " + in.str() + " to " + g.out.str() + " does not exist");
  return g;
}

}  // namespace coopnets
