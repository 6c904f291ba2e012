#include <cmath>
#include <stdexcept>

#include "learning/cooperative_learning.h"

namespace coopnets {

// The rows are in the order of the algorithms. Where the data teach the generator too, the descriptor learns after it,
// from chains that are begun once more.
const std::vector<Cooperative::Step> &Cooperative::steps() const {
  static const std::vector<Step> rows[] = {
      {G0, D1, G1, D2, G2}, {R, D1, D2}, {take, D1, D2, keep}, {take, G1, G2, keep}};
  static const std::vector<Step> dual = {take, G0, D1, G1, G2, keep, G0, D1, D2};
  return settings_.data_weight > 0 ? dual : rows[int(settings_.algorithm)];
}

Cooperative::Cooperative(Backend &backend, Network *descriptor, Network *generator, const LearningSettings &s,
                         int64_t examples)
    : backend_(backend), settings_(s) {
  backend.set_clock({0, 1});
  const bool alone = s.algorithm == Algorithm::generator, both = s.algorithm == Algorithm::cooperative;
  const bool from_data = alone || s.data_weight > 0;
  if (alone && s.generator_steps < 1)
    throw std::invalid_argument(
        "the generator alone infers its latent vectors by step G1: it needs at least one (generator_steps)");
  if (s.data_weight > 0 && (!both || s.generator_steps < 1))
    throw std::invalid_argument(
        "data_weight is for cooperative learning, whose step G1 then infers latent vectors of the data too: it needs "
        "at least one such step (generator_steps)");
  if (!alone && s.langevin_steps < 1)
    throw std::invalid_argument(
        "learning needs at least one Langevin step (langevin_steps): nothing is revised by none");
  if (alone) settings_.chains = s.batch;
  batch_ = backend.ranks().share(settings_.batch);
  chains_ = backend.ranks().share(settings_.chains);
  check_ranks();
  const Shape example = descriptor ? descriptor->input() : generator->output(generator->inputs());
  examples_ = Tensor(backend, example.with_n(alone ? batch_.count : batch_.count + chains_.count));
  if (descriptor && !alone) d_ = std::make_unique<Descriptor>(*descriptor, s.descriptor, chains(), examples_);
  if (alone || (both && generator)) {
    require_same(generator->output(generator->inputs()), example.with_n(1), "what the generator makes, the examples");
    if (from_data) kept_latents_ = Latents(backend, generator->inputs(), examples);
    latents_ = Latents(backend, generator->inputs(), taught().shape.n);
    g_ = std::make_unique<Generator>(*generator, s.generator, latents_.views(), s.generator_steps > 0,
                                     d_ ? &d_->arena : nullptr);
    if (both && s.generator_steps > 0) initial_ = Tensor(backend, chains().shape);
  }
  if (from_data) {
    kept_latents_.draw({s.seed, alone ? Purpose::latent : Purpose::second_latent});
    indices_ = Memory(backend, s.batch * sizeof(int64_t));
  }
  if (s.algorithm == Algorithm::persistent_cd) run(R), run(keep);
  const NoisySteps noisy{langevin_step(s, true, Purpose::langevin), s.langevin_steps - s.cold_steps, s.langevin_steps,
                         s.noise_until};
  monitoring_ = std::make_unique<Monitoring>(backend, d_ ? &d_->learn : nullptr, g_ ? &g_->pass : nullptr, s.batch,
                                             settings_.chains, chains(), noisy, s.data_weight > 0);
}

Cooperative::~Cooperative() = default;

// Revised examples: the Langevin chains. The generator alone learns from the observed examples themselves.
View Cooperative::chains() const {
  const View all = examples_;
  return settings_.algorithm == Algorithm::generator ? all : all.examples(batch_.count, chains_.count);
}

View Cooperative::taught() const { return kept_latents_.count() > 0 ? View(examples_) : chains(); }

void Cooperative::iterate(int64_t iteration, double rate, const Batch &batch) {
  observe(batch);
  learn(iteration, rate);
}

void Cooperative::observe(const Batch &batch) {
  const View observed = View(examples_).examples(0, batch_.count);
  const int64_t size = observed.shape.example();
  if (int64_t(batch.examples.size()) != settings_.batch * size || int64_t(batch.indices.size()) != settings_.batch)
    throw std::invalid_argument("an iteration needs exactly " + std::to_string(settings_.batch) + " observed examples");
  for (const int64_t i : batch.indices)
    if (kept_latents_.count() > 0 && (i < 0 || i >= kept_latents_.count()))
      throw std::invalid_argument("there is no example " + std::to_string(i) + " to learn a latent vector of");
  backend_.upload(batch.examples.data() + batch_.first * size, observed.data,
                  size_t(batch_.count * size) * sizeof(real));
  if (indices_.data()) backend_.upload(batch.indices.data(), indices_.data(), indices_.bytes());
}

void Cooperative::learn(int64_t iteration, double rate) {
  backend_.set_clock({iteration, rate});
  iteration_ = iteration;
  backend_.replay(whole_[draws_noise()], [this] {
    for (const Step one : steps()) step(one);
  });
  monitoring_->keep(iteration + 1);
}

void Cooperative::run(Step one) {
  step(one);
  backend_.synchronise();
}

void Cooperative::step(Step one) {
  switch (one) {
    case G0:
      return step_g0();
    case D1:
      return step_d1();
    case G1:
      return step_g1();
    case D2:
      return step_d2();
    case G2:
      return step_g2();
    case R:
      return backend_.fill_normal(chains(), 0, real(settings_.reference_deviation),
                                  {settings_.seed, Purpose::initial_chain, chains_.first}, 0);
    case take:
      return take_kept();
    case keep:
      return keep_taken();
  }
}

bool Cooperative::draws_noise() const { return settings_.noise_until < 0 || iteration_ < settings_.noise_until; }

LangevinStep langevin_step(const LearningSettings &s, bool noise, Purpose purpose) {
  LangevinStep step;
  step.step = real(s.langevin_step_size);
  step.reference_deviation = real(s.reference_deviation);
  step.noise = noise ? real(s.langevin_step_size * std::sqrt(s.temperature)) : 0;
  step.key = {s.seed, purpose};
  return step;
}

// z ~ N(0, I); x0 = g(z)
void Cooperative::step_g0() {
  const int64_t data = latents_.count() - chains_.count;  // whose z are kept ones
  latents_.draw({settings_.seed, Purpose::latent, chains_.first}, data);
  g_->pass.forward();
  const ConstView x0 = g_->pass.output().examples(data, chains_.count);
  backend_.copy(x0, chains());
  if (initial_.data()) backend_.copy(x0, initial_);
}

// x <- x - (delta^2/2) (x/s^2 - df/dx) + delta N(0, I), L times
void Cooperative::step_d1() {
  Pass &f = d_->revise;
  LangevinStep step = langevin_step(settings_, draws_noise(), Purpose::langevin);
  step.key.first_example = chains_.first;
  langevin(
      f, settings_.langevin_steps, step,
      [&](int64_t k) {
        if (k == 0) monitoring_->energy(Monitoring::initial, f, 0, chains_.count);
        f.fill_seed(Wrt::inputs, 1);
      },
      settings_.cold_steps, [&](int64_t k, const LangevinStep &step) { monitoring_->langevin(f, k, step); },
      [&](int64_t k) { return k == 0 || monitoring_->reads_energies(k); });
  if (g_) monitoring_->revision(chains(), generated());
  monitoring_->gradient(f.gradient(Wrt::inputs));
  monitoring_->amplitude(chains());
}

// z <- z - (delta_z^2/2) (z - J'(x - g(z))/sigma^2) + delta_z N(0, I), Lz times. J' times a vector is a sweep with that
// vector as its seed. Batch normalisation couples the examples here as it does in G2.
void Cooperative::step_g1() {
  if (settings_.generator_steps == 0) return;
  Pass &g = g_->pass;
  LangevinStep step;
  step.step = step.noise = real(settings_.generator_step_size);
  step.key = {settings_.seed, Purpose::latent_langevin, chains_.first};
  std::vector<LangevinStep> parts = {step};
  std::vector<int64_t> counts = {chains_.count};
  if (settings_.data_weight > 0) {
    step.key.first_example = batch_.first;
    parts.insert(parts.begin(), step);
    counts.insert(counts.begin(), batch_.count);
  }
  const real precision = real(1 / (settings_.sigma * settings_.sigma));
  langevin(g, settings_.generator_steps, parts, counts,
           [&](int64_t) { backend_.difference(precision, taught(), g.output(), g.seed(Wrt::inputs)); });
  g.forward();
}

// theta += lr_d (mean_observed df/dtheta - mean_revised df/dtheta), in one pass over observed and revised examples
void Cooperative::step_d2() {
  Pass &f = d_->learn;
  const int64_t batch = batch_.count, chains = chains_.count;
  f.forward();
  monitoring_->energy(Monitoring::observed, f, 0, batch);
  monitoring_->energy(Monitoring::revised, f, batch, chains);
  monitoring_->layers(f);
  f.fill_seed(Wrt::parameters, real(-1) / real(settings_.batch), 0, batch);
  f.fill_seed(Wrt::parameters, real(1) / real(settings_.chains), batch, chains);
  f.backward(Wrt::parameters);
  f.beside("optimiser", d_->optimizer.elements(), [&] { d_->optimizer.step(f); });
}

// alpha -= lr_g d/dalpha ((1 - w) sum_chains |x - g(z)|^2 / n + w sum_data |x - g(z)|^2 / m) / (2 sigma^2), of which
// algorithm 1 has w = 0. The gradient in a chain's g(z) is (1 - w) (g(z) - x) / (sigma^2 n). n and m are the numbers of
// chains and of data, or what ResidualMean says. The pass still holds g(z): that of G0 where G1 is off (same z, same
// alpha), else that of the end of G1.
void Cooperative::step_g2() {
  Pass &g = g_->pass;
  const View all = taught(), made = g.output(), seed = g.seed(Wrt::parameters);
  const int64_t chains = chains_.count, data = all.shape.n - chains;
  const double w = settings_.data_weight;
  const auto pull = [&](double weight, int64_t first, int64_t count, int64_t of_all_ranks) {
    const View x = all.examples(first, count);
    const int64_t counts[] = {of_all_ranks, settings_.batch, of_all_ranks * x.shape.example()};
    const double n = double(counts[int(settings_.residual_mean)]);
    backend_.difference(real(weight / (settings_.sigma * settings_.sigma * n)), made.examples(first, count), x,
                        seed.examples(first, count));
  };
  monitoring_->residual(all.examples(data, chains), made.examples(data, chains));
  if (data > 0) monitoring_->data_residual(all.examples(0, data), made.examples(0, data));
  monitoring_->layers(g);
  pull(1 - w, data, chains, settings_.chains);
  if (data > 0) pull(w, 0, data, settings_.batch);
  if (settings_.border > 0) backend_.clear_border(seed, settings_.border);
  g.backward(Wrt::parameters);
  g.beside("optimiser", g_->optimizer.elements(), [&] { g_->optimizer.step(g); });
  g.track();
}

}  // namespace coopnets
