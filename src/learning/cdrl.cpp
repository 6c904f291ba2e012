#include "learning/cdrl.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace coopnets {

namespace {

constexpr double runaway = 1e4;  // a gap of energies from which there is no way back

// Of examples in the order of their levels, those of transition t of `all`.
View share(View x, int64_t t, int64_t all) {
  const int64_t each = x.shape.n / all;
  return x.examples((t - 1) * each, each);
}

}  // namespace

// -------------------------------------------------------------------------------------------------------- learning

struct Cdrl::Learning {
  enum Slot { observed, initial, revised, gradient_norm, residual, slots };
  Tensor clean, noise, scratch;  // x; e of both levels of each example; working memory
  Tensor examples;               // y of the data, then y of the chains
  Tensor noisy, made;            // x_t; the initialiser's y with its noise
  Tensor about_noisy, about_examples;
  Arena arena, initialiser_arena;  // what G0 computed must last over D1 and D2
  Pass guess, revise, learn;
  Readings readings;
  Recording whole;
  std::vector<int64_t> moments;
  int64_t kept = 0, taken = 0;
  bool warned = false;

  Learning(Nets &nets, const CdrlSettings &s)
      : clean(nets.energy->backend(), nets.energy->input().with_n(s.batch)),
        noise(clean.backend(), clean.shape()),
        scratch(clean.backend(), clean.shape()),
        examples(clean.backend(), clean.shape().with_n(2 * s.batch)),
        noisy(clean.backend(), clean.shape()),
        made(clean.backend(), clean.shape()),
        about_noisy(clean.backend(), nets.energy->inputs()[1].with_n(s.batch)),
        about_examples(clean.backend(), nets.energy->inputs()[1].with_n(2 * s.batch)),
        arena(clean.backend()),
        initialiser_arena(clean.backend()),
        guess(*nets.initialiser, {noisy, about_noisy}, Statistics::batch, initialiser_arena, arena, {Wrt::parameters}),
        revise(*nets.energy, {chains(), View(about_examples).examples(0, s.batch)}, Statistics::batch, arena, arena,
               {Wrt::inputs}, 1),
        learn(*nets.energy, {examples, about_examples}, Statistics::batch, arena, arena, {Wrt::parameters}),
        readings(clean.backend(), slots, kept_readings),
        moments(kept_readings) {}

  View observed_examples() { return View(examples).examples(0, clean.shape().n); }
  View chains() { return View(examples).examples(clean.shape().n, clean.shape().n); }

  // to = a x + d e.
  void mix(double a, ConstView x, double d, ConstView e, View to) {
    const View part{to.shape, scratch.data()};
    clean.backend().affine(x, real(a), 0, to);
    clean.backend().affine(e, real(d), 0, part);
    clean.backend().add(part, to);
  }
};

Cdrl::Cdrl(std::unique_ptr<Network> energy, std::unique_ptr<Network> initialiser, const CdrlSettings &s)
    : backend_(energy->backend()),
      settings_(s),
      diffusion_(s.levels),
      nets_{std::move(energy), std::move(initialiser)},
      energy_optimizer_(backend_, *nets_.energy, s.energy),
      initialiser_optimizer_(backend_, *nets_.initialiser, s.initialiser) {
  if (s.batch < s.levels || s.batch % s.levels != 0)
    throw std::invalid_argument("each level of noise has as many examples as the others: a batch of " +
                                std::to_string(s.batch) + " does not divide into " + std::to_string(s.levels));
  if (s.langevin_steps < 1)
    throw std::invalid_argument(
        "learning needs at least one Langevin step (langevin_steps): nothing is revised by none");
  require_same(nets_.initialiser->output(nets_.initialiser->inputs()), nets_.energy->input(),
               "what the initialiser makes, the examples");
}

Cdrl::~Cdrl() = default;

void Cdrl::iterate(int64_t iteration, double rate, const Batch &batch) {
  if (!learning_) learning_ = std::make_unique<Learning>(nets_, settings_);
  Learning &now = *learning_;
  if (int64_t(batch.examples.size()) != now.clean.size())
    throw std::invalid_argument("an iteration needs exactly " + std::to_string(settings_.batch) + " observed examples");
  backend_.upload(batch.examples.data(), now.clean.data(), batch.examples.size() * sizeof(real));
  if (now.kept == 0 || settings_.classes > 0) tell_levels(batch.labels);
  backend_.set_clock({iteration, rate});
  backend_.replay(now.whole, [this] {
    diffuse();
    step_g0();
    step_d1();
    step_d2();
    step_g2();
  });
  now.readings.keep(int(now.kept % kept_readings));
  now.moments[size_t(now.kept++ % kept_readings)] = iteration + 1;
}

void Cdrl::tell_levels(const std::vector<int64_t> &labels) {
  std::vector<int64_t> from, to, twice = labels;
  const int64_t each = settings_.batch / settings_.levels;
  for (int64_t n = 0; n < settings_.batch; ++n) {
    to.push_back(1 + n / each);
    from.push_back(n / each);
  }
  from.insert(from.end(), from.begin(), from.end());
  twice.insert(twice.end(), labels.begin(), labels.end());
  diffusion_.tell(to, labels, settings_.classes, learning_->about_noisy);
  diffusion_.tell(from, twice, settings_.classes, learning_->about_examples);
}

// x_t and y = (a_t / a_{t-1}) x_{t-1}, with the same noise e: what differs between them is the data's.
void Cdrl::diffuse() {
  Learning &now = *learning_;
  backend_.fill_normal(now.noise, 0, 1, {settings_.seed, Purpose::latent}, 0);
  for (int64_t t = 1; t <= settings_.levels; ++t) {
    const auto part = [&](View all) { return share(all, t, settings_.levels); };
    const NoiseLevel &from = diffusion_.level(t - 1), &to = diffusion_.level(t);
    const double scale = diffusion_.transition(t).scale;
    now.mix(to.signal, part(now.clean), to.deviation, part(now.noise), part(now.noisy));
    now.mix(scale * from.signal, part(now.clean), scale * from.deviation, part(now.noise),
            part(now.observed_examples()));
  }
}

// y = U(x_t, t) + N(0, first noise of t)
void Cdrl::step_g0() {
  Learning &now = *learning_;
  now.guess.forward();
  for (int64_t t = 1; t <= settings_.levels; ++t)
    backend_.fill_normal(share(now.made, t, settings_.levels), 0, real(diffusion_.transition(t).first_noise),
                         {settings_.seed, Purpose::second_latent}, t);
  backend_.add(now.guess.output(), now.made);
  backend_.copy(now.made, now.chains());
}

// y <- y - (1/2) ((y - x_t)/s^2 - df/dy) + b N(0, I), L times, each level with its own s and b
void Cdrl::step_d1() {
  Learning &now = *learning_;
  std::vector<LangevinStep> steps;
  for (int64_t t = 1; t <= settings_.levels; ++t)
    steps.push_back(
        diffusion_.langevin_step(t, {settings_.seed, Purpose::langevin}, share(now.noisy, t, settings_.levels)));
  langevin(now.revise, settings_.langevin_steps, steps, [&](int64_t k) {
    if (k == 0) backend_.sum(now.revise.output(), now.readings, Learning::initial);
    now.revise.fill_seed(Wrt::inputs, 1);
  });
  backend_.sum_squared_difference(now.chains(), now.made, now.readings, Learning::residual);
}

// theta += lr mean_t w_t (df/dtheta of the data's y - df/dtheta of the chains' y), in one pass over both
void Cdrl::step_d2() {
  Learning &now = *learning_;
  Pass &f = now.learn;
  nets_.energy->iterate_spectral_norms();
  f.forward();
  const int64_t batch = settings_.batch, each = batch / settings_.levels;
  backend_.sum(f.output().examples(0, batch), now.readings, Learning::observed);
  backend_.sum(f.output().examples(batch, batch), now.readings, Learning::revised);
  for (int64_t t = 1; t <= settings_.levels; ++t) {
    const double weight = diffusion_.transition(t).weight / double(batch);
    f.fill_seed(Wrt::parameters, real(-weight), (t - 1) * each, each);
    f.fill_seed(Wrt::parameters, real(weight), batch + (t - 1) * each, each);
  }
  f.backward(Wrt::parameters);
  energy_optimizer_.step(f, &now.readings, Learning::gradient_norm);
}

// alpha -= lr d/dalpha mean |y_0 - y|^2: the initialiser learns from what the chain made of its guess
void Cdrl::step_g2() {
  Learning &now = *learning_;
  backend_.difference(real(2 / double(settings_.batch)), now.made, now.chains(), now.guess.seed(Wrt::parameters));
  now.guess.backward(Wrt::parameters);
  initialiser_optimizer_.step(now.guess);
}

std::vector<Column> Cdrl::columns() const {
  return {{"energy_observed", "f"},
          {"energy_initial", "f"},
          {"energy_revised", "f"},
          {"gradient_norm", ""},
          {"reconstruction", ""}};
}

std::vector<Reading> Cdrl::take_readings() {
  std::vector<Reading> all;
  if (!learning_) return all;
  Learning &now = *learning_;
  const double batch = double(settings_.batch), elements = double(now.clean.size());
  for (now.taken = std::max(now.taken, now.kept - kept_readings); now.taken < now.kept; ++now.taken) {
    const int moment = int(now.taken % kept_readings);
    const std::vector<double> r = now.readings.kept(moment);
    Reading reading{now.moments[size_t(moment)],
                    {r[Learning::observed] / batch, r[Learning::initial] / batch, r[Learning::revised] / batch,
                     r[Learning::gradient_norm], std::sqrt(r[Learning::residual] / elements)},
                    ""};
    const std::string when = "iteration " + std::to_string(reading.iteration) + ": ";
    for (size_t i = 0; i < reading.values.size(); ++i)
      if (!std::isfinite(reading.values[i])) throw no_longer_finite(when + columns()[i].name);
    const double gap = std::abs(reading.values[0] - reading.values[2]);
    if (gap > runaway && !std::exchange(now.warned, true))
      reading.warning = when + "the energies of data and chains lie " + std::to_string(int64_t(gap)) +
                        " apart: the chains no longer follow. Try a smaller descriptor_rate, or more langevin_steps";
    all.push_back(std::move(reading));
  }
  return all;
}

// --------------------------------------------------------------------------------------------------------- results

NamedViews Cdrl::state() {
  NamedViews all;
  for (const NamedViews &part :
       {nets_.energy->state(), energy_optimizer_.state(), nets_.initialiser->state(), initialiser_optimizer_.state()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

DiffusionSampler &Cdrl::sampler() const {
  if (!sampler_)
    sampler_ = std::make_unique<DiffusionSampler>(*nets_.energy, *nets_.initialiser, diffusion_,
                                                  settings_.langevin_steps, settings_.classes);
  return *sampler_;
}

std::vector<std::pair<std::string, ConstView>> Cdrl::samples() const {
  exchange_averages();
  sampler().draw(settings_.seed, 0);
  exchange_averages();
  return {{"initialiser", sampler().initial()}, {"descriptor", sampler().samples()}};
}

void Cdrl::draw(const LearningSettings &s, int64_t count, const Visit &visit) {
  exchange_averages();
  const int64_t size = nets_.energy->input().example();
  for (int64_t first = 0; first < count; first += DiffusionSampler::at_a_time) {
    sampler().draw(s.seed, first / DiffusionSampler::at_a_time);
    const auto some = [&](ConstView x) {
      std::vector<real> values(size_t(std::min(DiffusionSampler::at_a_time, count - first) * size));
      backend_.download(x.data, values.data(), values.size() * sizeof(real));
      return values;
    };
    visit(first, some(sampler().initial()), some(sampler().samples()));
  }
  exchange_averages();
}

void Cdrl::exchange_averages() const {
  energy_optimizer_.exchange_averages();
  initialiser_optimizer_.exchange_averages();
}

size_t Cdrl::planned_bytes() const {
  return learning_ ? learning_->arena.bytes() + learning_->initialiser_arena.bytes() : 0;
}

size_t Cdrl::unplanned_bytes() const {
  return learning_ ? learning_->guess.bytes_unplanned() + learning_->revise.bytes_unplanned() +
                         learning_->learn.bytes_unplanned()
                   : 0;
}

}  // namespace coopnets
