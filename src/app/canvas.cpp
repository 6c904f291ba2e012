#include "app/canvas.h"

#include <algorithm>

#include "experiments/model.h"

namespace coopnets {

namespace {
constexpr int64_t margin = 4;  // latent cells on each side
}  // namespace

Canvas Canvas::within(const Shape &example, int64_t border) {
  Canvas canvas{{}, example.with_n(1)};
  if (example.t > 1) {
    canvas.first = border;
    canvas.wanted.t -= 2 * border;
    return canvas;
  }
  canvas.top = canvas.left = border;
  canvas.wanted.h -= 2 * border;
  canvas.wanted.w -= 2 * border;
  return canvas;
}

Canvas Canvas::middle(const Shape &clip, int64_t frames) {
  require(frames <= clip.t, "a clip has no middle that is longer than itself");
  Canvas canvas{{}, clip.with_n(1)};
  canvas.wanted.t = frames;
  canvas.first = (clip.t - frames) / 2;
  return canvas;
}

Canvas Canvas::of(const Experiment &experiment, const Settings &s) {
  Canvas canvas = within(example_shape(experiment, s), s.border);
  canvas.latent = latent_shapes(s);
  return canvas;
}

Canvas Canvas::unpadded(const Experiment &experiment, const Settings &s, int64_t height, int64_t width) {
  Canvas canvas = of(experiment, s);
  canvas.wanted.h = height;
  canvas.wanted.w = width;
  const auto latent_of = [&](int64_t side) {
    Settings other = s;
    other.size = std::max(side, s.size);
    return latent_shapes(other);
  };
  canvas.latent = latent_of(height);
  const std::vector<Shape> across = latent_of(width);
  for (size_t i = 0; i < across.size(); ++i) canvas.latent[i].w = across[i].w;
  return canvas;
}

Canvas Canvas::of_size(const Shape &latent, const Shape &example, int64_t height, int64_t width) {
  const int64_t cell = example.h / latent.h;  // pixels of a latent cell's side
  const auto cells = [cell](int64_t side) { return (side + cell - 1) / cell + 2 * margin; };
  Canvas canvas{{latent}, example};
  canvas.wanted.h = height;
  canvas.wanted.w = width;
  Shape &array = canvas.latent[0];
  array.h = cells(height);
  array.w = cells(width);
  canvas.top = (array.h * cell - height) / 2;
  canvas.left = (array.w * cell - width) / 2;
  return canvas;
}

std::vector<real> Canvas::cut(const std::vector<real> &values, const Shape &shape, int64_t count) const {
  if (shape.with_n(1) == wanted.with_n(1)) return values;
  std::vector<real> out;
  out.reserve(count * wanted.example());
  for (int64_t n = 0; n < count; ++n)
    for (int64_t t = first; t < first + wanted.t; ++t)
      for (int64_t h = 0; h < wanted.h; ++h) {
        const auto row = values.begin() + (((n * shape.t + t) * shape.h + top + h) * shape.w + left) * shape.c;
        out.insert(out.end(), row, row + wanted.w * wanted.c);
      }
  return out;
}

}  // namespace coopnets
