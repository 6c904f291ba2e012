#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "learning/cdrl_learning.h"

namespace coopnets {

namespace {
constexpr double runaway = 1e4;  // a gap of energies from which there is no way back
}

std::vector<Column> Cdrl::columns() const {
  return {{"energy_observed", "f"},
          {"energy_initial", "f"},
          {"energy_revised", "f"},
          {"gradient_norm", ""},
          {"reconstruction", ""},
          {"acceptance", ""},
          {"drift", ""}};
}

// One row of the log. Acceptance and drift are means over the levels, each by its own step and noise.
std::vector<double> Cdrl::row(const std::vector<double> &slots) const {
  const Learning &now = *learning_;
  const double batch = double(settings_.batch), elements = batch * double(now.clean.shape().example()),
               T = double(settings_.levels);
  double residual = 0, acceptance = 0, of_drift = 0;
  for (int64_t t = 1; t <= settings_.levels; ++t) {
    const LangevinStep step = diffusion_.langevin_step(t, {}, {});
    const double own = slots[size_t(now.slot_of_residual(t))];
    residual += own;
    of_drift += drift({step, settings_.langevin_steps, settings_.langevin_steps}, own, elements / T) / T;
    acceptance += now.tests.empty()
                      ? std::numeric_limits<double>::quiet_NaN()
                      : now.tests[size_t(t - 1)].acceptance(&slots[size_t(now.slot_of_test(t))], step) / T;
  }
  return {slots[Learning::observed] / batch,
          slots[Learning::initial] / batch,
          slots[Learning::revised] / batch,
          slots[size_t(now.slot_of_gradient_norm())],
          std::sqrt(residual / elements),
          acceptance,
          of_drift};
}

std::vector<Reading> Cdrl::take_readings() {
  constexpr size_t must_be_finite = 5;  // the energies, gradient and reconstruction
  std::vector<Reading> all;
  if (!learning_) return all;
  for (const auto &[iteration, slots] : learning_->readings.take()) {
    Reading reading{iteration, row(slots), ""};
    const std::string when = "iteration " + std::to_string(reading.iteration) + ": ";
    for (size_t i = 0; i < must_be_finite; ++i)
      if (!std::isfinite(reading.values[i])) throw no_longer_finite(when + columns()[i].name);
    const double gap = std::abs(reading.values[0] - reading.values[2]);
    if (gap > runaway && !std::exchange(learning_->warned, true))
      reading.warning = when + "the energies of data and chains lie " + std::to_string(int64_t(gap)) +
                        " apart: the chains no longer follow. Try a smaller descriptor_rate, or more langevin_steps";
    all.push_back(std::move(reading));
  }
  return all;
}

// While it lives, the nets have the averaged parameters, and the sampler begins where samples do.
class Cdrl::ByAverages {
 public:
  explicit ByAverages(const Cdrl &learner) : learner_(learner) {
    learner_.set_beginning();
    learner_.exchange_averages();
  }
  ~ByAverages() { learner_.exchange_averages(); }
  ByAverages(const ByAverages &) = delete;

 private:
  const Cdrl &learner_;
};

NamedViews Cdrl::state() {
  NamedViews all;
  for (const NamedViews &part :
       {nets_.energy->state(), energy_optimizer_.state(), nets_.initialiser->state(), initialiser_optimizer_.state()})
    all.insert(all.end(), part.begin(), part.end());
  if (colours_)
    for (const auto &part : colours_->state()) all.push_back(part);
  if (settings_.begins_at_mean) all.push_back({"mean", mean_});
  return all;
}

DiffusionSampler &Cdrl::sampler() const {
  if (!sampler_)
    sampler_ = std::make_unique<DiffusionSampler>(*nets_.energy, *nets_.initialiser, example_, diffusion_,
                                                  settings_.langevin_steps, settings_.classes, settings_.guidance);
  return *sampler_;
}

void Cdrl::set_beginning() const {
  if (!settings_.begins_at_mean) return;
  const Tensor mean(backend_, mean_.shape());
  backend_.copy(mean_, mean);
  if (colours_) colours_->to_net(mean);
  sampler().begin_about(mean);
}

std::vector<std::pair<std::string, ConstView>> Cdrl::samples() const {
  const ByAverages now(*this);
  sampler().draw(settings_.seed, 0);
  for (const View &made : {sampler().initial(), sampler().samples()}) finish(made);
  return {{"initialiser", sampler().initial()}, {"descriptor", sampler().samples()}};
}

// Sides that can be halved as often as those of the nominal example.
Shape Cdrl::set_example(const Shape &wanted) {
  const std::vector<Shape> nominal = nets_.initialiser->inputs();
  if (settings_.begins_at_mean && wanted.with_n(1) != nominal[0])
    throw std::invalid_argument("samples begin about the mean example, which is " + nominal[0].str() + " and not " +
                                wanted.str() + ": learn with --set start=noise");
  for (int64_t unit = 1; unit <= std::max(nominal[0].h, nominal[0].w); unit *= 2) {
    Shape example = wanted.with_n(1);
    example.h = (wanted.h + unit - 1) / unit * unit;
    example.w = (wanted.w + unit - 1) / unit * unit;
    const std::vector<Shape> inputs = {example, nominal[1]};
    if (!nets_.energy->takes(inputs) || !nets_.initialiser->takes(inputs)) continue;
    example_ = example;
    sampler_.reset();
    return example;
  }
  throw std::invalid_argument("these nets make no samples of " + wanted.str());
}

void Cdrl::upload(const real *examples, View to) const {
  backend_.upload(examples, to.data, size_t(to.shape.size()) * sizeof(real));
  if (colours_) colours_->to_net(to);
}

void Cdrl::finish(View samples) const {
  if (colours_) colours_->to_data(samples);
  if (settings_.bound > 0) backend_.clip(samples, real(settings_.bound));
}

std::vector<real> Cdrl::finished(int64_t count) const {
  const View some = sampler().samples().examples(0, count);
  finish(some);
  return values(backend_, some);
}

// The number of these examples. Throws std::invalid_argument where the last is not whole.
int64_t Cdrl::whole(const std::vector<real> &all) const {
  const int64_t size = example_.example(), count = int64_t(all.size()) / size;
  if (count * size != int64_t(all.size()))
    throw std::invalid_argument("these are no whole examples, of " + std::to_string(size) + " numbers each");
  return count;
}

// The sampler makes `some` of them at a time, from number `first` on.
void Cdrl::for_blocks(int64_t first, int64_t end, const std::function<void(int64_t first, int64_t some)> &run) const {
  for (; first < end; first += at_a_time()) run(first, std::min(at_a_time(), end - first));
}

std::function<void(double share)> Cdrl::watched(int64_t first, int64_t some) const {
  return [this, first, some](double share) {
    if (watch) watch(double(first) + share * double(some));
  };
}

namespace {
void append(const std::vector<real> &more, std::vector<real> &all) { all.insert(all.end(), more.begin(), more.end()); }
}  // namespace

void Cdrl::draw_range(const LearningSettings &s, int64_t begin, int64_t end, const Visit &visit) {
  const ByAverages now(*this);
  for_blocks(begin, end, [&](int64_t first, int64_t some) {
    sampler().draw(s.seed, first / at_a_time(), watched(first, some));
    visit(first, finished(some), {});
  });
}

std::vector<real> Cdrl::first_noise(uint64_t seed, int64_t k) { return sampler().first_noise(seed, k); }

std::vector<real> Cdrl::descend_from(uint64_t seed, const std::vector<real> &noises,
                                     const std::vector<int64_t> &labels) {
  const ByAverages now(*this);
  const int64_t count = whole(noises);
  if (settings_.classes > 0 && int64_t(labels.size()) != count)
    throw std::invalid_argument("nets that are told classes need that of each sample");
  std::vector<real> all;
  for_blocks(0, count, [&](int64_t first, int64_t some) {
    const auto own = [&](const auto &of, int64_t each) {
      return std::vector(of.begin() + first * each, of.begin() + (first + some) * each);
    };
    sampler().draw_from(seed, own(noises, example_.example()),
                        settings_.classes > 0 ? own(labels, 1) : std::vector<int64_t>{}, watched(first, some));
    append(finished(some), all);
  });
  return all;
}

std::vector<real> Cdrl::complete(uint64_t seed, const std::vector<real> &examples, const std::vector<real> &visible) {
  const ByAverages now(*this);
  const int64_t count = whole(examples), size = example_.example();
  if (visible.size() != examples.size()) throw std::invalid_argument("what is visible is said of each value");
  std::vector<real> all;
  for_blocks(0, count, [&](int64_t first, int64_t some) {
    const View mask = sampler().visible().examples(0, some);
    upload(&examples[size_t(first * size)], sampler().observed().examples(0, some));
    backend_.upload(&visible[size_t(first * size)], mask.data, size_t(mask.shape.size()) * sizeof(real));
    sampler().complete(seed, first / at_a_time(), watched(first, some));
    append(finished(some), all);
  });
  for (size_t i = 0; i < all.size(); ++i)
    if (visible[i] == 1) all[i] = examples[i];
  return all;
}

Learner::LogDensities Cdrl::log_densities(const std::vector<real> &examples) {
  const ByAverages now(*this);
  LogDensities all;
  for (int64_t t = 1; t <= settings_.levels; ++t) {
    std::vector<double> of_level;
    for_blocks(0, whole(examples), [&](int64_t first, int64_t some) {
      upload(&examples[size_t(first * example_.example())], sampler().observed().examples(0, some));
      const std::vector<double> of_block = sampler().log_density(t);
      of_level.insert(of_level.end(), of_block.begin(), of_block.begin() + some);
    });
    all.emplace_back("energy-" + std::to_string(t), std::move(of_level));
  }
  return all;
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
