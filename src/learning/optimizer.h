// The two update rules of the published experiments, applied to all parameters of a net.
#pragma once
#include "learning/pass.h"

namespace coopnets {

struct OptimizerSettings {
  enum Rule {
    adam,            // beta1 0.5, beta2 0.999, epsilon 1e-8 (the TensorFlow and PyTorch codes)
    capped_momentum  // momentum 0.5, weight decay 1e-4 on filters, biases and batch norm's scales at twice the rate
                     // (the MatConvNet code)
  } rule = adam;
  double rate = 1e-3;
  double cap = 0;             // capped_momentum: largest |gradient| of a parameter tensor; 0: none
  bool per_position = false;  // capped_momentum: divide a gradient by the positions of its layer's output (descriptor)
};

class Optimizer {
 public:
  Optimizer(Backend &, Network &, const OptimizerSettings &);

  // Updates all parameters from the gradients that a pass of the net has computed, in one launch.
  void step(const Pass &);
  // Moments or velocities by name, for the checkpoint.
  NamedViews state();

 private:
  struct Moments {
    Tensor first, second;  // Adam's m and v; capped momentum has its velocity in `first`
  };
  Backend &backend_;
  Network &network_;
  OptimizerSettings settings_;
  std::vector<Moments> moments_;
};

}  // namespace coopnets
