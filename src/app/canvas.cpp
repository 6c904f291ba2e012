#include "app/canvas.h"

namespace coopnets {

namespace {
constexpr int64_t margin = 4;  // latent cells on each side
}

Canvas Canvas::of_size(const Shape &latent, const Shape &example, int64_t height, int64_t width) {
  const int64_t cell = example.h / latent.h;  // pixels of a latent cell's side
  const auto cells = [cell](int64_t side) { return (side + cell - 1) / cell + 2 * margin; };
  Canvas canvas{latent, example};
  canvas.wanted.h = height;
  canvas.wanted.w = width;
  canvas.latent.h = cells(height);
  canvas.latent.w = cells(width);
  canvas.top = (canvas.latent.h * cell - height) / 2;
  canvas.left = (canvas.latent.w * cell - width) / 2;
  return canvas;
}

std::vector<real> Canvas::cut(const std::vector<real> &values, const Shape &shape, int64_t count) const {
  if (shape.with_n(1) == wanted.with_n(1)) return values;
  std::vector<real> out;
  out.reserve(count * wanted.example());
  for (int64_t n = 0; n < count; ++n)
    for (int64_t t = 0; t < wanted.t; ++t)
      for (int64_t h = 0; h < wanted.h; ++h) {
        const auto row = values.begin() + (((n * shape.t + t) * shape.h + top + h) * shape.w + left) * shape.c;
        out.insert(out.end(), row, row + wanted.w * wanted.c);
      }
  return out;
}

}  // namespace coopnets
