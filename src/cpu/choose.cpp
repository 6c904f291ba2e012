// Which of the levels that this folder was built for runs. A native build has one, a portable one for x86-64 (NATIVE=0)
// three: tools/join_objects makes one object of all files but this for AVX2 and one for AVX-512. What is asked of the
// processor here is what they are compiled for there.
#include "cpu/cpu.h"

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

std::unique_ptr<Backend> make_cpu_backend(int threads) { return cpu_levels().back().make_backend(threads); }

double cpu_multiply_adds(int threads) { return cpu_levels().back().multiply_adds(threads); }

}  // namespace coopnets
