// What kernels of every backend, and the ops above them, ask of their tensors. Each throws std::invalid_argument.
#pragma once
#include "tensor/backend.h"

namespace coopnets {

// The channels of x fall into so many equal groups, none of which is without elements.
void require_groups(const Shape &x, int64_t groups);
// u has the columns of the matrix w, v its rows.
void require_sides(const Shape &w, const Shape &u, const Shape &v);
// A number a channel, of each example of x or of all: [N,1,1,1,C] or [1,1,1,1,C].
void require_per_channel(const Shape &x, const Shape &parameter);

// The arguments of tensor/backend.h.
void check_spectral_norm_forward(ConstView w, ConstView u, ConstView v, ConstView y, ConstView sigma);
void check_spectral_norm_backward(ConstView w, ConstView dy, ConstView u, ConstView v, ConstView sigma, ConstView dw);
void check_group_norm_forward(ConstView x, int64_t groups, ConstView y, ConstView inverse_deviation);
void check_group_norm_backward(ConstView y, ConstView dy, ConstView inverse_deviation, ConstView dx);
void check_modulate_forward(ConstView x, ConstView scale, ConstView shift, ConstView y);
void check_modulate_backward(ConstView x, ConstView scale, ConstView dy, ConstView dx, ConstView d_scale,
                             ConstView d_shift);

}  // namespace coopnets
