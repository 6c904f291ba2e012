// The update rules of the published experiments and of their rivals, applied to all parameters of a net, and the running averages of
// these. Weights that learn against another net swing about what they mean; their average does not.
#pragma once
#include "learning/pass.h"

namespace coopnets {

// The average of the parameter `name` in a checkpoint.
inline std::string average_of(const std::string &name) { return name + ".average"; }

struct OptimizerSettings {
  enum Rule {
    adam,             // beta1 0.5 unless said, beta2 0.999, epsilon 1e-8 (the TensorFlow and PyTorch codes)
    capped_momentum,  // momentum 0.5, weight decay 1e-4 on filters, biases and batch norm's scales at twice the rate
                      // (the MatConvNet code)
    momentum,         // the same without cap and decay, at one rate for all
    rmsprop           // keeps 0.99 of the mean square, epsilon 1e-8 (PyTorch's)
  } rule = adam;
  double rate = 1e-3;
  double cap = 0;             // capped_momentum: largest |gradient| of a parameter tensor; 0: none
  bool per_position = false;  // capped_momentum: divide a gradient by the positions of its layer's output (descriptor)
  double average_half_life =
      0;                      // iterations in which a running average of the parameters forgets half; 0: none is kept
  double beta1 = 0.5;         // adam: share of the mean gradient that is kept
  double weight_decay = 0;    // adam: of all parameters, beside its step (AdamW)
  double gradient_bound = 0;  // largest norm of all gradients together, which are scaled down to it; 0: none
};

class Optimizer {
 public:
  Optimizer(Backend &, Network &, const OptimizerSettings &);

  // Updates all parameters from the gradients that a pass of the net has computed, in one launch. They are summed over
  // the ranks first and, where they have a bound, scaled. `norm`, if given, gets what their norm was before that in its
  // slot, bound or none.
  void step(const Pass &, Readings *norm = nullptr, int slot = 0);
  // Elements that a step reads and writes, each once: values and moments both, gradients are read.
  int64_t elements() const;
  // Of the rule `momentum`: what share of the velocity is kept from now on; 0.5 at first.
  void set_momentum(double kept) { momentum_ = kept; }
  // Moments or velocities and averages by name, for the checkpoint.
  NamedViews state();
  // Parameters become their averages, which keep the parameters until they are exchanged again; nothing without averages.
  void exchange_averages();

 private:
  struct Moments {
    Tensor first, second;  // Adam's m and v; of the others velocity or mean square in `first`
    Tensor average;        // of the parameter, if one is kept
  };
  Backend &backend_;
  Network &network_;
  OptimizerSettings settings_;
  double momentum_ = 0.5;
  Readings norm_;  // where nobody asks for it
  std::vector<Moments> moments_;
  Tensor between_;  // as large as the largest parameter, to exchange it with its average
};

}  // namespace coopnets
