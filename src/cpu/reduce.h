// Reductions that other kernels use on their way.
#pragma once
#include "cpu/cpu_backend.h"

namespace coopnets {

double largest_magnitude(CpuBackend &, ConstView x);           // max |x|; NaN if any element is NaN
double inner_product(CpuBackend &, ConstView a, ConstView b);  // <a, b>, of equal shapes
void write(Readings &, int slot, double value);                // throws std::invalid_argument unless there is the slot

// The same of one thread.
inline double dot(const real *a, const real *b, int64_t size) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < size; ++i) sum += double(a[i]) * double(b[i]);
  return sum;
}

}  // namespace coopnets
