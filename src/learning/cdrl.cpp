#include <stdexcept>
#include <utility>

#include "learning/cdrl_learning.h"

namespace coopnets {

namespace {

// Throws std::invalid_argument where the nets do not take the same picture and the same numbers beside it, or give
// something else than a number and a picture.
void check_nets(const Network &energy, const Network &initialiser) {
  const std::vector<Shape> &seen = energy.inputs();
  if (seen.size() != 2 || initialiser.inputs() != seen)
    throw std::invalid_argument("both nets take a picture and what they are told beside it, alike");
  require_same(energy.output(seen), {}, "what the energy gives, one number");
  require_same(initialiser.output(seen), seen[0], "what the initialiser makes, the examples");
}

}  // namespace

Cdrl::Cdrl(std::unique_ptr<Network> energy, std::unique_ptr<Network> initialiser, const CdrlSettings &s)
    : backend_(energy->backend()),
      settings_(s),
      diffusion_(s.levels),
      nets_{std::move(energy), std::move(initialiser)},
      energy_optimizer_(backend_, *nets_.energy, s.energy),
      initialiser_optimizer_(backend_, *nets_.initialiser, s.initialiser),
      example_(nets_.energy->input()) {
  if (s.batch < s.levels || s.batch % s.levels != 0)
    throw std::invalid_argument("each level of noise has as many examples as the others: a batch of " +
                                std::to_string(s.batch) + " does not divide into " + std::to_string(s.levels));
  if (s.langevin_steps < 1)
    throw std::invalid_argument(
        "learning needs at least one Langevin step (langevin_steps): nothing is revised by none");
  if (const int ranks = backend_.ranks().count(); ranks > s.batch)
    throw std::invalid_argument("a batch of " + std::to_string(s.batch) + " (--set batch=N) is too small for " +
                                std::to_string(ranks) + " ranks, each of which needs an example");
  check_nets(*nets_.energy, *nets_.initialiser);
  if (s.begins_at_mean) {
    mean_ = Tensor(backend_, example_);
    backend_.fill(mean_, 0);
  }
  if (s.decorrelate) colours_ = std::make_unique<Colours>(backend_, example_.c);
  diffusion_.embedding(0, (nets_.energy->inputs()[1].c - s.classes) / 2 * 2);  // throws where there is no such one
}

Cdrl::~Cdrl() = default;

void Cdrl::iterate(int64_t iteration, double rate, const Batch &batch) {
  if (!learning_) learning_ = std::make_unique<Learning>(nets_, settings_);
  Learning &now = *learning_;
  const int64_t size = now.clean.shape().example();
  if (int64_t(batch.examples.size()) != settings_.batch * size)
    throw std::invalid_argument("an iteration needs exactly " + std::to_string(settings_.batch) + " observed examples");
  if (settings_.classes > 0 && int64_t(batch.labels.size()) != settings_.batch)
    throw std::invalid_argument("nets that are told classes need that of each example");
  if (colours_ && iteration == 0) colours_->learn(batch.examples);
  if (settings_.begins_at_mean) follow_mean(iteration, batch.examples);
  upload(batch.examples.data() + now.share.first * size, now.clean);
  if (!std::exchange(now.told, true) || settings_.classes > 0) tell_levels(iteration, batch.labels);
  backend_.set_clock({iteration, rate});
  backend_.replay(now.whole, [this] {
    diffuse();
    step_g0();
    step_d1();
    step_d2();
    step_g2();
  });
  now.readings.keep(iteration + 1);
}

// m <- m + (mean of the batch - m) / (k + 1): the mean of all batches until now, of all ranks' examples.
void Cdrl::follow_mean(int64_t iteration, const std::vector<real> &examples) {
  std::vector<real> &mean = mean_on_host_;
  if (mean.empty()) mean = mean_.values();
  const size_t size = mean.size();
  std::vector<double> sums(size, 0);
  for (size_t i = 0; i < examples.size(); ++i) sums[i % size] += double(examples[i]);
  for (size_t i = 0; i < size; ++i)
    mean[i] += real((sums[i] / double(settings_.batch) - double(mean[i])) / double(iteration + 1));
  mean_.set_values(mean);
}

// Now and then no class is told, so that the nets also know the examples of all classes together.
void Cdrl::tell_levels(int64_t iteration, const std::vector<int64_t> &labels) {
  std::vector<int64_t> from, to, own;
  const auto twice = [](const std::vector<int64_t> &v) {
    std::vector<int64_t> both = v;
    both.insert(both.end(), v.begin(), v.end());
    return both;
  };
  for (int64_t n = learning_->share.first; n < learning_->share.first + learning_->share.count; ++n) {
    to.push_back(1 + n / learning_->each);
    from.push_back(n / learning_->each);
    if (settings_.classes == 0) continue;
    const Words words = random_block({settings_.seed, Purpose::dropout}, uint64_t(iteration), 0, uint64_t(n));
    own.push_back(uniform(words.v[0]) <= settings_.label_dropout ? -1 : labels.at(size_t(n)));
  }
  diffusion_.tell(to, own, settings_.classes, learning_->about_noisy);
  diffusion_.tell(twice(from), twice(own), settings_.classes, learning_->about_examples);
}

// x_t and y = (a_t / a_{t-1}) x_{t-1}, with the same noise e: what differs between them is the data's.
void Cdrl::diffuse() {
  Learning &now = *learning_;
  backend_.fill_normal(now.noise, 0, 1, {settings_.seed, Purpose::latent, now.share.first}, 0);
  for (int64_t t = 1; t <= settings_.levels; ++t) {
    const auto part = [&](View all) { return now.part(all, t); };
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
    backend_.fill_normal(now.part(now.made, t), 0, real(diffusion_.transition(t).first_noise),
                         {settings_.seed, Purpose::second_latent, now.number(t)}, t);
  backend_.add(now.made, now.guess.output(), now.made);
  backend_.copy(now.made, now.chains());
}

// y <- y - (1/2) ((y - x_t)/s^2 - df/dy) + b N(0, I), L times, each level with its own s and b
void Cdrl::step_d1() {
  Learning &now = *learning_;
  std::vector<LangevinStep> steps;
  std::vector<int64_t> counts;
  for (int64_t t = 1; t <= settings_.levels; ++t) {
    steps.push_back(
        diffusion_.langevin_step(t, {settings_.seed, Purpose::langevin, now.number(t)}, now.part(now.noisy, t)));
    counts.push_back(now.count(t));
  }
  const auto seed = [&](int64_t k) {
    if (k == 0) backend_.sum(now.revise.output(), now.readings, Learning::initial);
    now.revise.fill_seed(Wrt::inputs, 1);
  };
  langevin(now.revise, settings_.langevin_steps, steps, counts, seed, 0,
           [&](int64_t k, const std::vector<LangevinStep> &parts) { now.test(k, settings_.langevin_steps, parts); });
  for (int64_t t = 1; t <= settings_.levels; ++t)
    backend_.sum_squared_difference(now.part(now.chains(), t), now.part(now.made, t), now.readings,
                                    now.slot_of_residual(t));
}

// theta += lr mean_t w_t (df/dtheta of the data's y - df/dtheta of the chains' y), in one pass over both
void Cdrl::step_d2() {
  Learning &now = *learning_;
  Pass &f = now.learn;
  nets_.energy->iterate_spectral_norms();
  f.forward();
  const int64_t batch = now.share.count;
  backend_.sum(f.output().examples(0, batch), now.readings, Learning::observed);
  backend_.sum(f.output().examples(batch, batch), now.readings, Learning::revised);
  for (int64_t t = 1; t <= settings_.levels; ++t) {
    const double weight = diffusion_.transition(t).weight / double(settings_.batch);
    f.fill_seed(Wrt::parameters, real(-weight), now.first(t), now.count(t));
    f.fill_seed(Wrt::parameters, real(weight), batch + now.first(t), now.count(t));
  }
  f.backward(Wrt::parameters);
  energy_optimizer_.step(f, &now.readings, now.slot_of_gradient_norm());
}

// alpha -= lr d/dalpha ((1 - w) mean |y_0 - y|^2 + w mean |U(x_t) - E(y | x_t, x)|^2): the initialiser learns from what
// the chain made of its guess; published is w = 0. From the data it learns to take noise away, as diffusion models do,
// so that chains begin near what they are to sample.
void Cdrl::step_g2() {
  Learning &now = *learning_;
  const double w = settings_.data_weight, mean = 2 / double(settings_.batch);
  const View seed = now.guess.seed(Wrt::parameters);
  backend_.difference(real((1 - w) * mean), now.made, now.chains(), seed);
  if (w > 0) {
    for (int64_t t = 1; t <= settings_.levels; ++t) {
      const Transition &transition = diffusion_.transition(t);
      const auto part = [&](View all) { return now.part(all, t); };
      now.mix(transition.clean_share, part(now.clean), transition.noisy_share, part(now.noisy), part(now.made));
    }
    backend_.difference(real(w * mean), now.guess.output(), now.made, now.scratch);
    backend_.add(seed, now.scratch, seed);
  }
  now.guess.backward(Wrt::parameters);
  initialiser_optimizer_.step(now.guess);
}

}  // namespace coopnets
