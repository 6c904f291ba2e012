// Samples of nets that learned by diffusion recovery likelihood: from pure noise, level by level, the initialiser
// guesses and the energy revises.
#pragma once
#include <functional>
#include <memory>

#include "learning/diffusion.h"
#include "learning/pass.h"

namespace coopnets {

class DiffusionSampler {
 public:
  // The nets as Cdrl has them. Samples of `classes` classes come in turn; 0: the nets are told none.
  // guidance w: with classes both nets' outputs are (1 + w) that for the class - w that for none (Ho & Salimans 2022).
  DiffusionSampler(Network &energy, Network &initialiser, const Shape &example, const Diffusion &,
                   int64_t langevin_steps, int64_t classes, double guidance);
  ~DiffusionSampler();

  // x_T is a_T mean + N(0, I) from now on, of an example of this mean [1, ...]; before, N(0, I).
  void begin_about(ConstView mean);
  // Samples of one block, which depends on an example's size alone: noise is keyed by seed and block.
  int64_t at_a_time() const { return noisy_.shape().n; }
  using Watch = std::function<void(double share)>;  // told the share of the levels that is done
  // Samples block * at_a_time() and so on, of this seed.
  void draw(uint64_t seed, int64_t block, const Watch &watch = {});
  // The noise in x_T of sample k.
  std::vector<real> first_noise(uint64_t seed, int64_t k);
  // Samples from x_T with these noises, [at_a_time() at most, ...], of these classes. All have the later noises of
  // sample 0.
  void draw_from(uint64_t seed, const std::vector<real> &noises, std::vector<int64_t> labels, const Watch &watch = {});
  // Samples as fit what is visible of observed(), without a class; noise as in draw(). What of a sample is visible is
  // the observed with that noise on it which its level has, and is held while the chains move what is hidden.
  void complete(uint64_t seed, int64_t block, const Watch &watch = {});
  View observed() const { return observed_; }  // to be filled for complete() and log_density()
  View visible() const { return visible_; }    // 1 or 0 for each value, for complete()
  // f(scale x) / b^2 of transition t: the logarithm of the density of x_{t-1}, but for a constant, at what is observed.
  std::vector<double> log_density(int64_t t);
  // Until the next call.
  View initial() const { return initial_; }  // the initialiser's last guess of each
  View samples() const { return noisy_; }

 private:
  struct Told;
  struct Descent;
  void add_mean();
  void clock(const Descent &, int64_t t);
  void each(const Descent &, const std::function<void(int64_t first, int64_t count)> &draw) const;
  void descend(const Descent &);
  void descend(const Descent &, int64_t t, int64_t turn);
  void observe(const Descent &, int64_t t, int64_t turn);
  void hold(View all);
  void add_noise(const Descent &, int64_t t, int64_t turn);
  void guess();
  void slope_seed();
  void guide();
  void denoise();

  Backend &backend_;
  const Diffusion &diffusion_;
  const int64_t steps_, classes_;
  Tensor noisy_, initial_, chains_;
  Tensor observed_, visible_, held_, scratch_;  // held: what is visible, as the level has it
  Tensor mean_;                                 // a_T times that of examples; none: 0
  const double guidance_;
  std::unique_ptr<Told> told_, untold_;  // the nets, and with guidance without a class
};

}  // namespace coopnets
