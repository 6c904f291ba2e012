#include "learning/monitor.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace coopnets {

namespace {
constexpr int64_t tested_chains = 4;
}

double drift(const NoisySteps &noisy, double squared_revision, double elements) {
  const double d = noisy.step.step, n = noisy.step.noise;
  const double kept = 1 - d * d / (2 * std::pow(double(noisy.step.reference_deviation), 2));
  double noise = 0;  // the variance of what is left of it
  for (int64_t k = 0; k < noisy.all; ++k) noise = kept * kept * noise + (k < noisy.count ? n * n : 0);
  const double share = 1 - noise * elements / squared_revision;
  return share < 0 ? 0 : share;
}

std::vector<Column> Monitoring::columns() const {
  std::vector<Column> all = {{"energy_observed", "f"},
                             {"energy_initial", "f"},
                             {"energy_revised", "f"},
                             {"gradient", ""},
                             {"reconstruction", ""},
                             {"acceptance", ""},
                             {"drift", ""}};
  if (of_data_) all.insert(all.begin() + 5, {"reconstruction_data", ""});
  return all;
}

std::vector<double> Monitoring::row(const Monitor &m) const {
  std::vector<double> all = {m.energy_observed, m.energy_initial, m.energy_revised, m.gradient,
                             m.reconstruction,  m.acceptance,     m.drift};
  if (of_data_) all.insert(all.begin() + 5, *m.data_reconstruction);
  return all;
}

Monitoring::Monitoring(Backend &backend, const Pass *descriptor, const Pass *generator, int64_t batch, int64_t chains,
                       ConstView own, const NoisySteps &noisy, bool of_data)
    : backend_(backend),
      descriptor_(descriptor),
      generator_(generator),
      batch_(double(batch)),
      chains_(double(chains)),
      elements_(double(chains * own.shape.example())),
      noisy_(noisy),
      of_data_(of_data),
      outputs_(descriptor ? int(descriptor->outputs()) : 0),
      gradient_(3 * outputs_),
      amplitude_(gradient_ + 1),
      residual_(amplitude_ + 1),
      data_residual_(residual_ + 1),
      revision_(data_residual_ + 1),
      metropolis_(revision_ + 1),
      descriptor_layers_(metropolis_ + MetropolisTest::slots(tested_chains, outputs_)),
      generator_layers_(descriptor_layers_ + (descriptor ? int(descriptor->layers()) : 0)),
      count_(generator_layers_ + (generator ? int(generator->layers()) : 0)),
      readings_(backend, count_, descriptor_layers_) {
  if (descriptor && noisy.count >= 2)
    test_.emplace(backend, own, std::min(tested_chains, chains), outputs_, 0, backend.ranks().share(chains));
}

void Monitoring::langevin(const Pass &f, int64_t k, const LangevinStep &step) {
  if (!test_ || step.noise == 0) return;
  if (k == noisy_.count - 2) test_->before(f, step, readings_, metropolis_);
  if (k == noisy_.count - 1) test_->after(f, step, readings_, metropolis_);
}

void Monitoring::energy(Energy which, const Pass &f, int64_t first, int64_t count) {
  for (int k = 0; k < outputs_; ++k)
    backend_.sum(f.output(size_t(k)).examples(first, count), readings_, int(which) * outputs_ + k);
}

void Monitoring::layers(const Pass &pass) {
  const int slot = &pass == generator_ ? generator_layers_ : descriptor_layers_;
  for (size_t i = 0; i < pass.layers(); ++i) backend_.max_absolute(pass.layer(i), readings_, slot + int(i));
}

std::vector<Monitor> Monitoring::take() {
  std::vector<Monitor> all;
  for (const KeptReadings::Moment &moment : readings_.take()) all.push_back(from(moment));
  return all;
}

Monitor Monitoring::from(const KeptReadings::Moment &moment) const {
  const std::vector<double> &r = moment.slots;
  const bool noise = noisy_.iterations < 0 || moment.iteration <= noisy_.iterations;
  constexpr double absent = std::numeric_limits<double>::quiet_NaN();
  Monitor m{moment.iteration,
            descriptor_ != nullptr,
            generator_ != nullptr,
            absent,
            absent,
            absent,
            absent,
            absent,
            absent,
            absent,
            absent,
            {},
            {}};
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
    if (test_ && noise && noisy_.step.noise > 0) m.acceptance = test_->acceptance(r.data() + metropolis_, noisy_.step);
    m.layer_maximum.assign(r.begin() + descriptor_layers_, r.begin() + generator_layers_);
  }
  if (descriptor_ && generator_) {
    NoisySteps drawn = noisy_;
    if (!noise) drawn.step.noise = 0;
    m.drift = drift(drawn, r[size_t(revision_)], elements_);
  }
  if (generator_) {
    m.reconstruction = std::sqrt(r[size_t(residual_)] / elements_);
    if (of_data_) m.data_reconstruction = std::sqrt(r[size_t(data_residual_)] / (elements_ / chains_ * batch_));
    m.generator_layer_maximum.assign(r.begin() + generator_layers_, r.begin() + count_);
  }
  return m;
}

}  // namespace coopnets
