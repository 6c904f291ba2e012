#include "learning/diffusion_sampler.h"

#include <algorithm>

namespace coopnets {

namespace {
int64_t of_a_block(const Shape &example) { return std::clamp<int64_t>((1 << 16) / example.example(), 4, 64); }
}  // namespace

struct DiffusionSampler::Unconditional {
  Tensor about_noisy, about_chains;
  Arena arena;
  Pass guess, revise;
  Unconditional(Network &energy, Network &initialiser, View noisy, View chains, const Shape &about)
      : about_noisy(energy.backend(), about),
        about_chains(energy.backend(), about),
        arena(energy.backend()),
        guess(initialiser, {noisy, about_noisy}, Statistics::batch, arena, arena, {}),
        revise(energy, {chains, about_chains}, Statistics::batch, arena, arena, {Wrt::inputs}, 1) {}
};

DiffusionSampler::DiffusionSampler(Network &energy, Network &initialiser, const Shape &example,
                                   const Diffusion &diffusion, int64_t langevin_steps, int64_t classes, double guidance)
    : backend_(energy.backend()),
      diffusion_(diffusion),
      steps_(langevin_steps),
      classes_(classes),
      noisy_(backend_, example.with_n(of_a_block(example))),
      initial_(backend_, noisy_.shape()),
      chains_(backend_, noisy_.shape()),
      about_noisy_(backend_, energy.inputs().at(1).with_n(at_a_time())),
      about_chains_(backend_, about_noisy_.shape()),
      guidance_(classes > 0 ? guidance : 0),
      arena_(backend_),
      guess_(initialiser, {noisy_, about_noisy_}, Statistics::batch, arena_, arena_, {}),
      revise_(energy, {chains_, about_chains_}, Statistics::batch, arena_, arena_, {Wrt::inputs}, 1) {
  if (guidance_ > 0)
    unconditional_ = std::make_unique<Unconditional>(energy, initialiser, noisy_, chains_, about_noisy_.shape());
}

DiffusionSampler::~DiffusionSampler() = default;

// x_T ~ N(0, I), then level by level down to x_0.
void DiffusionSampler::draw(uint64_t seed, int64_t block, const std::function<void(double share)> &watch) {
  std::vector<int64_t> labels;
  for (int64_t n = 0; n < at_a_time(); ++n) labels.push_back(classes_ > 0 ? (block * at_a_time() + n) % classes_ : -1);
  const int64_t levels = diffusion_.transitions();
  const auto at = [&](int64_t t) {
    backend_.set_clock({int64_t(seed << 32 | uint64_t(block * (levels + 1) + t)), 1});
    if (t == 0) return;
    diffusion_.tell(std::vector<int64_t>(at_a_time(), t), labels, classes_, about_noisy_);
    diffusion_.tell(std::vector<int64_t>(at_a_time(), t - 1), labels, classes_, about_chains_);
    if (!unconditional_) return;
    const std::vector<int64_t> none(labels.size(), -1);
    diffusion_.tell(std::vector<int64_t>(at_a_time(), t), none, classes_, unconditional_->about_noisy);
    diffusion_.tell(std::vector<int64_t>(at_a_time(), t - 1), none, classes_, unconditional_->about_chains);
  };
  at(0);
  backend_.fill_normal(noisy_, 0, 1, {seed, Purpose::sample}, 0);
  for (int64_t t = levels; t >= 1; --t) {
    at(t);
    descend(t, {seed, Purpose::sample_langevin});
    if (watch) watch(double(levels - t + 1) / double(levels));
  }
  denoise();
}

// From x_t to x_{t-1}: G0, D1 and y / scale.
void DiffusionSampler::descend(int64_t t, RandomKey key) {
  const Transition &transition = diffusion_.transition(t);
  backend_.fill_normal(chains_, 0, real(transition.first_noise), {key.seed, Purpose::sample}, 0);
  guess();
  backend_.affine(chains_, real(1 / transition.scale), 0, initial_);
  langevin(
      revise_, steps_, diffusion_.langevin_step(t, key, noisy_), [this](int64_t) { slope_seed(); }, 0,
      [this](int64_t, const LangevinStep &) { guide(); });
  backend_.affine(chains_, real(1 / transition.scale), 0, noisy_);
}

// Adds (1 + w) U(x_t, class) - w U(x_t) to the noise in the chains.
void DiffusionSampler::guess() {
  guess_.forward();
  if (unconditional_) {
    unconditional_->guess.forward();
    backend_.affine(guess_.output(), real(1 + guidance_), 0, initial_);
    backend_.add(initial_, chains_);
    backend_.affine(unconditional_->guess.output(), real(-guidance_), 0, initial_);
    backend_.add(initial_, chains_);
  } else {
    backend_.add(guess_.output(), chains_);
  }
}

void DiffusionSampler::slope_seed() { revise_.fill_seed(Wrt::inputs, real(1 + guidance_)); }

// Subtracts w df(y)/dy from the gradient of (1 + w) f(y, class).
void DiffusionSampler::guide() {
  if (!unconditional_) return;
  Pass &f = unconditional_->revise;
  f.forward();
  f.fill_seed(Wrt::inputs, real(-guidance_));
  f.backward(Wrt::inputs);
  backend_.add(f.gradient(Wrt::inputs), revise_.gradient(Wrt::inputs));
}

// What noise is left at level 0 is taken away at once: x = (x_0 + d_0^2 dln p/dx_0) / a_0 (Tweedie's formula), where
// ln p = f(scale x_0) / b^2.
void DiffusionSampler::denoise() {
  const Transition &first = diffusion_.transition(1);
  const NoiseLevel &level = diffusion_.level(0);
  revise_.forward();
  slope_seed();
  revise_.backward(Wrt::inputs);
  guide();
  const View slope = revise_.gradient(Wrt::inputs);
  const double factor = level.deviation * level.deviation * first.scale / (first.step_noise * first.step_noise);
  backend_.affine(slope, real(factor), 0, slope);
  backend_.add(slope, noisy_);
  backend_.affine(noisy_, real(1 / level.signal), 0, noisy_);
}

std::vector<double> DiffusionSampler::log_density(int64_t t, const std::vector<real> &examples) {
  const Transition &transition = diffusion_.transition(t);
  const int64_t size = noisy_.shape().example(), count = int64_t(examples.size()) / size;
  diffusion_.tell(std::vector<int64_t>(at_a_time(), t - 1), std::vector<int64_t>(at_a_time(), -1), classes_,
                  about_chains_);
  std::vector<double> all;
  for (int64_t first = 0; first < count; first += at_a_time()) {
    const int64_t some = std::min(at_a_time(), count - first);
    backend_.upload(examples.data() + first * size, noisy_.data(), size_t(some * size) * sizeof(real));
    backend_.affine(noisy_, real(transition.scale), 0, chains_);
    revise_.forward();
    const std::vector<real> f = values(backend_, revise_.output());
    for (int64_t n = 0; n < some; ++n)
      all.push_back(double(f[size_t(n)]) / (transition.step_noise * transition.step_noise));
  }
  return all;
}

}  // namespace coopnets
