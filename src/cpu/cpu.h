// The CPU backend: GCC vector extensions, and the threads of tensor/parallel.h.
#pragma once
#include <memory>
#include <vector>

#include "cpu/double_gemm.h"
#include "tensor/backend.h"

namespace coopnets {
// threads: 0 takes thread_count(). Results do not depend on it.
std::unique_ptr<Backend> make_cpu_backend(int threads);

// For measurements: some milliseconds of multiply-adds in registers, on so many threads. Returns how many, times 2.
double cpu_multiply_adds(int threads);

// A way to add up a convolution, on the calling thread; the last of them on the backend's.
struct ConvStair {
  const char *name;
  void (*run)(Backend &of_cpu, ConstView x, ConstView w, const Window &, View y);
};
// From the definition to what conv_forward() runs, each meant to be faster than the one before (cpu/staircase.cpp).
std::vector<ConvStair> conv_staircase();

// Those, and gemm of cpu/double_gemm.h, as built for one kind of processor.
struct CpuLevel {
  const char *simd;  // as DeviceInfo has it, such as "AVX2"
  std::unique_ptr<Backend> (*make_backend)(int threads);
  double (*multiply_adds)(int threads);
  std::vector<ConvStair> (*conv_staircase)();
  decltype(&gemm<float>) gemm_of_floats;
  decltype(&gemm<double>) gemm_of_doubles;
};
// What this processor can run of what was built, one or more, the fastest last: that is what those functions take.
std::vector<CpuLevel> cpu_levels();
}  // namespace coopnets
