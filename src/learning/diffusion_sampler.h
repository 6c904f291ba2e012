// Samples of nets that learned by diffusion recovery likelihood: from pure noise, level by level, the initialiser guesses
// and the energy revises.
#pragma once
#include "learning/diffusion.h"
#include "learning/pass.h"

namespace coopnets {

class DiffusionSampler {
 public:
  static constexpr int64_t at_a_time =
      64;  // one block: noise is keyed by seed and block, so that no other number counts

  // The nets as Cdrl has them. Samples of `classes` classes come in turn; 0: the nets are told none.
  DiffusionSampler(Network &energy, Network &initialiser, const Diffusion &, int64_t langevin_steps, int64_t classes);

  // Samples block * at_a_time and so on, of this seed.
  void draw(uint64_t seed, int64_t block);
  ConstView initial() const { return initial_; }  // the initialiser's last guess of each
  ConstView samples() const { return noisy_; }

 private:
  void descend(int64_t t, RandomKey);
  void denoise();

  Backend &backend_;
  const Diffusion &diffusion_;
  const int64_t steps_, classes_;
  Tensor noisy_, initial_, chains_, about_noisy_, about_chains_;
  Arena arena_;
  Pass guess_, revise_;
};

}  // namespace coopnets
