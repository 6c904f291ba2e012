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
        descent_(backend, true, {weights, visible_bias, hidden_bias}),
        arena_(backend),
        tape_(backend, arena_) {
    backend.fill(ones_, 1);
    const Variable in = tape_.leaf(x), w = tape_.leaf(weights), c = tape_.leaf(hidden_bias),
                   b = tape_.leaf(visible_bias);
    const Variable h = conv(tape_, in, w, c, {}, sigmoid_activation());
    u_ = deconv(tape_, h, w, b, {}, x.shape(), linear());
    const Variable softplus_u = activate(tape_, u_, softplus()), x_u = multiply(tape_, in, u_);
    // |W_i|^2 of each unit, and the sum over units of (h - h^2)^2 times it.
    const Variable lengths = conv(tape_, tape_.leaf(ones_), multiply(tape_, w, w), {}, {}, linear());
    const Variable slope = add(tape_, h, affine(tape_, multiply(tape_, h, h), -1, 0));
    const Variable penalty =
        deconv(tape_, multiply(tape_, slope, slope), lengths, {}, {}, {batch, 1, 1, 1, 1}, linear());
    leaves_ = {w, b, c};  // in the order of descent_
    losses_ = {softplus_u, x_u, penalty};
    for (const Variable v : losses_) tape_.keep(v);
    tape_.keep(u_);
    gradient_ = &tape_.gradient(losses_, leaves_);
    tape_.plan();
  }

  // One step on the examples in x; their reconstructions go to `made`.
  void step(double count, double rate, View made) {
    Backend &backend = weights.backend();
    tape_.forward();
    const real mean = real(1 / count), seeds[] = {mean, -mean, real(contraction) * mean};
    for (size_t k = 0; k < 3; ++k) backend.fill(tape_.seed(*gradient_, k), seeds[k]);
    tape_.backward(*gradient_);
    descent_.step(
        {tape_.of(*gradient_, leaves_[0]), tape_.of(*gradient_, leaves_[1]), tape_.of(*gradient_, leaves_[2])}, rate);
    backend.activation_forward(tape_.value(u_), sigmoid_activation(), made);
  }

  // |dh/dx|^2 of each example of the last step.
  View penalty() const { return tape_.value(losses_[2]); }
  NamedViews state(const std::string &name) const {
    NamedViews all = named(name);
    for (auto &one : descent_.named(name)) all.push_back(std::move(one));
    return all;
  }

  Tensor x;

 private:
  Tensor ones_;
  Descent descent_;
  Arena arena_;
  Tape tape_;
  Variable u_;
  std::vector<Variable> leaves_, losses_;
  Tape::Gradient *gradient_;
};

}  // namespace coopnets
