#include "autodiff/ops.h"

namespace coopnets {

namespace {

class Activate final : public Op {
 public:
  explicit Activate(Activation activation) : activation_(activation) {}

  // y = a(x)
  void forward(Backend &backend, const std::vector<ConstView> &in, View y) override {
    backend.activation_forward(in[0], activation_, y);
  }

  // v = x, y = a(v), so dx = dv
  Activation activation() const override { return activation_; }
  void backward(Backend &backend, const std::vector<ConstView> &, View dv, const Derivative &,
                const std::vector<View> &d_in) override {
    if (d_in[0].data != dv.data) backend.copy(dv, d_in[0]);
  }
  bool backward_reads_input(size_t, const std::vector<bool> &) const override { return false; }
  bool backward_in_place() const override { return true; }

 private:
  Activation activation_;
};

}  // namespace

Variable activate(Tape &tape, Variable x, Activation activation) {
  return tape.record(std::make_unique<Activate>(activation), {x}, tape.shape(x));
}

}  // namespace coopnets
