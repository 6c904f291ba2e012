// Which of the levels that this folder was built for runs. A native build has one, a portable one for x86-64 (NATIVE=0)
// three: tools/join_objects makes one object of all files but this for AVX2 and one for AVX-512. What is asked of the
// processor here is what they are compiled for there.
#include "cpu/cpu.h"

#include <type_traits>

namespace coopnets {

extern "C" {
extern const CpuLevel coopnets_cpu_first, coopnets_cpu_avx2, coopnets_cpu_avx512;
}

std::vector<CpuLevel> cpu_levels() {
  std::vector<CpuLevel> levels = {coopnets_cpu_first};
#ifdef COOPNETS_CPU_LEVELS
  // These ask the system too, whether it saves the registers.
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return levels;
  levels.push_back(coopnets_cpu_avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    levels.push_back(coopnets_cpu_avx512);
#endif
  return levels;
}

namespace {

const CpuLevel &fastest() {
  static const CpuLevel level = cpu_levels().back();
  return level;
}

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(int threads) { return fastest().make_backend(threads); }

double cpu_multiply_adds(int threads) { return fastest().multiply_adds(threads); }

std::vector<ConvStair> conv_staircase() { return fastest().conv_staircase(); }

template <typename T>
void gemm(int64_t m, int64_t n, int64_t depth, Strided<T> a, Strided<T> b, double *c, int64_t c_stride) {
  if constexpr (std::is_same_v<T, float>)
    fastest().gemm_of_floats(m, n, depth, a, b, c, c_stride);
  else
    fastest().gemm_of_doubles(m, n, depth, a, b, c, c_stride);
}
template void gemm<float>(int64_t, int64_t, int64_t, Strided<float>, Strided<float>, double *, int64_t);
template void gemm<double>(int64_t, int64_t, int64_t, Strided<double>, Strided<double>, double *, int64_t);

}  // namespace coopnets
