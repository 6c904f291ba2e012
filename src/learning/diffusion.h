// The noise levels of diffusion recovery likelihood (Gao, Song, Poole, Wu, Kingma: ICLR 2021; Zhu, Xie, Wu, Gao:
// Learning energy-based models by cooperative diffusion recovery likelihood. ICLR 2024).
//
// Level i of 0 .. T is the data with noise: x_i = a_i x + d_i e, e ~ N(0, I), a^2 + d^2 = 1, from nearly none to nearly
// nothing else. A transition t leads from level t - 1 to t; its energy is that of y = (a_t / a_{t-1}) x_{t-1} given
// x_t, in the last one of x_{t-1} itself.
#pragma once
#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace coopnets {

struct NoiseLevel {
  double log_snr;    // ln (a^2 / d^2)
  double signal;     // a
  double deviation;  // d
};

struct Transition {
  double scale;                     // y = scale x_{t-1}; 1 in the last transition, where x_t tells nothing of y
  double deviation;                 // of x_t given x_{t-1}
  double clean_share, noisy_share;  // the mean of y given x_t and x is clean_share x + noisy_share x_t,
  double first_noise;               // and this its deviation, which the initialiser's y also gets (Ho et al. 2020)
  double step_noise;                // b of a Langevin step y += (1/2) dE/dy + b N(0, I); E = b^2 times the log-density
  double reference_deviation;       // s of the reference N(x_t, s^2) of that step; infinite in the last transition
  double weight;                    // of its examples in the energy's loss
  double steepness;                 // b^2 / first_noise, how steep E is, as a share of the steepest transition's
};

class Diffusion {
 public:
  // Throws std::invalid_argument for less than one transition.
  explicit Diffusion(int64_t transitions);

  int64_t transitions() const { return int64_t(transitions_.size()); }                      // T
  const NoiseLevel &level(int64_t i) const { return levels_.at(size_t(i)); }                // 0 .. T
  const Transition &transition(int64_t t) const { return transitions_.at(size_t(t - 1)); }  // 1 .. T

  // Level i as a net sees it: sin(1000 u w_k), cos(1000 u w_k), u = (2/pi) atan(d/a) and w_k from 1 to 1/10000, in
  // `size` numbers (Vaswani et al. 2017). Throws std::invalid_argument where that is no even number.
  std::vector<real> embedding(int64_t i, int64_t size) const;
  // What a net is told beside each example, into [N,1,1,1,size + classes]: the embedding of its level, and 1 at its
  // class, 0 at the others. An odd size has one number more at the end: the steepness of the transition to level i from
  // the one above, 0 where there is none above. labels: not read where there are no classes; -1 is none. Throws
  // std::invalid_argument for another number of levels or labels than N, for a label of no class and a size below 2.
  void tell(const std::vector<int64_t> &levels, const std::vector<int64_t> &labels, int64_t classes,
            const Tensor &into) const;
  // y <- y - (1/2) ((y - x_t)/s^2 - df/dy) + b N(0, I): with f scaled by b^2 every level has the same step, 1.
  LangevinStep langevin_step(int64_t t, RandomKey, ConstView noisy) const;

 private:
  std::vector<NoiseLevel> levels_;
  std::vector<Transition> transitions_;
};

}  // namespace coopnets
