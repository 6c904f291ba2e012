#include "tensor/checks.h"

#include <stdexcept>

namespace coopnets {

void require_groups(const Shape &x, int64_t groups) {
  if (groups < 1 || x.example() < 1 || x.c % groups != 0)
    throw std::invalid_argument("group norm: " + x.str() + " has not " + std::to_string(groups) +
                                " equal groups of channels");
}

void require_sides(const Shape &w, const Shape &u, const Shape &v) {
  require_same(u, {1, 1, 1, 1, w.c}, "spectral norm: u, the columns of the filters");
  require_same(v, {1, 1, 1, 1, w.positions()}, "spectral norm: v, the rows of the filters");
}

void require_per_channel(const Shape &x, const Shape &parameter) {
  if (x.c < 1 || (parameter != Shape{1, 1, 1, 1, x.c} && parameter != Shape{x.n, 1, 1, 1, x.c}))
    throw std::invalid_argument("modulate: " + parameter.str() + " is no number a channel of " + x.str());
}

void check_spectral_norm_forward(ConstView w, ConstView u, ConstView v, ConstView y, ConstView sigma) {
  require_sides(w.shape, u.shape, v.shape);
  require_same(w.shape, y.shape, "spectral norm: what it gives");
  require_same(sigma.shape, {}, "spectral norm: sigma");
}

void check_spectral_norm_backward(ConstView w, ConstView dy, ConstView u, ConstView v, ConstView sigma, ConstView dw) {
  require_sides(w.shape, u.shape, v.shape);
  require_same(w.shape, dy.shape, "spectral norm: gradient");
  require_same(w.shape, dw.shape, "spectral norm: input gradient");
  require_same(sigma.shape, {}, "spectral norm: sigma");
}

void check_group_norm_forward(ConstView x, int64_t groups, ConstView y, ConstView inverse_deviation) {
  require_groups(x.shape, groups);
  require_same(x.shape, y.shape, "group norm");
  require_same(inverse_deviation.shape, {x.shape.n, 1, 1, 1, groups}, "group norm: deviation");
}

void check_group_norm_backward(ConstView y, ConstView dy, ConstView inverse_deviation, ConstView dx) {
  const int64_t groups = inverse_deviation.shape.c;
  require_groups(y.shape, groups);
  require_same(inverse_deviation.shape, {y.shape.n, 1, 1, 1, groups}, "group norm: deviation");
  require_same(y.shape, dy.shape, "group norm: gradient");
  require_same(y.shape, dx.shape, "group norm: input gradient");
}

void check_modulate_forward(ConstView x, ConstView scale, ConstView shift, ConstView y) {
  require(scale.data || shift.data, "modulate: neither a scale nor a shift is given");
  for (const ConstView &parameter : {scale, shift})
    if (parameter.data) require_per_channel(x.shape, parameter.shape);
  require_same(x.shape, y.shape, "modulate");
}

void check_modulate_backward(ConstView x, ConstView scale, ConstView dy, ConstView dx, ConstView d_scale,
                             ConstView d_shift) {
  for (const ConstView &parameter : {scale, d_scale, d_shift})
    if (parameter.data) require_per_channel(x.shape, parameter.shape);
  if (scale.data && d_scale.data) require_same(scale.shape, d_scale.shape, "modulate: gradient of the scale");
  require_same(x.shape, dy.shape, "modulate: gradient");
  if (dx.data) require_same(x.shape, dx.shape, "modulate: input gradient");
}

}  // namespace coopnets
