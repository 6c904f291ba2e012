#include "learning/monitor.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace coopnets {

Monitoring::Monitoring(Backend &backend, const Pass *descriptor, const Pass *generator, int64_t batch, ConstView chains)
    : backend_(backend),
      descriptor_(descriptor),
      generator_(generator),
      batch_(double(batch)),
      chains_(double(chains.shape.n)),
      elements_(double(chains.shape.size())),
      outputs_(descriptor ? int(descriptor->outputs()) : 0),
      gradient_(3 * outputs_),
      amplitude_(gradient_ + 1),
      residual_(amplitude_ + 1),
      descriptor_layers_(residual_ + 1),
      generator_layers_(descriptor_layers_ + (descriptor ? int(descriptor->layers()) : 0)),
      count_(generator_layers_ + (generator ? int(generator->layers()) : 0)),
      readings_(std::make_unique<Readings>(backend, count_, Learner::kept_readings)) {}

void Monitoring::energy(Energy which, const Pass &f, int64_t first, int64_t count) {
  for (int k = 0; k < outputs_; ++k)
    backend_.sum(f.output(size_t(k)).examples(first, count), *readings_, int(which) * outputs_ + k);
}

void Monitoring::layers(const Pass &pass) {
  const int slot = &pass == generator_ ? generator_layers_ : descriptor_layers_;
  for (size_t i = 0; i < pass.layers(); ++i) backend_.max_absolute(pass.layer(i), *readings_, slot + int(i));
}

void Monitoring::keep(int64_t iteration) {
  readings_->keep(int(kept_ % Learner::kept_readings));
  iterations_[kept_++ % Learner::kept_readings] = iteration;
}

Monitor Monitoring::last() const {
  return from(iterations_[(kept_ + Learner::kept_readings - 1) % Learner::kept_readings], readings_->read());
}

std::vector<Monitor> Monitoring::take() {
  std::vector<Monitor> all;
  for (taken_ = std::max(taken_, kept_ - Learner::kept_readings); taken_ < kept_; ++taken_) {
    const int moment = int(taken_ % Learner::kept_readings);
    all.push_back(from(iterations_[moment], readings_->kept(moment)));
  }
  return all;
}

Monitor Monitoring::from(int64_t iteration, const std::vector<double> &r) const {
  constexpr double absent = std::numeric_limits<double>::quiet_NaN();
  Monitor m{
      iteration, descriptor_ != nullptr, generator_ != nullptr, absent, absent, absent, absent, absent, absent, {}, {}};
  const auto energy = [&](Energy which) {
    double sum = 0;
    for (int k = 0; k < outputs_; ++k) sum += r[size_t(int(which) * outputs_ + k)];
    return sum / (which == observed ? batch_ : chains_);
  };
  if (descriptor_) {
    m.energy_observed = energy(observed);
    m.energy_initial = energy(initial);
    m.energy_revised = energy(revised);
    m.gradient = r[size_t(gradient_)] / elements_;
    m.amplitude = r[size_t(amplitude_)] / elements_;
    m.layer_maximum.assign(r.begin() + descriptor_layers_, r.begin() + generator_layers_);
  }
  if (generator_) {
    m.reconstruction = std::sqrt(r[size_t(residual_)] / elements_);
    m.generator_layer_maximum.assign(r.begin() + generator_layers_, r.begin() + count_);
  }
  return m;
}

}  // namespace coopnets
