#include "learning/cooperative_learning.h"
#include "learning/density.h"

namespace coopnets {

std::vector<Reading> Cooperative::take_readings() {
  std::vector<Reading> all;
  for (const Monitor &m : take_monitors()) all.push_back({m.iteration, monitoring_->row(m), health_.check(m)});
  return all;
}

// Step G1 ends with g of other latent vectors, so x0 is kept where it is taken.
ConstView Cooperative::generated() const {
  return initial_.data() ? ConstView(initial_) : g_ ? ConstView(g_->pass.output()) : revised();
}

ConstView Cooperative::revised() const { return chains(); }

std::vector<std::pair<std::string, ConstView>> Cooperative::samples() const {
  std::vector<std::pair<std::string, ConstView>> all;
  if (g_) all.emplace_back("generator", generated());
  if (d_) all.emplace_back("descriptor", revised());
  return all;
}

Learner::LogDensities Cooperative::log_densities(const std::vector<real> &examples) {
  if (!d_) return {};
  return {{"energy", log_density(d_->learn.net(), settings_.reference_deviation, examples)}};
}

NamedViews Cooperative::state() {
  NamedViews all;
  const auto append = [&](const NamedViews &part) { all.insert(all.end(), part.begin(), part.end()); };
  if (d_) {
    append(d_->learn.net().state());
    append(d_->optimizer.state());
  }
  if (g_) {
    append(g_->pass.net().state());
    append(g_->optimizer.state());
  }
  if (settings_.algorithm == Algorithm::persistent_cd) all.emplace_back("chains", chains());
  append(kept_latents_.named("latents"));
  return all;
}

void Cooperative::watch(const Observer &observer) {
  if (d_) d_->revise.watch(observer);
  if (d_) d_->learn.watch(observer);
  if (g_) g_->pass.watch(observer);
}

size_t Cooperative::planned_bytes() const { return (d_ ? d_->arena.bytes() : 0) + (g_ ? g_->arena.bytes() : 0); }

size_t Cooperative::unplanned_bytes() const {
  return (d_ ? d_->revise.bytes_unplanned() + d_->learn.bytes_unplanned() : 0) + (g_ ? g_->pass.bytes_unplanned() : 0);
}

}  // namespace coopnets
