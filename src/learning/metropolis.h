// Langevin steps checked as physics: what a Metropolis-Hastings test would say of one. Measured, never applied.
#pragma once
#include "learning/pass.h"

namespace coopnets {

// The test of a step x -> x' under p(x)^(1/T), p(x) ~ exp(f(x) - |x - r|^2/(2 s^2)), r the step's reference mean and
// T = (n/d)^2 (Roberts & Tweedie 1996):
//   ln a = (ln p(x') - ln p(x)) / T + (|x' - m(x)|^2 - |x - m(x')|^2) / (2 n^2),
//   m(x) = x - (d^2/2) ((x - r)/s^2 - df/dx).
// Near 1 where steps are short for the landscape that they cross, 0 where they leap over it.
class MetropolisTest {
 public:
  // Of `tested` of the chains x from number `first` on, whose f is the sum of so many outputs. The step's reference mean
  // is that of these and of chains after them. With several ranks it is of the first so many chains of all, of which
  // those in x are this rank's share.
  MetropolisTest(Backend &, ConstView x, int64_t tested, int outputs, int64_t first = 0);
  MetropolisTest(Backend &, ConstView x, int64_t tested, int outputs, int64_t first, Share share);
  static int slots(int64_t tested, int outputs) { return int(tested) * per_chain(outputs); }

  // Recorded with the chain, where f and df/dx are known: before the step, and before the one after it. Writes into
  // slots() of these from `first` on.
  void before(const Pass &f, const LangevinStep &, Readings &, int first);
  void after(const Pass &f, const LangevinStep &, Readings &, int first);
  // The mean acceptance of the chains, from the slots' values.
  double acceptance(const double *slots, const LangevinStep &) const;

 private:
  // Of each chain: f at x and x' by outputs, |x - r|^2, |x' - r|^2, |x' - m(x)|^2, |x - m(x')|^2.
  static int per_chain(int outputs) { return 2 * outputs + 4; }
  int per_chain() const { return per_chain(outputs_); }
  void measure(const Pass &f, const LangevinStep &, int at, Readings &, int first);
  void step_without_noise(const Pass &f, const LangevinStep &, View to);

  View of_tested(View all) const { return all.examples(first_, own_); }
  int first_slot(int first) const { return first + int(before_) * per_chain(); }

  Backend &backend_;
  int64_t first_, tested_;
  int64_t before_, own_;  // tested by the ranks before this one, and by this one
  int outputs_;
  Tensor x_, drifted_, zero_;  // x, m(x) or m(x'), 0
};

}  // namespace coopnets
