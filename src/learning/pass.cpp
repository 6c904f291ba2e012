#include "learning/pass.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace coopnets {

Pass::Pass(Network &net, const std::vector<View> &inputs, Statistics statistics, Arena &values, Arena &gradients,
           const std::vector<Wrt> &wanted, size_t moved)
    : net_(net), tape_(net.backend(), values, gradients), moved_(std::min(moved, inputs.size())) {
  require(moved == all_inputs || moved <= inputs.size(), "the net has fewer inputs than are to be moved");
  for (const View &x : inputs) inputs_.push_back(tape_.leaf(x));
  use_ = net.record(tape_, inputs_, statistics);
  for (const Variable y : use_->outputs) tape_.keep(y);
  for (const Wrt wrt : wanted) {
    std::vector<Variable> leaves;
    if (wrt != Wrt::parameters) leaves.assign(inputs_.begin(), inputs_.begin() + int64_t(moved_));
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
  if (wrt == Wrt::inputs && i >= moved_) throw std::logic_error("a gradient with respect to an input that is given");
  return tape_.of(*gradient_of(wrt), (wrt == Wrt::inputs ? inputs_ : use_->parameters).at(i));
}

void langevin(Pass &f, int64_t steps, const LangevinStep &step, const std::function<void(int64_t k)> &seed,
              int64_t cold, const std::function<void(int64_t k, const LangevinStep &)> &before,
              const std::function<bool(int64_t k)> &reads) {
  std::function<void(int64_t, const std::vector<LangevinStep> &)> before_all;
  if (before) before_all = [&](int64_t k, const std::vector<LangevinStep> &parts) { before(k, parts[0]); };
  langevin(f, steps, std::vector<LangevinStep>{step}, {f.input().shape.n}, seed, cold, before_all, reads);
}

namespace {

// Each moved input and each part of it draws from a counter of its own.
void move_inputs(Pass &f, int64_t k, const std::vector<LangevinStep> &parts, const std::vector<int64_t> &counts) {
  const int64_t count = int64_t(parts.size());
  for (size_t i = 0; i < f.moved(); ++i) {
    const View x = f.input(i), gradient = f.gradient(Wrt::inputs, i);
    int64_t first = 0;
    for (int64_t part = 0; part < count; first += counts[size_t(part++)]) {
      const int64_t own = counts[size_t(part)];
      LangevinStep now = parts[size_t(part)];
      now.index = (k * int64_t(f.moved()) + int64_t(i)) * count + part;
      if (own > 0) f.net().backend().langevin(x.examples(first, own), gradient.examples(first, own), now);
    }
  }
}

}  // namespace

void langevin(Pass &f, int64_t steps, const std::vector<LangevinStep> &parts, const std::vector<int64_t> &counts,
              const std::function<void(int64_t k)> &seed, int64_t cold,
              const std::function<void(int64_t k, const std::vector<LangevinStep> &)> &before,
              const std::function<bool(int64_t k)> &reads) {
  require(!parts.empty() && parts.size() == counts.size(), "each chain needs a step");
  const int64_t chains = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  int64_t elements = 0;
  for (size_t i = 0; i < f.moved(); ++i) {
    require(f.input(i).shape.n == chains, "steps for another number of chains");
    elements += f.input(i).shape.size();
  }
  std::vector<LangevinStep> now = parts;
  const auto move = [&](int64_t k) {
    if (k >= steps - cold)
      for (LangevinStep &step : now) step.noise = 0;
    if (before) before(k, now);
    f.beside("Langevin step", 3 * elements,
             [&] { move_inputs(f, k, now, counts); });  // x and df/dx are read, x is written
  };
  langevin(f, steps, seed, move, reads);
}

void langevin(Pass &f, int64_t steps, const std::function<void(int64_t k)> &seed,
              const std::function<void(int64_t k)> &move, const std::function<bool(int64_t k)> &reads) {
  for (int64_t k = 0; k < steps; ++k) {
    if (!reads || reads(k))
      f.forward();
    else
      f.forward_for(Wrt::inputs);
    seed(k);
    f.backward(Wrt::inputs);
    move(k);
  }
}

}  // namespace coopnets
