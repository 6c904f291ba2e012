#include "learning/diffusion_sampler.h"

namespace coopnets {

DiffusionSampler::DiffusionSampler(Network &energy, Network &initialiser, const Diffusion &diffusion,
                                   int64_t langevin_steps, int64_t classes)
    : backend_(energy.backend()),
      diffusion_(diffusion),
      steps_(langevin_steps),
      classes_(classes),
      noisy_(backend_, energy.input().with_n(at_a_time)),
      initial_(backend_, noisy_.shape()),
      chains_(backend_, noisy_.shape()),
      about_noisy_(backend_, energy.inputs().at(1).with_n(at_a_time)),
      about_chains_(backend_, about_noisy_.shape()),
      arena_(backend_),
      guess_(initialiser, {noisy_, about_noisy_}, Statistics::batch, arena_, arena_, {}),
      revise_(energy, {chains_, about_chains_}, Statistics::batch, arena_, arena_, {Wrt::inputs}, 1) {}

// x_T ~ N(0, I), then level by level down to x_0.
void DiffusionSampler::draw(uint64_t seed, int64_t block) {
  std::vector<int64_t> labels;
  for (int64_t n = 0; n < at_a_time; ++n) labels.push_back(classes_ > 0 ? (block * at_a_time + n) % classes_ : -1);
  const int64_t levels = diffusion_.transitions();
  const auto at = [&](int64_t t) {
    backend_.set_clock({int64_t(seed << 32 | uint64_t(block * (levels + 1) + t)), 1});
    if (t == 0) return;
    diffusion_.tell(std::vector<int64_t>(at_a_time, t), labels, classes_, about_noisy_);
    diffusion_.tell(std::vector<int64_t>(at_a_time, t - 1), labels, classes_, about_chains_);
  };
  at(0);
  backend_.fill_normal(noisy_, 0, 1, {seed, Purpose::sample}, 0);
  for (int64_t t = levels; t >= 1; --t) {
    at(t);
    descend(t, {seed, Purpose::sample_langevin});
  }
  denoise();
}

// From x_t to x_{t-1}: G0, D1 and y / scale.
void DiffusionSampler::descend(int64_t t, RandomKey key) {
  const Transition &transition = diffusion_.transition(t);
  guess_.forward();
  backend_.fill_normal(chains_, 0, real(transition.first_noise), {key.seed, Purpose::sample}, 0);
  backend_.add(guess_.output(), chains_);
  backend_.affine(chains_, real(1 / transition.scale), 0, initial_);
  langevin(revise_, steps_, diffusion_.langevin_step(t, key, noisy_),
           [this](int64_t) { revise_.fill_seed(Wrt::inputs, 1); });
  backend_.affine(chains_, real(1 / transition.scale), 0, noisy_);
}

// What noise is left at level 0 is taken away at once: x = (x_0 + d_0^2 dln p/dx_0) / a_0 (Tweedie's formula), where
// ln p = f(scale x_0) / b^2.
void DiffusionSampler::denoise() {
  const Transition &first = diffusion_.transition(1);
  const NoiseLevel &level = diffusion_.level(0);
  revise_.forward();
  revise_.fill_seed(Wrt::inputs, 1);
  revise_.backward(Wrt::inputs);
  const View slope = revise_.gradient(Wrt::inputs);
  const double factor = level.deviation * level.deviation * first.scale / (first.step_noise * first.step_noise);
  backend_.affine(slope, real(factor), 0, slope);
  backend_.add(slope, noisy_);
  backend_.affine(noisy_, real(1 / level.signal), 0, noisy_);
}

}  // namespace coopnets
