#include "learning/cooperative.h"

#include <chrono>
#include <limits>
#include <stdexcept>

namespace coopnets {

namespace {
enum Slot { f_observed, f_initial, f_revised, gradient_size, residual, layers };
}

// f(x) is the sum over the last layer of the descriptor net, so its gradient with respect to that layer is constant:
// the seed of every reverse sweep below is one weight an example, and no energy is differentiated.
struct Cooperative::Descriptor {
  Network &net;
  Optimizer optimizer;
  Arena arena;  // D1, D2 and the gradients of G1 and G2 take turns in it
  Tape revise;  // f on the chains, for df/dx alone
  Tape learn;   // f on observed and revised examples together, for df/dtheta alone
  std::unique_ptr<Network::Use> in_revise, in_learn;
  Tape::Gradient *df_dx, *df_dtheta;
  Variable x;
  Tensor ones;     // [chains]
  Tensor weights;  // -1/batch for observed examples, +1/chains for revised ones
  Recording revision[2], learning;

  Descriptor(Backend &backend, Network &network, const LearningSettings &s, View chains, View all)
      : net(network),
        optimizer(backend, network, s.descriptor),
        arena(backend),
        revise(backend, arena),
        learn(backend, arena) {
    x = revise.leaf(chains);
    in_revise = net.apply(revise, x, Statistics::batch);
    revise.keep(in_revise->output);
    df_dx = &revise.gradient(in_revise->output, {x});
    revise.plan();
    in_learn = net.apply(learn, learn.leaf(all), Statistics::batch);
    df_dtheta = &learn.gradient(in_learn->output, in_learn->parameters);
    learn.plan();
    ones = Tensor(backend, {s.chains, 1, 1, 1, 1}, std::vector<real>(s.chains, 1));
    std::vector<real> w(s.batch, real(-1) / s.batch);
    w.resize(s.batch + s.chains, real(1) / s.chains);
    weights = Tensor(backend, {s.batch + s.chains, 1, 1, 1, 1}, w);
  }
};

struct Cooperative::Generator {
  Network &net;
  Optimizer optimizer;
  Arena arena;  // what G0 computed must last over D1 and D2, so the generator's values have an arena of their own
  Tape tape;
  std::unique_ptr<Network::Use> use;
  Tape::Gradient *d_dz = nullptr, *d_dalpha;
  Variable z;
  Recording generation, inference, learning;

  // `gradients`: the descriptor's arena, null where there is none.
  Generator(Backend &backend, Network &network, const LearningSettings &s, View latents, Arena *gradients)
      : net(network),
        optimizer(backend, network, s.generator),
        arena(backend),
        tape(backend, arena, gradients ? *gradients : arena) {
    z = tape.leaf(latents);
    use = net.apply(tape, z, Statistics::batch);
    tape.keep(use->output);
    if (s.generator_steps > 0) d_dz = &tape.gradient(use->output, {z});
    d_dalpha = &tape.gradient(use->output, use->parameters);
    tape.plan();
  }
  View output() const { return tape.value(use->output); }  // g(z) of the last forward pass
};

Cooperative::Cooperative(Backend &backend, Network *descriptor, Network *generator, const LearningSettings &settings,
                         int64_t examples)
    : backend_(backend),
      settings_(settings),
      readings_(
          backend,
          layers + int((descriptor ? descriptor->layers().size() : 0) + (generator ? generator->layers().size() : 0)),
          kept_monitors) {
  const bool alone = settings.algorithm == Algorithm::generator;
  if (alone && settings.generator_steps < 1)
    throw std::invalid_argument(
        "the generator alone infers its latent vectors by step G1: it needs at least one (generator_steps)");
  if (!alone && settings.langevin_steps < 1)
    throw std::invalid_argument(
        "learning needs at least one Langevin step (langevin_steps): nothing is revised by none");
  const int64_t chains = alone ? settings.batch : settings.chains;
  const Shape example = descriptor ? descriptor->input() : generator->output(generator->input());
  examples_ = Tensor(backend, example.with_n(settings.batch + (alone ? 0 : chains)));
  if (descriptor && !alone) {
    View all = examples_;
    d_ = std::make_unique<Descriptor>(backend, *descriptor, settings, all.examples(settings.batch, chains), all);
  }
  if (generator && (alone || settings.algorithm == Algorithm::cooperative)) {
    if (generator->output(generator->input()) != example.with_n(1))
      throw std::invalid_argument("the generator makes " + generator->output(generator->input()).str() +
                                  " but the examples are " + example.str());
    latents_ = Tensor(backend, generator->input().with_n(chains));
    if (!alone && settings.generator_steps > 0) initial_ = Tensor(backend, example.with_n(chains));
    g_ = std::make_unique<Generator>(backend, *generator, settings, latents_, d_ ? &d_->arena : nullptr);
  }
  if (alone) {
    kept_latents_ = Tensor(backend, generator->input().with_n(examples));
    backend.fill_normal(kept_latents_, 0, 1, {settings.seed, Purpose::latent}, 0);
    indices_ = Memory(backend, settings.batch * sizeof(int64_t));
  }
  if (settings.algorithm == Algorithm::persistent_cd)
    backend.fill_normal(View(examples_).examples(settings.batch, chains), 0, real(settings.reference_deviation),
                        {settings.seed, Purpose::initial_chain}, 0);
}

Cooperative::~Cooperative() = default;

void Cooperative::iterate(int64_t iteration, double rate, const std::vector<real> &observed,
                          const std::vector<int64_t> &indices) {
  const View all = examples_, batch = all.examples(0, settings_.batch);
  if (static_cast<int64_t>(observed.size()) != batch.shape.size() ||
      static_cast<int64_t>(indices.size()) != settings_.batch)
    throw std::invalid_argument("an iteration needs exactly " + std::to_string(settings_.batch) + " observed examples");
  backend_.upload(observed.data(), batch.data, observed.size() * sizeof(real));
  backend_.set_clock({iteration, rate});
  if (settings_.algorithm == Algorithm::generator) {
    for (const int64_t i : indices)
      if (i < 0 || i >= kept_latents_.shape().n)
        throw std::invalid_argument("there is no example " + std::to_string(i) + " to learn a latent vector of");
    backend_.upload(indices.data(), indices_.data(), indices.size() * sizeof(int64_t));
  }
  if (seconds_)
    steps(iteration);  // each by itself
  else
    backend_.replay(whole_[draws_noise(iteration)], [&] { steps(iteration); });
  readings_.keep(int(monitored_++ % kept_monitors));
}

void Cooperative::steps(int64_t iteration) {
  switch (settings_.algorithm) {
    case Algorithm::cooperative:
      timed(G0, [&] { step_g0(); });
      timed(D1, [&] { step_d1(iteration); });
      timed(G1, [&] { step_g1(); });
      timed(D2, [&] { step_d2(); });
      timed(G2, [&] { step_g2(); });
      break;
    case Algorithm::descriptor:
      backend_.fill_normal(View(examples_).examples(settings_.batch, settings_.chains), 0,
                           real(settings_.reference_deviation), {settings_.seed, Purpose::initial_chain}, 0);
      step_d1(iteration);
      step_d2();
      break;
    case Algorithm::persistent_cd:
      step_d1(iteration);
      step_d2();
      break;
    case Algorithm::generator: {
      const auto *const indices = static_cast<const int64_t *>(indices_.data());
      backend_.gather(kept_latents_, indices, latents_);
      step_g1();
      step_g2();
      backend_.scatter(latents_, indices, kept_latents_);
      break;
    }
  }
}

bool Cooperative::draws_noise(int64_t iteration) const {
  return settings_.noise_until < 0 || iteration < settings_.noise_until;
}

void Cooperative::timed(Step step, const std::function<void()> &body) {
  if (!seconds_) return body();
  const auto now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()); };
  backend_.synchronise();
  const auto start = now();
  body();
  backend_.synchronise();
  (*seconds_)[step] = (now() - start).count();
}

// z ~ N(0, I); x0 = g(z)
void Cooperative::step_g0() {
  backend_.replay(g_->generation, [&] {
    backend_.fill_normal(latents_, 0, 1, {settings_.seed, Purpose::latent}, 0);
    g_->tape.forward();
    backend_.copy(g_->output(), View(examples_).examples(settings_.batch, settings_.chains));
    if (settings_.generator_steps > 0) backend_.copy(g_->output(), initial_);
  });
}

// x <- x - (delta^2/2) (x/s^2 - df/dx) + delta N(0, I), L times
void Cooperative::step_d1(int64_t iteration) {
  const bool noise = draws_noise(iteration);
  backend_.replay(d_->revision[noise], [&] {
    LangevinStep step{real(settings_.langevin_step_size),
                      real(settings_.reference_deviation),
                      noise,
                      {settings_.seed, Purpose::langevin},
                      0};
    for (step.index = 0; step.index < settings_.langevin_steps; ++step.index) {
      d_->revise.forward();
      if (step.index == 0) backend_.sum(d_->revise.value(d_->in_revise->output), readings_, f_initial);
      backend_.fill_examples(d_->revise.seed(*d_->df_dx), d_->ones);
      d_->revise.backward(*d_->df_dx);
      const View df_dx = d_->revise.of(*d_->df_dx, d_->x);
      if (step.index == settings_.langevin_steps - 1) backend_.sum_absolute(df_dx, readings_, gradient_size);
      backend_.langevin(d_->revise.value(d_->x), df_dx, step);
    }
  });
}

// z <- z - (delta_z^2/2) (z - J'(x - g(z))/sigma^2) + delta_z N(0, I), Lz times. J' times a vector is a reverse sweep
// with that vector as its seed. Batch normalisation couples the chains here as it does in G2.
void Cooperative::step_g1() {
  if (settings_.generator_steps == 0) return;
  backend_.replay(g_->inference, [&] {
    LangevinStep step{real(settings_.generator_step_size), 1, true, {settings_.seed, Purpose::latent_langevin}, 0};
    for (step.index = 0; step.index < settings_.generator_steps; ++step.index) {
      if (step.index > 0 || settings_.algorithm == Algorithm::generator) g_->tape.forward();
      backend_.difference(real(1 / (settings_.sigma * settings_.sigma)), revised(), g_->output(),
                          g_->tape.seed(*g_->d_dz));
      g_->tape.backward(*g_->d_dz);
      backend_.langevin(latents_, g_->tape.of(*g_->d_dz, g_->z), step);
    }
    g_->tape.forward();
  });
}

// theta += lr_d (mean_observed df/dtheta - mean_revised df/dtheta), in one pass over observed and revised examples
void Cooperative::step_d2() {
  backend_.replay(d_->learning, [&] {
    d_->learn.forward();
    const View f = d_->learn.value(d_->in_learn->output);
    backend_.sum(f.examples(0, settings_.batch), readings_, f_observed);
    backend_.sum(f.examples(settings_.batch, settings_.chains), readings_, f_revised);
    for (size_t i = 0; i < d_->in_learn->outputs.size(); ++i)
      backend_.max_absolute(d_->learn.value(d_->in_learn->outputs[i]), readings_, layers + int(i));
    backend_.fill_examples(d_->learn.seed(*d_->df_dtheta), d_->weights);
    d_->learn.backward(*d_->df_dtheta);
    d_->optimizer.step(d_->learn, *d_->df_dtheta, *d_->in_learn);
  });
}

// alpha -= lr_g d/dalpha mean_chains |x - g(z)|^2 / (2 sigma^2), whose gradient in g(z) is (g(z) - x) / (sigma^2
// chains). The tape still holds g(z): that of G0 where G1 is off (same z, same alpha), else that of the end of G1.
void Cooperative::step_g2() {
  backend_.replay(g_->learning, [&] {
    const ConstView x = revised();
    backend_.sum_squared_difference(x, g_->output(), readings_, residual);
    for (size_t i = 0; i < g_->use->outputs.size(); ++i)
      backend_.max_absolute(g_->tape.value(g_->use->outputs[i]), readings_, generator_layers() + int(i));
    backend_.difference(real(1 / (settings_.sigma * settings_.sigma * x.shape.n)), g_->output(), x,
                        g_->tape.seed(*g_->d_dalpha));
    g_->tape.backward(*g_->d_dalpha);
    g_->optimizer.step(g_->tape, *g_->d_dalpha, *g_->use);
    g_->net.track(*g_->use);
  });
}

// Slot of the first generator layer's maximum.
int Cooperative::generator_layers() const { return layers + (d_ ? int(d_->net.layers().size()) : 0); }

Monitor Cooperative::monitor() const { return monitor_of(readings_.read()); }

std::vector<Monitor> Cooperative::take_monitors() {
  std::vector<Monitor> all;
  for (taken_ = std::max(taken_, monitored_ - kept_monitors); taken_ < monitored_; ++taken_)
    all.push_back(monitor_of(readings_.kept(int(taken_ % kept_monitors))));
  return all;
}

Monitor Cooperative::monitor_of(const std::vector<double> &r) const {
  constexpr double absent = std::numeric_limits<double>::quiet_NaN();
  const double values = double(revised().shape.size()), chains = double(settings_.chains);
  Monitor m{d_ != nullptr, g_ != nullptr, absent, absent, absent, absent, absent, {}, {}};
  if (d_) {
    m.energy_observed = r[f_observed] / settings_.batch;
    m.energy_initial = r[f_initial] / chains;
    m.energy_revised = r[f_revised] / chains;
    m.gradient = r[gradient_size] / values;
    m.layer_maximum.assign(r.begin() + layers, r.begin() + generator_layers());
  }
  if (g_) {
    m.reconstruction = std::sqrt(r[residual] / values);
    m.generator_layer_maximum.assign(r.begin() + generator_layers(),
                                     r.begin() + generator_layers() + int64_t(g_->net.layers().size()));
  }
  return m;
}

// Step G1 ends with g of other latent vectors, so x0 is kept where it is taken.
ConstView Cooperative::generated() const {
  return initial_.data() ? ConstView(initial_) : g_ ? ConstView(g_->output()) : revised();
}

// The generator alone learns from the observed examples themselves.
ConstView Cooperative::revised() const {
  const View all = examples_;
  return d_ ? all.examples(settings_.batch, settings_.chains) : all.examples(0, settings_.batch);
}

std::vector<std::pair<std::string, View>> Cooperative::state() {
  std::vector<std::pair<std::string, View>> all;
  auto append = [&](std::vector<std::pair<std::string, View>> part) {
    all.insert(all.end(), part.begin(), part.end());
  };
  if (d_) {
    append(d_->net.state());
    append(d_->optimizer.state());
  }
  if (g_) {
    append(g_->net.state());
    append(g_->optimizer.state());
  }
  if (settings_.algorithm == Algorithm::persistent_cd)
    all.emplace_back("chains", View(examples_).examples(settings_.batch, settings_.chains));
  if (settings_.algorithm == Algorithm::generator) all.emplace_back("latents", kept_latents_);
  return all;
}

size_t Cooperative::planned_bytes() const { return (d_ ? d_->arena.bytes() : 0) + (g_ ? g_->arena.bytes() : 0); }

size_t Cooperative::unplanned_bytes() const {
  return (d_ ? d_->revise.bytes_unplanned() + d_->learn.bytes_unplanned() : 0) + (g_ ? g_->tape.bytes_unplanned() : 0);
}

}  // namespace coopnets
