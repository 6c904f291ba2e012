// A restricted Boltzmann machine of units that are 0 or 1, and how it learns.
#pragma once
#include "rivals/chain.h"

namespace coopnets {

// The gradient of a machine's log-likelihood in W is <v h> of data - <v h> of its chain; P(h | v) stands for h in both,
// and samples drive the chain.
struct BoltzmannMachine : TiedLayers {
  Tensor gradient[3], velocity[3], less[3];  // of weights, visible and hidden bias
  Tensor hidden_mean, hidden_sample, visible_mean;

  BoltzmannMachine(Backend &backend, int64_t visible_units, int64_t hidden_units, RandomKey key, int64_t index,
                   int64_t batch, double deviation)
      : TiedLayers(backend, visible_units, hidden_units, key, index, deviation),
        hidden_mean(backend, hidden(batch)),
        hidden_sample(backend, hidden(batch)),
        visible_mean(backend, visible(batch)) {
    const Shape shapes[] = {weights.shape(), visible_bias.shape(), hidden_bias.shape()};
    for (int i = 0; i < 3; ++i)
      for (Tensor *tensor : {&gradient[i], &velocity[i], &less[i]}) *tensor = Tensor(backend, shapes[i]);
  }

  // <v h>, <v> and <h>, as sums over the batch.
  void statistics(ConstView v, ConstView h, Tensor (&to)[3]) const {
    Backend &backend = weights.backend();
    backend.count_passes(v.shape.n);
    backend.conv_backward_filter(v, h, {}, to[0]);
    backend.bias_backward(v, to[1]);
    backend.bias_backward(h, to[2]);
  }

  // A step up in log-likelihood: v of data with P(h | v), and v of the chain, for which hidden_mean is P(h | v).
  void step(ConstView v, ConstView h, ConstView chain, double count, double rate, double momentum) {
    Backend &backend = weights.backend();
    statistics(v, h, less);
    statistics(chain, hidden_mean, gradient);
    for (int i = 0; i < 3; ++i) backend.difference(real(1 / count), gradient[i], less[i], gradient[i]);
    backend.capped_momentum({{weights, gradient[0], velocity[0], real(rate), 1, 0, real(1e-4)},
                             {visible_bias, gradient[1], velocity[1], real(rate), 1, 0, 0},
                             {hidden_bias, gradient[2], velocity[2], real(rate), 1, 0, 0}},
                            real(momentum));
  }
};

}  // namespace coopnets
