// Least squares of sparse equations whose unknowns are ordered so that each equation touches a narrow range of them.
#pragma once
#include <cstdint>
#include <vector>

#include "metrics/linear_algebra.h"

namespace coopnets {

struct Equation {
  struct Term {
    int64_t unknown;
    double factor;
  };
  std::vector<Term> terms;    // sum of factor * unknown ...
  std::vector<double> right;  // ... = right, for each of several right-hand sides
};

// X [unknowns, sides] that minimises the sum of squared errors, by Givens rotations of each equation into a triangular
// factor that keeps only its envelope. The condition number is not squared, as it would be by normal equations. Throws
// std::runtime_error when the equations do not determine all unknowns or the factor would pass 2 GiB.
Matrix sparse_least_squares(std::vector<Equation> equations, int64_t unknowns, int64_t sides);

}  // namespace coopnets
