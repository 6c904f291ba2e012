#include <stdexcept>

#include "autodiff/ops.h"

namespace coopnets {

namespace {

class Conv final : public Op {
 public:
  Conv(const Window &window, Activation activation) : window_(window), activation_(activation) {}

  // y = a(conv(x, w) + b)
  void forward(Backend &backend, const std::vector<ConstView> &in, View y) override {
    backend.conv_forward(in[0], in[1], window_, {in[2], activation_}, y);
  }

  // v = conv(x, w) + b, y = a(v); conv is linear in x and in w, so each gradient is its adjoint applied to dv; b is
  // added at every position, so db sums dv over them.
  Activation activation() const override { return activation_; }
  void backward(Backend &backend, const std::vector<ConstView> &in, View dv, const Derivative &derivative,
                const std::vector<View> &d_in) override {
    if (d_in[2].data) backend.bias_backward(dv, d_in[2]);
    if (d_in[1].data) backend.conv_backward_filter(in[0], dv, window_, d_in[1]);
    if (d_in[0].data) backend.conv_backward_input(dv, in[1], window_, {{}, {}, derivative}, d_in[0]);
  }
  bool backward_multiplies() const override { return true; }
  bool backward_reads_input(size_t i, const std::vector<bool> &asked) const override {
    return (i == 0 && asked[1]) || (i == 1 && asked[0]);
  }

 private:
  Window window_;
  Activation activation_;
};

}  // namespace

Variable conv(Tape &tape, Variable x, Variable filters, Variable bias, const Window &window, Activation activation) {
  const Shape &xs = tape.shape(x), &ws = tape.shape(filters);
  if (ws != filter_shape(window, xs.c, ws.c) || (bias.id >= 0 && tape.shape(bias) != Shape{1, 1, 1, 1, ws.c}))
    throw std::invalid_argument("conv: filters " + ws.str() + " do not fit an input of " + xs.str());
  return tape.record(std::make_unique<Conv>(window, activation), {x, filters, bias}, window.out(xs, ws.c));
}

}  // namespace coopnets
