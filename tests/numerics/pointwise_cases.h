// What the tests of pointwise kernels have in common.
#pragma once
#include <limits>
#include <vector>

#include "tensor/backend.h"

namespace coopnets {

inline const double unit = std::numeric_limits<real>::epsilon();

// One element, odd sides, no multiple of a vector, more than a chunk, more than a thread's share.
inline const Shape shapes[] = {
    {1, 1, 1, 1, 1}, {2, 1, 3, 5, 3}, {5, 1, 1, 1, 17}, {1, 1, 1, 1, 8193}, {3, 1, 37, 41, 5}};

inline const Function functions[] = {Function::silu, Function::exponential, Function::log_square,
                                     Function::normal_to_uniform};

// Where activations are difficult: tiny and huge numbers, the knees, infinity.
inline std::vector<real> hard_numbers() {
  std::vector<real> v = {0,  real(1e-30), real(1e-10), real(-1e-10), real(1e-4), real(-1e-3), 60,        -60,
                         88, -88,         100,         -100,         1000,       -1000,       real(1e30)};
  for (int i = -4000; i <= 4000; ++i) v.push_back(real(i * 0.005));
  v.push_back(std::numeric_limits<real>::infinity());
  v.push_back(-std::numeric_limits<real>::infinity());
  return v;
}

}  // namespace coopnets
