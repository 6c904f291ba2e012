#pragma once
#include <functional>
#include <vector>

namespace coopnets {

// Returns f(x) and writes its gradient; f may be infinite where it is not defined, which ends a step there.
using Objective = std::function<double(const std::vector<double> &x, std::vector<double> &gradient)>;

// Up to `steps` steps of scaled conjugate gradients from x (Moller: A scaled conjugate gradient algorithm for fast
// supervised learning, 1993). Returns f at the new x, which is never above f at the old one. f(x) must be finite at the
// start.
double scaled_conjugate_gradients(const Objective &f, std::vector<double> &x, int steps);

}  // namespace coopnets
