#include "learning/diffusion_sampler.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace coopnets {

namespace {
int64_t of_a_block(const Shape &example) { return std::clamp<int64_t>((1 << 16) / example.example(), 2, 64); }
}  // namespace

// Both nets, told the level and the class of each sample.
struct DiffusionSampler::Told {
  Tensor about_noisy, about_chains;
  Arena arena;
  Pass guess, revise;
  Told(Network &energy, Network &initialiser, View noisy, View chains)
      : about_noisy(energy.backend(), energy.inputs().at(1).with_n(noisy.shape.n)),
        about_chains(energy.backend(), about_noisy.shape()),
        arena(energy.backend()),
        guess(initialiser, {noisy, about_noisy}, Statistics::batch, arena, arena, {}),
        revise(energy, {chains, about_chains}, Statistics::batch, arena, arena, {Wrt::inputs}, 1) {}

  // Of transition t, from level t to t - 1.
  void tell(const Diffusion &diffusion, int64_t t, const std::vector<int64_t> &labels, int64_t classes) {
    diffusion.tell(std::vector<int64_t>(labels.size(), t), labels, classes, about_noisy);
    diffusion.tell(std::vector<int64_t>(labels.size(), t - 1), labels, classes, about_chains);
  }
};

DiffusionSampler::DiffusionSampler(Network &energy, Network &initialiser, const Shape &example,
                                   const Diffusion &diffusion, const Colours *colours, int64_t langevin_steps,
                                   int64_t classes, double guidance)
    : backend_(energy.backend()),
      diffusion_(diffusion),
      colours_(colours),
      steps_(langevin_steps),
      classes_(classes),
      noisy_(backend_, example.with_n(of_a_block(example))),
      initial_(backend_, noisy_.shape()),
      chains_(backend_, noisy_.shape()),
      guidance_(classes > 0 ? guidance : 0),
      told_(std::make_unique<Told>(energy, initialiser, noisy_, chains_)) {
  if (guidance_ > 0) untold_ = std::make_unique<Told>(energy, initialiser, noisy_, chains_);
}

DiffusionSampler::~DiffusionSampler() = default;

// x_T ~ N(0, I), then level by level down to x_0.
void DiffusionSampler::draw(uint64_t seed, int64_t block, const std::function<void(double share)> &watch) {
  std::vector<int64_t> labels, none(size_t(at_a_time()), -1);
  for (int64_t n = 0; n < at_a_time(); ++n) labels.push_back(classes_ > 0 ? (block * at_a_time() + n) % classes_ : -1);
  const int64_t levels = diffusion_.transitions();
  const auto at = [&](int64_t t) {  // 0: before the first
    backend_.set_clock({int64_t(seed << 32 | uint64_t(block * (levels + 1) + t)), 1});
  };
  at(0);
  backend_.fill_normal(noisy_, 0, 1, {seed, Purpose::sample}, 0);
  for (int64_t t = levels; t >= 1; --t) {
    at(t);
    told_->tell(diffusion_, t, labels, classes_);
    if (untold_) untold_->tell(diffusion_, t, none, classes_);
    descend(t, {seed, Purpose::sample_langevin});
    if (watch) watch(double(levels - t + 1) / double(levels));
  }
  denoise();
  if (colours_)
    for (const Tensor *made : {&initial_, &noisy_}) {
      backend_.copy(*made, chains_);
      colours_->to_data(chains_, *made);
    }
}

// From x_t to x_{t-1}: G0, D1 and y / scale.
void DiffusionSampler::descend(int64_t t, RandomKey key) {
  const Transition &transition = diffusion_.transition(t);
  backend_.fill_normal(chains_, 0, real(transition.first_noise), {key.seed, Purpose::sample}, 0);
  guess();
  backend_.affine(chains_, real(1 / transition.scale), 0, initial_);
  langevin(
      told_->revise, steps_, diffusion_.langevin_step(t, key, noisy_), [this](int64_t) { slope_seed(); }, 0,
      [this](int64_t, const LangevinStep &) { guide(); });
  backend_.affine(chains_, real(1 / transition.scale), 0, noisy_);
}

// Adds (1 + w) U(x_t, class) - w U(x_t) to the noise in the chains.
void DiffusionSampler::guess() {
  const auto add = [this](Pass &guess, double weight) {
    guess.forward();
    backend_.affine(guess.output(), real(weight), 0, initial_);
    backend_.add(initial_, chains_);
  };
  add(told_->guess, 1 + guidance_);
  if (untold_) add(untold_->guess, -guidance_);
}

void DiffusionSampler::slope_seed() { told_->revise.fill_seed(Wrt::inputs, real(1 + guidance_)); }

// Subtracts w df(y)/dy from the gradient of (1 + w) f(y, class).
void DiffusionSampler::guide() {
  if (!untold_) return;
  Pass &f = untold_->revise;
  f.forward();
  f.fill_seed(Wrt::inputs, real(-guidance_));
  f.backward(Wrt::inputs);
  backend_.add(f.gradient(Wrt::inputs), told_->revise.gradient(Wrt::inputs));
}

// What noise is left at level 0 is taken away at once: x = (x_0 + d_0^2 dln p/dx_0) / a_0 (Tweedie's formula), where
// ln p = f(scale x_0) / b^2.
void DiffusionSampler::denoise() {
  const Transition &first = diffusion_.transition(1);
  const NoiseLevel &level = diffusion_.level(0);
  told_->revise.forward();
  slope_seed();
  told_->revise.backward(Wrt::inputs);
  guide();
  const View slope = told_->revise.gradient(Wrt::inputs);
  const double factor = level.deviation * level.deviation * first.scale / (first.step_noise * first.step_noise);
  backend_.affine(slope, real(factor), 0, slope);
  backend_.add(slope, noisy_);
  backend_.affine(noisy_, real(1 / level.signal), 0, noisy_);
}

std::vector<double> DiffusionSampler::log_density(int64_t t, const std::vector<real> &examples) {
  const Transition &transition = diffusion_.transition(t);
  const int64_t size = noisy_.shape().example(), count = int64_t(examples.size()) / size;
  if (count * size != int64_t(examples.size()))
    throw std::invalid_argument("densities are those of whole examples, of " + std::to_string(size) + " numbers each");
  told_->tell(diffusion_, t, std::vector<int64_t>(size_t(at_a_time()), -1), classes_);
  std::vector<double> all;
  for (int64_t first = 0; first < count; first += at_a_time()) {
    const int64_t some = std::min(at_a_time(), count - first);
    backend_.upload(examples.data() + first * size, noisy_.data(), size_t(some * size) * sizeof(real));
    if (colours_) {
      backend_.copy(noisy_, chains_);
      colours_->to_net(chains_, noisy_);
    }
    backend_.affine(noisy_, real(transition.scale), 0, chains_);
    told_->revise.forward();
    const std::vector<real> f = values(backend_, told_->revise.output());
    for (int64_t n = 0; n < some; ++n)
      all.push_back(double(f[size_t(n)]) / (transition.step_noise * transition.step_noise));
  }
  return all;
}

}  // namespace coopnets
