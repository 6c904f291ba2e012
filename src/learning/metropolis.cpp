#include "learning/metropolis.h"

#include <algorithm>
#include <cmath>

namespace coopnets {

MetropolisTest::MetropolisTest(Backend &backend, ConstView x, int64_t tested, int outputs, int64_t first)
    : MetropolisTest(backend, x, tested, outputs, first, {0, tested}) {}

MetropolisTest::MetropolisTest(Backend &backend, ConstView x, int64_t tested, int outputs, int64_t first, Share share)
    : backend_(backend),
      first_(first),
      tested_(tested),
      before_(std::min(share.first, tested)),
      own_(std::min(share.count, tested - before_)),
      outputs_(outputs) {
  if (own_ == 0) return;
  x_ = Tensor(backend, x.shape.with_n(own_));
  drifted_ = Tensor(backend, x.shape.with_n(own_));
  zero_ = Tensor(backend, x.shape.with_n(1));
}

// f and |x - r|^2 of each chain; `at` is 0 for x and 1 for x'.
void MetropolisTest::measure(const Pass &f, const LangevinStep &step, int at, Readings &readings, int first) {
  for (int64_t i = 0; i < own_; ++i) {
    const int slot = first_slot(first) + int(i) * per_chain();
    for (int k = 0; k < outputs_; ++k)
      backend_.sum(of_tested(f.output(size_t(k))).examples(i, 1), readings, slot + at * outputs_ + k);
    const ConstView mean = step.reference_mean.data ? step.reference_mean.examples(i, 1) : zero_;
    backend_.sum_squared_difference(of_tested(f.input()).examples(i, 1), mean, readings, slot + 2 * outputs_ + at);
  }
}

void MetropolisTest::step_without_noise(const Pass &f, const LangevinStep &step, View to) {
  LangevinStep still = step;
  still.noise = 0;
  if (still.reference_mean.data) still.reference_mean = still.reference_mean.examples(0, own_);
  backend_.copy(of_tested(f.input()), to);
  backend_.langevin(to, of_tested(f.gradient(Wrt::inputs)), still);
}

void MetropolisTest::before(const Pass &f, const LangevinStep &step, Readings &readings, int first) {
  if (own_ == 0) return;
  measure(f, step, 0, readings, first);
  backend_.copy(of_tested(f.input()), x_);
  step_without_noise(f, step, drifted_);
}

void MetropolisTest::after(const Pass &f, const LangevinStep &step, Readings &readings, int first) {
  if (own_ == 0) return;
  measure(f, step, 1, readings, first);
  const auto distances = [&](View from, int which) {
    for (int64_t i = 0; i < own_; ++i)
      backend_.sum_squared_difference(from.examples(i, 1), View(drifted_).examples(i, 1), readings,
                                      first_slot(first) + int(i) * per_chain() + 2 * outputs_ + which);
  };
  distances(of_tested(f.input()), 2);
  step_without_noise(f, step, drifted_);
  distances(x_, 3);
}

double MetropolisTest::acceptance(const double *slots, const LangevinStep &step) const {
  const double d = step.step, n = step.noise, s = step.reference_deviation, temperature = n * n / (d * d);
  double sum = 0;
  for (int64_t i = 0; i < tested_; ++i, slots += per_chain()) {
    const double *const squares = slots + 2 * outputs_;
    double gain = (squares[0] - squares[1]) / (2 * s * s);
    for (int k = 0; k < outputs_; ++k) gain += slots[outputs_ + k] - slots[k];
    const double log_ratio = gain / temperature + (squares[2] - squares[3]) / (2 * n * n);
    sum += log_ratio > 0 ? 1 : std::exp(log_ratio);
  }
  return sum / double(tested_);
}

}  // namespace coopnets
