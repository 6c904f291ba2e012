// Samples of nets that learned by diffusion recovery likelihood: from pure noise, level by level, the initialiser guesses
// and the energy revises.
#pragma once
#include <functional>
#include <memory>

#include "learning/colours.h"
#include "learning/diffusion.h"
#include "learning/pass.h"

namespace coopnets {

class DiffusionSampler {
 public:
  // The nets as Cdrl has them, and the colours that they see, if they see others than the data's. Samples of `classes` classes come in turn; 0: the nets are told none.
  // guidance w: with classes both nets' outputs are (1 + w) that for the class - w that for none (Ho & Salimans 2022).
  DiffusionSampler(Network &energy, Network &initialiser, const Shape &example, const Diffusion &, const Colours *,
                   int64_t langevin_steps, int64_t classes, double guidance);
  ~DiffusionSampler();

  // Samples of one block, which depends on an example's size alone: noise is keyed by seed and block.
  int64_t at_a_time() const { return noisy_.shape().n; }
  // Samples block * at_a_time() and so on, of this seed.
  // `watch` is told the share of the levels that is done.
  void draw(uint64_t seed, int64_t block, const std::function<void(double share)> &watch = {});
  // f(scale x) / b^2 of transition t: the logarithm of the density of x_{t-1}, but for a constant, at examples
  // [count, ...]. Throws std::invalid_argument where these are no whole ones.
  std::vector<double> log_density(int64_t t, const std::vector<real> &examples);
  // Until the next call of draw() or log_density().
  ConstView initial() const { return initial_; }  // the initialiser's last guess of each
  ConstView samples() const { return noisy_; }

 private:
  struct Told;
  void descend(int64_t t, RandomKey);
  void guess();
  void slope_seed();
  void guide();
  void denoise();

  Backend &backend_;
  const Diffusion &diffusion_;
  const Colours *const colours_;
  const int64_t steps_, classes_;
  Tensor noisy_, initial_, chains_;
  const double guidance_;
  std::unique_ptr<Told> told_, untold_;  // the nets, and with guidance without a class
};

}  // namespace coopnets
