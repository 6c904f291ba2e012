#include "learning/pass.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

Pass::Pass(Network &net, const std::vector<View> &inputs, Statistics statistics, Arena &values, Arena &gradients,
           const std::vector<Wrt> &wanted)
    : net_(net), tape_(net.backend(), values, gradients) {
  for (const View &x : inputs) inputs_.push_back(tape_.leaf(x));
  use_ = net.record(tape_, inputs_, statistics);
  for (const Variable y : use_->outputs) tape_.keep(y);
  for (const Wrt wrt : wanted) {
    std::vector<Variable> leaves;
    if (wrt != Wrt::parameters) leaves = inputs_;
    if (wrt != Wrt::inputs) leaves.insert(leaves.end(), use_->parameters.begin(), use_->parameters.end());
    sweeps_[int(wrt)] = &tape_.gradient(use_->outputs, leaves);
  }
  tape_.plan();
}

Tape::Gradient *Pass::gradient_of(Wrt wrt) const {
  Tape::Gradient *const g = sweeps_[int(wrt)] ? sweeps_[int(wrt)] : sweeps_[int(Wrt::both)];
  if (!g) throw std::logic_error("a gradient that the pass was not made for");
  return g;
}

View Pass::seed(Wrt wrt, size_t k) const { return tape_.seed(*gradient_of(wrt), k); }

void Pass::fill_seed(Wrt wrt, real weight, int64_t first, int64_t count) {
  for (size_t k = 0; k < outputs(); ++k) tape_.backend().fill(seed(wrt, k).examples(first, count), weight);
}

View Pass::gradient(Wrt wrt, size_t i) const {
  return tape_.of(*gradient_of(wrt), (wrt == Wrt::inputs ? inputs_ : use_->parameters).at(i));
}

// Each input draws from a counter of its own.
void langevin(Pass &f, int64_t steps, const LangevinStep &step, const std::function<void(int64_t k)> &seed,
              int64_t cold, const std::function<void(int64_t k, const LangevinStep &)> &before) {
  LangevinStep now = step;
  for (int64_t k = 0; k < steps; ++k) {
    if (k >= steps - cold) now.noise = 0;
    f.forward();
    seed(k);
    f.backward(Wrt::inputs);
    if (before) before(k, now);
    for (size_t i = 0; i < f.inputs(); ++i) {
      now.index = k * int64_t(f.inputs()) + int64_t(i);
      f.net().backend().langevin(f.input(i), f.gradient(Wrt::inputs, i), now);
    }
  }
}

}  // namespace coopnets
