#include "learning/health.h"

#include <algorithm>
#include <cmath>

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
  for (const auto &[what, value] : values)
    if (!std::isfinite(value)) throw no_longer_finite(when + what);
  const auto dead = [&](const char *net, const std::vector<double> &maxima, const char *rate) -> std::string {
    for (size_t layer = 0; layer < maxima.size(); ++layer)
      if (maxima[layer] == 0 && !warned_dead_) {
        warned_dead_ = true;
        return when + "all units of " + net + " layer " + std::to_string(layer + 1) +
               " have died (their responses are zero for every example), so it learns nothing any more. Try a "
               "smaller " +
               rate + ", or halve it earlier (--set halve_every=...)";
      }
    return "";
  };
  std::string warning = dead("descriptor", m.layer_maximum, "descriptor_rate");
  if (warning.empty()) warning = dead("generator", m.generator_layer_maximum, "generator_rate");
  if (!warning.empty() || !m.has_descriptor) return warning;
  unchanged_ = close(m.energy_observed, last_observed_) && close(m.energy_revised, last_revised_) ? unchanged_ + 1 : 0;
  last_observed_ = m.energy_observed;
  last_revised_ = m.energy_revised;
  if (unchanged_ >= frozen_after && !warned_frozen_ && !warned_dead_) {
    warned_frozen_ = true;
    return when + "the energies have not changed for " + std::to_string(frozen_after) +
           " iterations, so the descriptor no longer learns. Try another descriptor_rate";
  }
  return "";
}

}  // namespace coopnets
