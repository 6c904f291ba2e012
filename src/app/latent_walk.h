// Walks between latent vectors.
#pragma once
#include <vector>

#include "tensor/shape.h"

namespace coopnets {

// The point at t in [0, 1] on the line from a to b.
std::vector<real> on_line(const std::vector<real> &a, const std::vector<real> &b, double t);

// The point at t on the great circle through a and b: its direction turns evenly from that of a to that of b, its length
// changes evenly from |a| to |b|. Vectors of many normal numbers lie near a sphere, which a line would leave. Opposite
// vectors have no circle of their own, nor has a zero: on_line().
std::vector<real> on_sphere(const std::vector<real> &a, const std::vector<real> &b, double t);

}  // namespace coopnets
