// Reductions that other kernels use on their way.
#pragma once
#include "cpu/cpu_backend.h"

namespace coopnets {
double largest_magnitude(CpuBackend &, ConstView x);  // max |x|; NaN if any element is NaN
}
