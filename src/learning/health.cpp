#include "learning/health.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace coopnets {

namespace {
constexpr int64_t frozen_after = 20;    // iterations
constexpr double frozen_within = 1e-6;  // relative

bool close(double a, double b) { return std::abs(a - b) <= frozen_within * std::max(std::abs(a), std::abs(b)); }
}  // namespace

LearningFailed no_longer_finite(const std::string &what) {
  return LearningFailed(what +
                        " is no longer a finite number, so learning stops. Try a smaller learning rate (--set "
                        "descriptor_rate=... generator_rate=...) or a smaller Langevin step (--set "
                        "langevin_step_size=...)");
}

std::string Health::check(const Monitor &m) {
  const std::string when = "iteration " + std::to_string(m.iteration) + ": ";
  std::vector<std::pair<const char *, double>> values;
  if (m.has_descriptor)
    values = {{"the energy of the observed examples", m.energy_observed},
              {"the energy of the initial samples", m.energy_initial},
              {"the energy of the revised samples", m.energy_revised},
              {"the Langevin gradient", m.gradient}};
  if (m.has_generator) values.emplace_back("the reconstruction error", m.reconstruction);
  if (m.data_reconstruction) values.emplace_back("the reconstruction error of the data", *m.data_reconstruction);
  for (const auto &[what, value] : values)
    if (!std::isfinite(value)) throw no_longer_finite(when + what);
  std::string warning = dead("descriptor", m.layer_maximum, "descriptor_rate");
  if (warning.empty()) warning = dead("generator", m.generator_layer_maximum, "generator_rate");
  if (warning.empty()) warning = diverged(m);
  if (warning.empty()) warning = frozen(m);
  return warning.empty() ? "" : when + warning;
}

std::string Health::dead(const std::string &net, const std::vector<double> &maxima, const std::string &rate) {
  for (size_t layer = 0; layer < maxima.size() && !warned_dead_; ++layer)
    if (maxima[layer] == 0) {
      warned_dead_ = true;
      return "all units of " + net + " layer " + std::to_string(layer + 1) +
             " have died (their responses are zero for every example), so it learns nothing any more. Try a smaller " +
             rate + ", or halve it more often (--set halvings=...)";
    }
  return "";
}

// The data are within [-1, 1], so that samples and residuals beyond twice that range are on their way to infinity.
std::string Health::diverged(const Monitor &m) {
  constexpr double far = 2;
  if (warned_far_) return "";
  char size[32];
  warned_far_ = true;
  if (m.has_descriptor && m.amplitude > far) {
    std::snprintf(size, sizeof size, "%.3g", m.amplitude);
    return std::string("the revised samples leave the range of the data (their mean size is ") + size +
           ", the data's 1 at most). Try a smaller descriptor_rate, a smaller langevin_step_size or a smaller "
           "reference_deviation";
  }
  const bool of_data = m.data_reconstruction.value_or(0) > far;
  if (m.has_generator && (m.reconstruction > far || of_data)) {
    std::snprintf(size, sizeof size, "%.3g", of_data ? *m.data_reconstruction : m.reconstruction);
    return std::string("the generator is far from ") + (of_data ? "the data that " : "what ") +
           "it learns (reconstruction error " + size + ", where the data are within 1). Try a smaller generator_rate" +
           (m.has_descriptor && !of_data ? " or descriptor_rate" : " or generator_step_size");
  }
  warned_far_ = false;
  return "";
}

std::string Health::frozen(const Monitor &m) {
  if (!m.has_descriptor) return "";
  unchanged_ = close(m.energy_observed, last_observed_) && close(m.energy_revised, last_revised_) ? unchanged_ + 1 : 0;
  last_observed_ = m.energy_observed;
  last_revised_ = m.energy_revised;
  if (unchanged_ < frozen_after || warned_frozen_ || warned_dead_) return "";
  warned_frozen_ = true;
  return "the energies have not changed for " + std::to_string(frozen_after) +
         " iterations, so the descriptor no longer learns. Try another descriptor_rate";
}

}  // namespace coopnets
