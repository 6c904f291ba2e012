#include <stdexcept>

#include "autodiff/ops.h"

namespace coopnets {

namespace {

// What batch normalisation in both modes has in common. Inputs: x, scale, shift.
class Normalise : public Op {
 public:
  Activation activation() const override { return activation_; }
  bool backward_reads_input(size_t i, const std::vector<bool> &) const override { return i < 2; }
  bool backward_in_place() const override { return true; }

 protected:
  Normalise(Backend &backend, int64_t channels, real epsilon, Activation activation)
      : epsilon_(epsilon), activation_(activation), spare_(backend, {2, 1, 1, 1, channels}) {}

  // The kernels always write the gradients of scale and shift; where these are not asked, to memory that nobody reads.
  View d_scale(const std::vector<View> &d_in) { return d_in[1].data ? d_in[1] : View(spare_).examples(0, 1); }
  View d_shift(const std::vector<View> &d_in) { return d_in[2].data ? d_in[2] : View(spare_).examples(1, 1); }

  real epsilon_;
  Activation activation_;

 private:
  Tensor spare_;
};

class BatchNorm final : public Normalise {
 public:
  BatchNorm(Backend &backend, int64_t channels, real epsilon, Activation activation, BatchStatistics &statistics)
      : Normalise(backend, channels, epsilon, activation), statistics_(statistics) {}

  // y = a(scale (x - m) r + shift), r = 1/sqrt(v + epsilon), m and v the batch's own
  void forward(Backend &backend, const std::vector<ConstView> &in, View y) override {
    backend.batch_norm_forward(in[0], in[1], in[2], epsilon_, activation_, y, statistics_.mean,
                               statistics_.inverse_deviation);
  }

  // m and v depend on every x, whence the two correction terms of dx (backend.h).
  void backward(Backend &backend, const std::vector<ConstView> &in, View dv, const Derivative &,
                const std::vector<View> &d_in) override {
    backend.batch_norm_backward(in[0], dv, in[1], statistics_.mean, statistics_.inverse_deviation, d_in[0],
                                d_scale(d_in), d_shift(d_in));
  }

 private:
  BatchStatistics &statistics_;
};

class BatchNormInference final : public Normalise {
 public:
  BatchNormInference(Backend &backend, ConstView mean, ConstView variance, real epsilon, Activation activation)
      : Normalise(backend, mean.shape.c, epsilon, activation), mean_(mean), variance_(variance) {}

  // y = a(scale (x - m)/sqrt(v + epsilon) + shift) with constants m, v
  void forward(Backend &backend, const std::vector<ConstView> &in, View y) override {
    backend.batch_norm_inference(in[0], in[1], in[2], mean_, variance_, epsilon_, activation_, y);
  }

  // dx = scale/sqrt(v + epsilon) dv: the statistics do not depend on x here.
  void backward(Backend &backend, const std::vector<ConstView> &in, View dv, const Derivative &,
                const std::vector<View> &d_in) override {
    backend.batch_norm_inference_backward(in[0], dv, in[1], mean_, variance_, epsilon_, d_in[0], d_scale(d_in),
                                          d_shift(d_in));
  }

 private:
  ConstView mean_, variance_;
};

void check(const Tape &tape, Variable x, Variable scale, Variable shift) {
  const Shape channels{1, 1, 1, 1, tape.shape(x).c};
  if (tape.shape(scale) != channels || tape.shape(shift) != channels)
    throw std::invalid_argument("batch_norm: scale and shift must have one number a channel of " + tape.shape(x).str());
}

}  // namespace

Variable batch_norm(Tape &tape, Variable x, Variable scale, Variable shift, real epsilon, Activation activation,
                    BatchStatistics &statistics) {
  check(tape, x, scale, shift);
  return tape.record(std::make_unique<BatchNorm>(tape.backend(), tape.shape(x).c, epsilon, activation, statistics),
                     {x, scale, shift}, tape.shape(x));
}

Variable batch_norm_inference(Tape &tape, Variable x, Variable scale, Variable shift, ConstView mean,
                              ConstView variance, real epsilon, Activation activation) {
  check(tape, x, scale, shift);
  return tape.record(std::make_unique<BatchNormInference>(tape.backend(), mean, variance, epsilon, activation),
                     {x, scale, shift}, tape.shape(x));
}

}  // namespace coopnets
