#include "cpu/cpu_backend.h"
#include "cpu/noise.h"

namespace coopnets {

// One pass: reads x and the gradient, writes x; the noise never touches memory.
void CpuBackend::langevin(View x, ConstView gradient, const LangevinStep &step) {
  require_same(x.shape, gradient.shape, "langevin: gradient");
  const real d = step.step, half = d * d / 2, pull = 1 / (step.reference_deviation * step.reference_deviation);
  const real deviation = step.noise;
  const auto drifted = [=](int64_t i) { return x.data[i] - half * (pull * x.data[i] - gradient.data[i]); };
  if (deviation != 0)
    for_elements_with_noise(threads_, x.shape.size(), step.key, clock_.iteration, step.index,
                            [=](int64_t i, real n) { x.data[i] = drifted(i) + deviation * n; });
  else
    for_elements(threads_, x.shape.size(), [=](int64_t i) { x.data[i] = drifted(i); });
}

}  // namespace coopnets
