// Points of the plane and densities over it, drawn alike: the square [-1.2, 1.2]^2 as a picture of 384 x 384 pixels
// whose colours tell the probability of a unit of area, light for none.
#pragma once
#include <vector>

#include "data/image.h"

namespace coopnets {

// Whether examples of this shape are points: two channels at one position, which no picture has.
bool are_points(const Shape &);

// A soft dot for each of the points [count, 2], all together of probability 1. Those beyond the square are not seen.
Image plot_points(const std::vector<real> &points);

// The middles of equal cells of the square, row by row from the top, as points: 192 x 192 of them.
std::vector<real> plot_grid();
// The logarithm of the integral of exp(log_density) over the square; log_density of plot_grid().
double log_integral(const std::vector<double> &log_density);
// The density of which `log_density`, of plot_grid(), is the logarithm but for a constant, normalised on the square, as
// a height map: there is a contour line at each second whole number that the logarithm of the density passes. Throws
// std::invalid_argument for other numbers of values.
Image plot_density(const std::vector<double> &log_density);

}  // namespace coopnets
