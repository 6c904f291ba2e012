#include "cpu/cpu_backend.h"
#include "cpu/noise.h"

namespace coopnets {

// One pass: reads x and the gradient, writes x; the noise never touches memory.
void CpuBackend::langevin(View x, ConstView gradient, const LangevinStep &step) {
  require_same(x.shape, gradient.shape, "langevin: gradient");
  const real *mean = step.reference_mean.data;
  if (mean) require_same(x.shape, step.reference_mean.shape, "langevin: reference mean");
  const real d = step.step, half = d * d / 2, pull = 1 / (step.reference_deviation * step.reference_deviation);
  const real deviation = step.noise;
  const auto move = [&](const auto &mean_of) {
    const auto drifted = [=](int64_t i) {
      return x.data[i] - half * (pull * (x.data[i] - mean_of(i)) - gradient.data[i]);
    };
    if (deviation != 0)
      for_elements_with_noise(threads_, x.shape, step.key, clock_.iteration, step.index,
                              [=](int64_t i, real n) { x.data[i] = drifted(i) + deviation * n; });
    else
      for_elements(threads_, x.shape.size(), [=](int64_t i) { x.data[i] = drifted(i); });
  };
  if (mean)
    move([=](int64_t i) { return mean[i]; });
  else
    move([](int64_t) { return real(0); });
}

}  // namespace coopnets
