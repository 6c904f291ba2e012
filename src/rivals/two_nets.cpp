#include "rivals/two_nets.h"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "experiments/model.h"

namespace coopnets {

namespace {

constexpr int most_slots = 24, first_term = Spread::slots;

std::vector<View> with(View x, const std::vector<View> &more, size_t inputs) {
  std::vector<View> all = {x};
  for (size_t i = 0; all.size() < inputs; ++i) all.push_back(more.at(i));
  return all;
}

Share share_of_batch(const RivalParts &parts) {
  const Ranks &ranks = parts.backend.ranks();
  if (ranks.count() > parts.settings.batch)
    throw std::invalid_argument("a batch of " + std::to_string(parts.settings.batch) +
                                " (--set batch=N) is too small for " + std::to_string(ranks.count()) +
                                " ranks, each of which needs an example");
  return ranks.share(parts.settings.batch);
}

std::vector<Column> with_spread(std::vector<Column> columns) {
  columns.push_back({"spread", ""});
  return columns;
}

}  // namespace

TwoNets::TwoNets(const RivalParts &parts, std::vector<Column> columns, const OptimizerSettings &partner,
                 const OptimizerSettings &generator, Learns learns)
    : backend_(parts.backend),
      settings_(parts.settings),
      seed_(parts.seed),
      count_(double(parts.settings.batch)),
      share_(share_of_batch(parts)),
      observed_(backend_, parts.partner.input().with_n(share_.count)),
      latents_(backend_, parts.generator.inputs(), share_.count),
      noise_(learns == Learns::from_reconstruction ? Latents(backend_, parts.generator.inputs(), share_.count)
                                                   : Latents()),
      made_(backend_, observed_.shape()),
      values_(backend_),
      observed_arena_(backend_),
      made_arena_(backend_),
      g_(parts.generator, latents_.views(), Statistics::batch, values_,
         learns == Learns::from_reconstruction ? made_arena_ : observed_arena_,
         {learns == Learns::from_reconstruction ? Wrt::both : Wrt::parameters}),
      on_observed_(
          parts.partner,
          with(observed_, noise_.count() > 0 ? noise_.views() : latents_.views(), parts.partner.inputs().size()),
          Statistics::batch, observed_arena_, observed_arena_, {Wrt::parameters}),
      on_made_(parts.partner, with(made_, latents_.views(), parts.partner.inputs().size()), Statistics::batch,
               made_arena_, made_arena_, {Wrt::inputs, Wrt::parameters}),
      partner_(backend_, parts.partner, partner),
      generator_(backend_, parts.generator, generator),
      columns_(with_spread(std::move(columns))),
      readings_(backend_, most_slots, most_slots) {}

void TwoNets::iterate(int64_t iteration, double rate, const Batch &batch) {
  const int64_t size = observed_.shape().example();
  if (int64_t(batch.examples.size()) != settings_.batch * size)
    throw std::invalid_argument("an iteration needs exactly " + std::to_string(settings_.batch) + " observed examples");
  backend_.upload(batch.examples.data() + share_.first * size, observed_.data(),
                  size_t(observed_.size()) * sizeof(real));
  backend_.set_clock({iteration, rate * rate_factor(iteration)});
  const auto steps = [&] {
    slots_used_ = first_term;
    learn(iteration);
    spread_.measure(backend_, observed_, made(), readings_);
  };
  const int which = sequence(iteration);
  if (which < 0)
    steps();
  else
    backend_.replay(recordings_[which], steps);
  readings_.keep(iteration + 1);
}

void TwoNets::generate(Purpose purpose) {
  latents_.draw(key(purpose));
  g_.forward();
  backend_.copy(g_.output(), made_);
}

void TwoNets::seed(Pass &pass, Wrt wrt, const std::vector<double> &weights) {
  for (size_t k = 0; k < pass.outputs(); ++k) backend_.fill(pass.seed(wrt, k), real(weights.at(k)));
}

void TwoNets::partner_step(const std::vector<double> &observed, const std::vector<double> &made) {
  seed(on_observed_, Wrt::parameters, observed);
  on_observed_.backward(Wrt::parameters);
  seed(on_made_, Wrt::parameters, made);
  on_made_.backward(Wrt::parameters);
  for (size_t i = 0; i < on_made_.net().parameters().size(); ++i)
    backend_.add(on_made_.gradient(Wrt::parameters, i), on_observed_.gradient(Wrt::parameters, i),
                 on_made_.gradient(Wrt::parameters, i));
  partner_.step(on_made_);
  on_observed_.track();
}

void TwoNets::generator_step(const std::vector<double> &weights) {
  seed(on_made_, Wrt::inputs, weights);
  on_made_.backward(Wrt::inputs);
  backend_.copy(on_made_.gradient(Wrt::inputs), g_.seed(Wrt::parameters));
  g_.backward(Wrt::parameters);
  add_to_generator_gradient();
  generator_.step(g_);
  g_.track();
}

int TwoNets::next_slot(size_t column, double factor) {
  if (slots_used_ >= most_slots) throw std::logic_error("more is measured than there is room for");
  if (size_t(slots_used_ - first_term) == terms_.size()) terms_.push_back({column, factor});
  return slots_used_++;
}

void TwoNets::measure(size_t column, ConstView x, double factor) {
  backend_.sum(x, readings_, next_slot(column, factor));
}

void TwoNets::measure_logistic_losses() {
  const double mean = 1 / count_;
  measure(0, on_observed_.output(0), mean);
  measure(0, on_observed_.output(1), -mean);
  measure(0, on_made_.output(0), mean);
  measure(1, on_made_.output(0), mean);
  measure(1, on_made_.output(1), -mean);
}

void TwoNets::measure_squares(size_t column, ConstView a, ConstView b, double factor) {
  backend_.sum_squared_difference(a, b, readings_, next_slot(column, factor));
}

std::vector<Reading> TwoNets::take_readings() {
  std::vector<Reading> all;
  for (const auto &[iteration, slots] : readings_.take()) {
    Reading reading{iteration, std::vector<double>(columns_.size(), 0), ""};
    for (size_t i = 0; i < terms_.size(); ++i)
      reading.values[terms_[i].column] += terms_[i].factor * slots[first_term + i];
    const std::string when = "iteration " + std::to_string(reading.iteration) + ": ";
    for (size_t i = 0; i + 1 < columns_.size(); ++i)
      if (!std::isfinite(reading.values[i])) throw no_longer_finite(when + columns_[i].name);
    std::string what = spread_.alike(reading.values.back() = Spread::share(slots));
    if (what.empty() && !warned_) {
      what = unhealthy(reading.values);
      warned_ = !what.empty();
    }
    if (!what.empty()) reading.warning = when + what;
    all.push_back(std::move(reading));
  }
  return all;
}

std::string TwoNets::certain(double loss) {
  certain_ = loss < 1e-3 ? certain_ + 1 : 0;
  return certain_ < 200
             ? ""
             : "the discriminator has been certain for 200 iterations, so the generator learns little. Try a "
               "smaller descriptor_rate or a smaller width";
}

NamedViews TwoNets::state() {
  NamedViews all;
  for (const NamedViews &part : {g_.net().state(), generator_.state(), on_made_.net().state(), partner_.state()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<std::pair<std::string, ConstView>> TwoNets::samples() const {
  return {{"generator", whole_batch(backend_, made(), settings_.batch, whole_made_)}};
}

Variable discriminator_trunk(Recorder &r, Variable x, int64_t width) {
  Variable h = r.conv(x, width, same_side(4, 2), leaky_relu(0.2));
  for (int64_t channels = 2 * width; r.shape(h).h > 4; channels = std::min(2 * channels, 8 * width))
    h = r.batch_norm(r.conv(h, channels, same_side(4, 2), LayerOptions().without_bias()), leaky_relu(0.2));
  return h;
}

std::vector<Shape> sees_examples(const Shape &example, const Settings &) { return {example}; }

std::vector<Shape> sees_latents_too(const Shape &example, const Settings &s) {
  std::vector<Shape> all = {example};
  for (const Shape &z : latent_shapes(s)) all.push_back(z);
  return all;
}

}  // namespace coopnets
