#include "rivals/chain.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace coopnets {

namespace {
const Window point{};  // one position: a convolution that is a matrix product
const Activation sigmoid = sigmoid_activation();
}  // namespace

TiedLayers::TiedLayers(Backend &backend, int64_t visible, int64_t hidden, RandomKey key, int64_t index,
                       double deviation)
    : weights(backend, filter_shape(point, visible, hidden)),
      visible_bias(backend, {1, 1, 1, 1, visible}),
      hidden_bias(backend, {1, 1, 1, 1, hidden}) {
  backend.set_clock({0, 1});
  backend.fill_normal(weights, 0, real(deviation), key, index);
}

void TiedLayers::up(ConstView v, View h) const {
  weights.backend().count_passes(v.shape.n);
  weights.backend().conv_forward(v, weights, point, {hidden_bias, sigmoid}, h);
}

void TiedLayers::down(ConstView h, View v) const {
  weights.backend().count_passes(h.shape.n);
  weights.backend().conv_backward_input(h, weights, point, {visible_bias, sigmoid}, v);
}

NamedViews TiedLayers::named(const std::string &layer) const {
  return {
      {layer + ".weights", weights}, {layer + ".visible_bias", visible_bias}, {layer + ".hidden_bias", hidden_bias}};
}

Descent::Descent(Backend &backend, bool adam, std::vector<View> parameters)
    : backend_(backend), adam_(adam), parameters_(std::move(parameters)) {
  for (const View &p : parameters_) {
    first_.emplace_back(backend, p.shape);
    if (adam) second_.emplace_back(backend, p.shape);
  }
}

void Descent::step(const std::vector<View> &gradients, double rate) {
  std::vector<AdamUpdate> adam;
  std::vector<MomentumUpdate> momentum;
  for (size_t i = 0; i < parameters_.size(); ++i)
    if (adam_)
      adam.push_back({parameters_[i], gradients[i], first_[i], second_[i], real(rate)});
    else
      momentum.push_back({parameters_[i], gradients[i], first_[i], real(rate / 2), 1, 0, 0});
  if (adam_)
    backend_.adam(adam, {real(0.9)});
  else
    backend_.capped_momentum(momentum, real(0.5));
}

NamedViews Descent::named(const std::string &name) const {
  NamedViews all;
  for (size_t i = 0; i < first_.size(); ++i) all.emplace_back(name + ".first." + std::to_string(i), first_[i]);
  for (size_t i = 0; i < second_.size(); ++i) all.emplace_back(name + ".second." + std::to_string(i), second_[i]);
  return all;
}

Taped::Taped(Backend &backend, const std::vector<View> &all) : arena_(backend), tape(backend, arena_) {
  for (const View &p : all) parameters.push_back(tape.leaf(p));
}

void Taped::add_loss(Variable loss, double weight) {
  losses_.push_back(loss);
  weights_.push_back(real(weight));
}

void Taped::add_cross_entropy(Variable x, Variable u, double weight) {
  add_loss(activate(tape, u, softplus()), weight);
  add_loss(multiply(tape, x, u), -weight);
}

void Taped::plan() {
  if (!losses_.empty()) gradient_ = &tape.gradient(losses_, parameters);
  tape.plan();
}

std::vector<View> Taped::gradients() {
  tape.forward();
  for (size_t k = 0; k < losses_.size(); ++k) tape.backend().fill(tape.seed(*gradient_, k), weights_[k]);
  tape.backward(*gradient_);
  std::vector<View> all;
  for (const Variable p : parameters) all.push_back(tape.of(*gradient_, p));
  return all;
}

NamedViews joined(const std::vector<NamedViews> &parts) {
  NamedViews all;
  for (const NamedViews &part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

OfChain::OfChain(const ChainParts &parts, Column column, double factor)
    : backend_(parts.backend),
      settings_(parts.settings),
      seed_(parts.seed),
      count_(double(parts.settings.batch)),
      observed_(backend_, {parts.settings.batch, 1, 1, 1, parts.example.example()}),
      made_(backend_, observed_.shape()),
      example_(parts.example),
      shown_(backend_, parts.example.with_n(parts.settings.batch)),
      column_(std::move(column)),
      factor_(factor),
      readings_(backend_, Spread::slots + 1, Spread::slots + 1) {
  if (backend_.ranks().count() > 1)
    throw std::invalid_argument("this learner's chain is one for the whole batch: it learns on one rank alone");
}

void OfChain::iterate(int64_t iteration, double rate, const Batch &batch) {
  if (int64_t(batch.examples.size()) != observed_.size())
    throw std::invalid_argument("an iteration needs exactly " + std::to_string(observed_.shape().n) +
                                " observed examples");
  backend_.upload(batch.examples.data(), observed_.data(), batch.examples.size() * sizeof(real));
  backend_.affine(observed_, real(0.5), real(0.5), observed_);
  backend_.set_clock({iteration, rate});
  learn(iteration, rate);
  spread_.measure(backend_, observed_, made_, readings_);
  backend_.sum_squared_difference(observed_, made_, readings_, Spread::slots);
  const View shown{made_.shape(), shown_.data()};
  backend_.affine(made_, 2, -1, shown);
  readings_.keep(iteration + 1);
}

void OfChain::begin_at_the_mean(View visible_bias) const {
  const std::vector<real> x = observed_.values();
  const int64_t pixels = observed_.shape().example();
  std::vector<real> logits;
  for (int64_t i = 0; i < pixels; ++i) {
    double mean = 0;
    for (int64_t n = 0; n < observed_.shape().n; ++n) mean += x[size_t(n * pixels + i)] / count_;
    mean = std::clamp(mean, 0.01, 0.99);
    logits.push_back(real(std::log(mean / (1 - mean))));
  }
  backend_.upload(logits.data(), visible_bias.data, logits.size() * sizeof(real));
}

std::vector<Reading> OfChain::take_readings() {
  std::vector<Reading> all;
  for (const auto &[iteration, slots] : readings_.take()) {
    const double value = factor_ * slots[Spread::slots], share = Spread::share(slots);
    const std::string when = "iteration " + std::to_string(iteration) + ": ";
    if (!std::isfinite(value)) throw no_longer_finite(when + column_.name);
    const std::string alike = spread_.alike(share);
    all.push_back({iteration, {value, share}, alike.empty() ? "" : when + alike});
  }
  return all;
}

double OfChain::variety() const {
  const std::vector<real> x = made_.values();
  const size_t size = size_t(made_.shape().example());
  double squares = 0;
  for (size_t i = size; i < x.size(); ++i) squares += std::pow(double(x[i]) - double(x[i - size]), 2);
  return std::sqrt(squares);
}

void OfChain::draw_range(const LearningSettings &s, int64_t from, int64_t end, const Visit &visit) {
  if (from != 0) throw std::logic_error("samples of one chain begin with the first");
  const int64_t between = std::max<int64_t>(1, settings_.sample_steps);
  int64_t step = 0;
  double at_first = 0;
  bool told = batch() < 2 || !warn;
  for (int64_t first = 0; first < end; first += batch()) {
    for (int64_t k = 0; k < (first == 0 ? 10 : 1) * between; ++k, ++step) {
      backend_.set_clock({int64_t(s.seed << 32 | uint64_t(step)), 1});  // another seed, another chain
      step_chain();
      if (step == 0) at_first = variety();
    }
    if (!told && variety() <= Spread::least * at_first) {
      told = true;
      warn(
          "all samples that are made together are alike: the chain has lost what it began from. Try fewer "
          "sample_steps, or a longer run");
    }
    std::vector<real> x = made_.values();
    for (real &v : x) v = 2 * v - 1;
    x.resize(size_t(std::min(batch(), end - first) * example_.size()));
    visit(first, x, {});
  }
}

Rival rival_of_digits(const std::string &name, const std::string &title, const std::string &learns,
                      const std::string &uses, std::unique_ptr<ChainLearner> (*chain)(const ChainParts &)) {
  Rival rival{
      name, title,   learns,  "width generator_init generator_rate sample_steps" + (uses.empty() ? "" : " " + uses),
      {},   nullptr, nullptr, nullptr};
  rival.of_digits = rival.one_rank = true;
  rival.chain = chain;
  return rival;
}

}  // namespace coopnets
