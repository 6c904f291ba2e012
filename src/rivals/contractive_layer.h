// One layer of a contractive auto-encoder with its loss on a tape.
#pragma once
#include "rivals/chain.h"

namespace coopnets {

// An auto-encoder with tied weights and a contractive penalty (Rifai et al. 2011): h = s(W'x + c), u = W h + b, and the loss
// of an example
//   sum of softplus(u) - x u  +  lambda |dh/dx|^2,   |dh/dx|^2 = sum over i of (h_i (1 - h_i))^2 |W_i|^2.
class ContractiveLayer : public TiedLayers {
 public:
  static constexpr double contraction = 0.1;  // lambda

  ContractiveLayer(Backend &backend, int64_t visible_units, int64_t hidden_units, RandomKey key, int64_t index,
                   int64_t batch, double deviation)
      : TiedLayers(backend, visible_units, hidden_units, key, index, deviation),
        x(backend, visible(batch)),
        ones_(backend, {1, 1, 1, 1, visible_units}),
        descent_(backend, true, parameters()),
        taped_(backend, parameters()) {
    backend.fill(ones_, 1);
    Tape &t = taped_.tape;
    const Variable in = t.leaf(x), w = taped_.parameters[0], b = taped_.parameters[1], c = taped_.parameters[2];
    const Variable h = conv(t, in, w, c, {}, sigmoid_activation());
    u_ = deconv(t, h, w, b, {}, x.shape(), linear());
    // |W_i|^2 of each unit, and the sum over units of (h - h^2)^2 times it.
    const Variable lengths = conv(t, t.leaf(ones_), multiply(t, w, w), {}, {}, linear());
    const Variable slope = add(t, h, affine(t, multiply(t, h, h), -1, 0));
    penalty_ = deconv(t, multiply(t, slope, slope), lengths, {}, {}, {batch, 1, 1, 1, 1}, linear());
    taped_.add_cross_entropy(in, u_, 1 / double(batch));
    taped_.add_loss(penalty_, contraction / double(batch));
    for (const Variable v : {u_, penalty_}) t.keep(v);
    taped_.plan();
  }

  // One step on the examples in x, by the mean of their losses; their reconstructions go to `made`.
  void step(double rate, View made) {
    descent_.step(taped_.gradients(), rate);
    Backend &backend = weights.backend();
    backend.count_passes(2 * x.shape().n);
    backend.activation_forward(taped_.tape.value(u_), sigmoid_activation(), made);
  }

  // |dh/dx|^2 of each example of the last step.
  View penalty() const { return taped_.tape.value(penalty_); }
  NamedViews state(const std::string &name) const { return joined({named(name), descent_.named(name)}); }

  Tensor x;

 private:
  std::vector<View> parameters() const { return {weights, visible_bias, hidden_bias}; }
  Tensor ones_;
  Descent descent_;
  Taped taped_;
  Variable u_, penalty_;
};

}  // namespace coopnets
