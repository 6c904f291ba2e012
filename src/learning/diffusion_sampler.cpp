#include "learning/diffusion_sampler.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace coopnets {

namespace {

int64_t of_a_block(const Shape &example) { return std::clamp<int64_t>((1 << 16) / example.example(), 2, 64); }

// How often completion goes down from x_t to x_{t-1}, with noise added in between: x_t comes to know what is visible at
// its level and hidden at none (RePaint: Lugmayr et al. 2022). Of Gaussian pairs (deviation 0.5, correlation 0.9, six
// levels, exact chains) one turn misses the conditional mean by a sixth of its distance, two by a twentieth, three by a
// hundredth.
constexpr int64_t turns_of_a_level = 3;
enum DrawOfTurn : int64_t { first_guess, visible_part, noise_again, draws_of_a_turn };

}  // namespace

// Both nets, told the level and the class of each sample.
struct DiffusionSampler::Told {
  Tensor about_noisy, about_chains;
  Arena arena;
  Pass guess, revise;
  std::pair<int64_t, std::vector<int64_t>> last = {0, {}};  // transition and labels
  Told(Network &energy, Network &initialiser, View noisy, View chains)
      : about_noisy(energy.backend(), energy.inputs().at(1).with_n(noisy.shape.n)),
        about_chains(energy.backend(), about_noisy.shape()),
        arena(energy.backend()),
        guess(initialiser, {noisy, about_noisy}, Statistics::batch, arena, arena, {}),
        revise(energy, {chains, about_chains}, Statistics::batch, arena, arena, {Wrt::inputs}, 1) {}

  // Of transition t, from level t to t - 1; where that is news.
  void tell(const Diffusion &diffusion, int64_t t, const std::vector<int64_t> &labels, int64_t classes) {
    const auto now = std::make_pair(t, labels);
    if (std::exchange(last, now) == now) return;
    diffusion.tell(std::vector<int64_t>(labels.size(), t), labels, classes, about_noisy);
    diffusion.tell(std::vector<int64_t>(labels.size(), t - 1), labels, classes, about_chains);
  }
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
      observed_(backend_, noisy_.shape()),
      visible_(backend_, noisy_.shape()),
      held_(backend_, noisy_.shape()),
      scratch_(backend_, noisy_.shape()),
      guidance_(classes > 0 ? guidance : 0),
      told_(std::make_unique<Told>(energy, initialiser, noisy_, chains_)) {
  if (guidance_ > 0) untold_ = std::make_unique<Told>(energy, initialiser, noisy_, chains_);
}

DiffusionSampler::~DiffusionSampler() = default;

void DiffusionSampler::begin_about(ConstView mean) {
  if (!mean_.data()) mean_ = Tensor(backend_, noisy_.shape().with_n(1));
  backend_.affine(mean, real(diffusion_.level(diffusion_.transitions()).signal), 0, mean_);
}

void DiffusionSampler::add_mean() {
  if (!mean_.data()) return;
  for (int64_t n = 0; n < at_a_time(); ++n)
    backend_.add(View(noisy_).examples(n, 1), mean_, View(noisy_).examples(n, 1));
}

// Whose noise, and what is held while x_T becomes x_0.
struct DiffusionSampler::Descent {
  uint64_t seed;
  int64_t block;
  std::vector<int64_t> labels;  // -1: none
  Watch watch;
  bool alike = false;  // all have the noises of the block's first
  bool holds = false;  // what is visible

  int64_t turns() const { return holds ? turns_of_a_level : 1; }
};

void DiffusionSampler::draw(uint64_t seed, int64_t block, const Watch &watch) {
  Descent d{seed, block, {}, watch};
  for (int64_t n = 0; n < at_a_time(); ++n)
    d.labels.push_back(classes_ > 0 ? (block * at_a_time() + n) % classes_ : -1);
  clock(d, 0);
  backend_.fill_normal(noisy_, 0, 1, {seed, Purpose::sample}, 0);
  add_mean();
  descend(d);
}

std::vector<real> DiffusionSampler::first_noise(uint64_t seed, int64_t k) {
  clock({seed, k / at_a_time(), {}, {}}, 0);
  backend_.fill_normal(noisy_, 0, 1, {seed, Purpose::sample}, 0);
  return values(backend_, samples().examples(k % at_a_time(), 1));
}

void DiffusionSampler::draw_from(uint64_t seed, const std::vector<real> &noises, std::vector<int64_t> labels,
                                 const Watch &watch) {
  labels.resize(size_t(at_a_time()), -1);
  backend_.upload(noises.data(), noisy_.data(), noises.size() * sizeof(real));
  add_mean();
  Descent d{seed, 0, std::move(labels), watch};
  d.alike = true;
  descend(d);
}

void DiffusionSampler::complete(uint64_t seed, int64_t block, const Watch &watch) {
  Descent d{seed, block, std::vector<int64_t>(size_t(at_a_time()), -1), watch};
  d.holds = true;
  const NoiseLevel &last = diffusion_.level(diffusion_.transitions());
  clock(d, 0);
  backend_.fill_normal(noisy_, 0, 1, {seed, Purpose::sample}, 0);
  backend_.affine(observed_, real(last.signal), 0, held_);
  backend_.affine(noisy_, real(last.deviation), 0, scratch_);
  backend_.add(held_, scratch_, held_);
  add_mean();
  hold(noisy_);
  descend(d);
}

// Each level has random numbers of its own; 0 is before the first.
void DiffusionSampler::clock(const Descent &d, int64_t t) {
  backend_.set_clock({int64_t(d.seed << 32 | uint64_t(d.block * (diffusion_.transitions() + 1) + t)), 1});
}

// Numbers are counted from the first example on that is drawn for.
void DiffusionSampler::each(const Descent &d, const std::function<void(int64_t first, int64_t count)> &draw) const {
  if (!d.alike) return draw(0, at_a_time());
  for (int64_t n = 0; n < at_a_time(); ++n) draw(n, 1);
}

void DiffusionSampler::descend(const Descent &d) {
  const std::vector<int64_t> none(size_t(at_a_time()), -1);
  const int64_t levels = diffusion_.transitions(), all = levels * d.turns();
  for (int64_t t = levels, done = 0; t >= 1; --t) {
    clock(d, t);
    told_->tell(diffusion_, t, d.labels, classes_);
    if (untold_) untold_->tell(diffusion_, t, none, classes_);
    for (int64_t turn = 0; turn < d.turns(); ++turn) {
      if (turn > 0) add_noise(d, t, turn);
      descend(d, t, turn);
      if (d.watch) d.watch(double(++done) / double(all));
    }
  }
  denoise();
}

// From x_t to x_{t-1}: G0, D1 and y / scale.
void DiffusionSampler::descend(const Descent &d, int64_t t, int64_t turn) {
  const Transition &transition = diffusion_.transition(t);
  if (d.holds) observe(d, t, turn);
  each(d, [&](int64_t first, int64_t count) {
    backend_.fill_normal(View(chains_).examples(first, count), 0, real(transition.first_noise),
                         {d.seed, Purpose::sample}, turn * draws_of_a_turn + first_guess);
  });
  guess();
  if (d.holds) hold(chains_);
  backend_.affine(chains_, real(1 / transition.scale), 0, initial_);
  LangevinStep step = diffusion_.langevin_step(t, {d.seed, Purpose::sample_langevin}, noisy_);
  const auto move = [&](int64_t k) {
    guide();
    step.index = turn * steps_ + k;
    each(d, [&](int64_t first, int64_t count) {
      step.reference_mean = View(noisy_).examples(first, count);
      backend_.langevin(View(chains_).examples(first, count),
                        told_->revise.gradient(Wrt::inputs).examples(first, count), step);
    });
    if (d.holds) hold(chains_);
  };
  langevin(
      told_->revise, steps_, [this](int64_t) { slope_seed(); }, move);
  backend_.affine(chains_, real(1 / transition.scale), 0, noisy_);
}

// What the chains are to hold: a draw of y given x_t and the observed x.
void DiffusionSampler::observe(const Descent &d, int64_t t, int64_t turn) {
  const Transition &transition = diffusion_.transition(t);
  backend_.fill_normal(held_, 0, real(transition.first_noise), {d.seed, Purpose::sample},
                       turn * draws_of_a_turn + visible_part);
  for (const auto &[share, part] : {std::pair<double, ConstView>{transition.clean_share, observed_},
                                    std::pair<double, ConstView>{transition.noisy_share, noisy_}}) {
    backend_.affine(part, real(share), 0, scratch_);
    backend_.add(held_, scratch_, held_);
  }
}

// all = visible ? held : all.
void DiffusionSampler::hold(View all) {
  backend_.difference(1, held_, all, scratch_);
  backend_.multiply(visible_, scratch_, scratch_);
  backend_.add(all, scratch_, all);
}

// From x_{t-1} back to x_t, hidden and visible alike.
void DiffusionSampler::add_noise(const Descent &d, int64_t t, int64_t turn) {
  const double deviation = diffusion_.transition(t).deviation;
  backend_.affine(noisy_, real(std::sqrt(1 - deviation * deviation)), 0, noisy_);
  backend_.fill_normal(scratch_, 0, real(deviation), {d.seed, Purpose::sample}, turn * draws_of_a_turn + noise_again);
  backend_.add(noisy_, scratch_, noisy_);
}

// Adds (1 + w) U(x_t, class) - w U(x_t) to the noise in the chains.
void DiffusionSampler::guess() {
  const auto add = [this](Pass &guess, double weight) {
    guess.forward();
    backend_.affine(guess.output(), real(weight), 0, initial_);
    backend_.add(chains_, initial_, chains_);
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
  backend_.add(told_->revise.gradient(Wrt::inputs), f.gradient(Wrt::inputs), told_->revise.gradient(Wrt::inputs));
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
  backend_.add(noisy_, slope, noisy_);
  backend_.affine(noisy_, real(1 / level.signal), 0, noisy_);
}

std::vector<double> DiffusionSampler::log_density(int64_t t) {
  const Transition &transition = diffusion_.transition(t);
  told_->tell(diffusion_, t, std::vector<int64_t>(size_t(at_a_time()), -1), classes_);
  backend_.affine(observed_, real(transition.scale), 0, chains_);
  told_->revise.forward();
  std::vector<double> all;
  for (const real f : values(backend_, told_->revise.output()))
    all.push_back(double(f) / (transition.step_noise * transition.step_noise));
  return all;
}

}  // namespace coopnets
