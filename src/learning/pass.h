// A net on a tape of its own: what the algorithms of this folder are written with.
#pragma once
#include "nets/network.h"

namespace coopnets {

enum class Wrt { inputs, parameters, both };  // what gradients are taken with respect to

class Pass {
 public:
  // Reads its inputs from memory that somebody else owns. Values lie in one arena and gradients in another, or the same:
  // see Tape. `wanted` says which sweeps there are; one of both gives the gradients of both. Gradients with respect to
  // inputs are taken of the first `moved` alone, the others being given. Throws std::invalid_argument where there are
  // fewer.
  Pass(Network &, const std::vector<View> &inputs, Statistics, Arena &values, Arena &gradients,
       const std::vector<Wrt> &wanted, size_t moved = all_inputs);
  static constexpr size_t all_inputs = size_t(-1);

  void forward() {
    tape_.forward();
    count();
  }
  // Only what backward(wrt) reads; outputs and layers are undefined then.
  void forward_for(Wrt wrt) {
    tape_.forward_for(*gradient_of(wrt));
    count();
  }
  size_t outputs() const { return use_->outputs.size(); }
  View output(size_t k = 0) const { return tape_.value(use_->outputs.at(k)); }
  View input(size_t i = 0) const { return tape_.value(inputs_.at(i)); }
  size_t inputs() const { return inputs_.size(); }
  size_t moved() const { return moved_; }
  size_t layers() const { return use_->layers.size(); }
  View layer(size_t i) const { return tape_.value(use_->layers.at(i)); }  // until backward()

  // The gradient of a scalar with respect to output k: to be filled before backward(), which may overwrite it.
  View seed(Wrt, size_t k = 0) const;
  // That of the scalar `weight` * (sum of the elements of all outputs of these examples).
  void fill_seed(Wrt, real weight, int64_t first, int64_t count);
  void fill_seed(Wrt wrt, real weight) { fill_seed(wrt, weight, 0, output().shape.n); }
  void backward(Wrt wrt) {
    tape_.backward(*gradient_of(wrt));
    count();
  }
  // With respect to moved input or parameter i, after backward().
  View gradient(Wrt, size_t i = 0) const;

  void track() { net_.track(*use_); }  // the batch that forward() saw into the running statistics
  Network &net() const { return net_; }
  size_t bytes_unplanned() const { return tape_.bytes_unplanned(); }

  // For measurements: from now on what the pass computes runs inside `observer`, and so does work beside it on the
  // numbers of its net, so many of which are read and written.
  void watch(const Observer &observer) { tape_.watch(observer); }
  template <class Run>
  void beside(const char *what, int64_t elements, const Run &run) const {
    if (!tape_.observer()) return run();
    tape_.observer()({what, net_.name(), 0, double(elements) * sizeof(real)}, run);
  }

 private:
  void count() const { net_.backend().count_passes(tape_.shape(inputs_.at(0)).n); }
  Tape::Gradient *gradient_of(Wrt) const;
  Network &net_;
  Tape tape_;
  std::vector<Variable> inputs_;
  size_t moved_;
  std::unique_ptr<Network::Use> use_;
  Tape::Gradient *sweeps_[3] = {};  // by Wrt
};

// Langevin dynamics on the moved inputs of a net whose log-density is a function of its outputs,
//   x <- x - (d^2/2) ((x - mean)/s^2 - gradient) + n N(0, I),
// `steps` times, n = 0 in the last `cold` of them. After each forward pass seed(k) fills pass.seed(Wrt::inputs) with the
// log-density's gradient; `before` is told of the step where its gradient is known, before it is taken. Where `reads` is
// given, seed(k) and before(k) read outputs of the pass in those steps alone of which it is true: in the others what the
// gradient does not need is not computed.
void langevin(Pass &, int64_t steps, const LangevinStep &, const std::function<void(int64_t k)> &seed, int64_t cold = 0,
              const std::function<void(int64_t k, const LangevinStep &)> &before = {},
              const std::function<bool(int64_t k)> &reads = {});

// The same where chains differ in their step: the examples are divided, in their order, among `parts`, of `counts`
// examples each, such as several noise levels side by side in one batch. Each part draws noise of its own, and its mean
// is of its own examples alone. Throws std::invalid_argument where the examples cannot be so divided.
void langevin(Pass &, int64_t steps, const std::vector<LangevinStep> &parts, const std::vector<int64_t> &counts,
              const std::function<void(int64_t k)> &seed, int64_t cold = 0,
              const std::function<void(int64_t k, const std::vector<LangevinStep> &)> &before = {},
              const std::function<bool(int64_t k)> &reads = {});

// The same where move(k) moves the inputs, the gradient being known.
void langevin(Pass &, int64_t steps, const std::function<void(int64_t k)> &seed,
              const std::function<void(int64_t k)> &move, const std::function<bool(int64_t k)> &reads = {});

}  // namespace coopnets
