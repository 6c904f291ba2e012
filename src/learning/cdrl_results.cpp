#include <algorithm>
#include <cmath>
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
          {"reconstruction", ""}};
}

std::vector<Reading> Cdrl::take_readings() {
  std::vector<Reading> all;
  if (!learning_) return all;
  Learning &now = *learning_;
  const double batch = double(settings_.batch), elements = double(now.clean.size());
  for (const auto &[iteration, r] : now.readings.take()) {
    Reading reading{iteration,
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

// While it lives, the nets have the averaged parameters.
class Cdrl::ByAverages {
 public:
  explicit ByAverages(const Cdrl &learner) : learner_(learner) { learner_.exchange_averages(); }
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
  return all;
}

DiffusionSampler &Cdrl::sampler() const {
  if (!sampler_)
    sampler_ =
        std::make_unique<DiffusionSampler>(*nets_.energy, *nets_.initialiser, example_, diffusion_, colours_.get(),
                                           settings_.langevin_steps, settings_.classes, settings_.guidance);
  return *sampler_;
}

std::vector<std::pair<std::string, ConstView>> Cdrl::samples() const {
  const ByAverages now(*this);
  sampler().draw(settings_.seed, 0);
  return {{"initialiser", sampler().initial()}, {"descriptor", sampler().samples()}};
}

// Sides that can be halved as often as those of the nominal example.
Shape Cdrl::set_example(const Shape &wanted) {
  const std::vector<Shape> nominal = nets_.initialiser->inputs();
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

// The sampler makes block by block what is given away batch by batch.
void Cdrl::draw(const LearningSettings &s, int64_t count, const Visit &visit) {
  const ByAverages now(*this);
  const int64_t size = example_.example(), block = sampler().at_a_time();
  std::vector<real> ready;
  int64_t given = 0;
  for (int64_t first = 0; first < count; first += block) {
    const int64_t some = std::min(block, count - first);
    sampler().draw(s.seed, first / block, [&](double share) {
      if (watch) watch(double(first) + share * double(some));
    });
    const std::vector<real> made = values(backend_, sampler().samples());
    ready.insert(ready.end(), made.begin(), made.begin() + some * size);
    while (given < first + some) {
      const int64_t next = std::min(batch(), count - given);
      if (int64_t(ready.size()) < next * size) break;
      visit(given, {ready.begin(), ready.begin() + next * size}, {});
      ready.erase(ready.begin(), ready.begin() + next * size);
      given += next;
    }
  }
}

Learner::LogDensities Cdrl::log_densities(const std::vector<real> &examples) {
  const ByAverages now(*this);
  LogDensities all;
  for (int64_t t = 1; t <= settings_.levels; ++t)
    all.emplace_back("energy-" + std::to_string(t), sampler().log_density(t, examples));
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
