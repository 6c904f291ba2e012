#include <stdexcept>

#include "autodiff/ops.h"

namespace coopnets {

namespace {

class Deconv final : public Op {
 public:
  Deconv(const Window &window, Activation activation) : window_(window), activation_(activation) {}

  // y = a(conv^T(x, w) + b), conv^T being the adjoint of u -> conv(u, w)
  void forward(Backend &backend, const std::vector<ConstView> &in, View y) override {
    backend.conv_backward_input(in[0], in[1], window_, {in[2], activation_}, y);
  }

  // v = conv^T(x, w) + b, y = a(v). The adjoint of conv^T is conv itself, so dx = conv(dv, w); and <dv, conv^T(x, w)> =
  // <conv(dv, w), x>, whose gradient in w is that of a convolution with input dv and output gradient x.
  Activation activation() const override { return activation_; }
  void backward(Backend &backend, const std::vector<ConstView> &in, View dv, const Derivative &derivative,
                const std::vector<View> &d_in) override {
    if (d_in[2].data) backend.bias_backward(dv, d_in[2]);
    if (d_in[1].data) backend.conv_backward_filter(dv, in[0], window_, d_in[1]);
    if (d_in[0].data) backend.conv_forward(dv, in[1], window_, {{}, {}, derivative}, d_in[0]);
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

Variable deconv(Tape &tape, Variable x, Variable filters, Variable bias, const Window &window, const Shape &out,
                Activation activation) {
  const Shape &xs = tape.shape(x), &ws = tape.shape(filters);
  if (ws != filter_shape(window, out.c, xs.c) || window.out(out, xs.c) != xs ||
      (bias.id >= 0 && tape.shape(bias) != Shape{1, 1, 1, 1, out.c}))
    throw std::invalid_argument("deconv: filters " + ws.str() + " do not lead from " + xs.str() + " to " + out.str());
  return tape.record(std::make_unique<Deconv>(window, activation), {x, filters, bias}, out);
}

}  // namespace coopnets
