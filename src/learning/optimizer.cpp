#include "learning/optimizer.h"

#include <cmath>

namespace coopnets {

namespace {
constexpr real decay_of_filters = 1e-4, kept_square = 0.99, epsilon = 1e-8;
}  // namespace

Optimizer::Optimizer(Backend &backend, Network &network, const OptimizerSettings &settings)
    : backend_(backend), network_(network), settings_(settings), norm_(backend, 1) {
  for (const Parameter &p : network.parameters()) {
    moments_.push_back({Tensor(backend, p.value.shape()), Tensor(), Tensor()});
    if (settings.rule == OptimizerSettings::adam) moments_.back().second = Tensor(backend, p.value.shape());
    if (settings.average_half_life <= 0) continue;
    if (p.value.size() > between_.size()) between_ = Tensor(backend, {1, 1, 1, 1, p.value.size()});
    moments_.back().average = Tensor(backend, p.value.shape());
    backend.copy(p.value, moments_.back().average);
  }
}

void Optimizer::step(const Pass &pass, Readings *norm, int slot) {
  std::vector<View> gradients;
  for (size_t i = 0; i < network_.parameters().size(); ++i) gradients.push_back(pass.gradient(Wrt::parameters, i));
  sum_over_ranks(backend_, gradients);
  if (norm || settings_.gradient_bound > 0)
    backend_.clip_norm(gradients, real(settings_.gradient_bound), norm ? *norm : norm_, norm ? slot : 0);
  std::vector<AdamUpdate> adam;
  std::vector<MomentumUpdate> with_momentum;
  std::vector<RmspropUpdate> rmsprop;
  std::vector<AverageUpdate> averages;
  for (size_t i = 0; i < network_.parameters().size(); ++i) {
    const ConstView gradient = gradients[i];
    const Parameter &p = network_.parameters()[i];
    Moments &m = moments_[i];
    const double rate = settings_.rate * p.rate;
    const bool twice = p.kind == Parameter::bias || p.kind == Parameter::scale;
    switch (settings_.rule) {
      case OptimizerSettings::adam:
        adam.push_back({p.value, gradient, m.first, m.second, real(rate)});
        break;
      case OptimizerSettings::capped_momentum:
        with_momentum.push_back({p.value, gradient, m.first, real(twice ? 2 * rate : rate),
                                 real(settings_.per_position ? p.positions : 1), real(settings_.cap),
                                 p.kind == Parameter::filters ? decay_of_filters : 0});
        break;
      case OptimizerSettings::momentum:
        with_momentum.push_back({p.value, gradient, m.first, real(rate), 1, 0, 0});
        break;
      case OptimizerSettings::rmsprop:
        rmsprop.push_back({p.value, gradient, m.first, real(rate)});
    }
    if (settings_.average_half_life > 0) averages.push_back({p.value, m.average});
  }
  AdamRule rule;
  rule.beta1 = real(settings_.beta1);
  rule.weight_decay = real(settings_.weight_decay);
  if (!adam.empty()) backend_.adam(adam, rule);
  if (!with_momentum.empty()) backend_.capped_momentum(with_momentum, real(momentum_));
  if (!rmsprop.empty()) backend_.rmsprop(rmsprop, kept_square, epsilon);
  if (!averages.empty()) backend_.average(averages, real(std::exp2(-1 / settings_.average_half_life)));
}

int64_t Optimizer::elements() const {
  int64_t count = 3 * network_.parameter_count();
  for (const Moments &m : moments_) count += 2 * (m.first.size() + m.second.size() + m.average.size());
  return count;
}

void Optimizer::exchange_averages() {
  if (settings_.average_half_life <= 0) return;
  for (size_t i = 0; i < moments_.size(); ++i) {
    const View value = network_.parameters()[i].value, average = moments_[i].average;
    const View between{value.shape, between_.data()};
    backend_.copy(value, between);
    backend_.copy(average, value);
    backend_.copy(between, average);
  }
}

NamedViews Optimizer::state() {
  NamedViews all;
  for (size_t i = 0; i < moments_.size(); ++i) {
    const std::string &name = network_.parameters()[i].name;
    if (settings_.rule == OptimizerSettings::adam) {
      all.emplace_back(name + ".first_moment", moments_[i].first);
      all.emplace_back(name + ".second_moment", moments_[i].second);
    } else {
      const bool square = settings_.rule == OptimizerSettings::rmsprop;
      all.emplace_back(name + (square ? ".mean_square" : ".velocity"), moments_[i].first);
    }
    if (settings_.average_half_life > 0) all.emplace_back(average_of(name), moments_[i].average);
  }
  return all;
}

}  // namespace coopnets
