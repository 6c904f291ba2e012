// The density of a descriptor, p(x) = exp(f(x)) q(x) / Z with q = N(0, s^2 I).
#pragma once
#include "nets/network.h"

namespace coopnets {

// f(x) - |x|^2 / (2 s^2) of examples [count, ...]: ln p but for a constant. Throws std::invalid_argument where these are
// no whole examples.
std::vector<double> log_density(Network &descriptor, double reference_deviation, const std::vector<real> &examples);

}  // namespace coopnets
