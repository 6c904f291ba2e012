// Densities of points in the plane that are known in closed form, so that what a model makes of them can be measured.
// All points lie in the square (-1, 1)^2.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/shape.h"

namespace coopnets {

//   checkerboard     uniform on eight of the 4 x 4 fields of the square
//   rings            circles of radius 0.35 and 0.7, equally dense, with normal noise of deviation 0.04 in the radius
//   eight-gaussians  normal distributions of deviation 0.055 at equal distances on a circle of radius 0.6
const std::vector<std::string> &density_names();

// Points [first, first + count) of the endless sequence that belongs to the seed, [count, 2].
std::vector<real> draw_points(const std::string &density, int64_t first, int64_t count, uint64_t seed);

// ln p at (x, y); minus infinity where there are no points.
double log_density(const std::string &density, double x, double y);

// Both throw std::invalid_argument where there is no density of that name.

}  // namespace coopnets
