#include <stdexcept>

#include "learning/cooperative_learning.h"
#include "learning/density.h"

namespace coopnets {

void Cooperative::check_ranks() const {
  const int ranks = backend_.ranks().count();
  if (ranks > settings_.chains)
    throw std::invalid_argument(std::to_string(settings_.chains) + " chains are too few for " + std::to_string(ranks) +
                                " ranks, each of which needs one: more chains (--set chains=N), of the generator alone "
                                "a larger batch (--set batch=N), or fewer ranks");
}

// Every rank keeps all: another may hold an example's share, or a chain's, the next time.
void Cooperative::take_kept() {
  const auto *const indices = static_cast<const int64_t *>(indices_.data());
  const std::vector<View> z = latents_.views(), kept = kept_latents_.views();
  for (size_t i = 0; i < kept.size(); ++i)
    backend_.gather(kept[i], indices + batch_.first, z[i].examples(0, batch_.count));
  if (kept_chains_.data()) backend_.copy(View(kept_chains_).examples(chains_.first, chains_.count), chains());
}

void Cooperative::keep_taken() {
  const auto *const indices = static_cast<const int64_t *>(indices_.data());
  const std::vector<View> z = latents_.views(), kept = kept_latents_.views();
  whole_latents_.resize(kept.size());
  for (size_t i = 0; i < kept.size(); ++i)
    backend_.scatter(whole_batch(backend_, z[i].examples(0, batch_.count), settings_.batch, whole_latents_[i]), indices,
                     kept[i]);
  if (settings_.algorithm == Algorithm::persistent_cd) whole_batch(backend_, chains(), settings_.chains, kept_chains_);
}

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
  const auto whole = [&](ConstView own, Tensor &into) { return whole_batch(backend_, own, settings_.chains, into); };
  if (g_) all.emplace_back("generator", whole(generated(), whole_generated_));
  if (d_) all.emplace_back("descriptor", whole(revised(), whole_revised_));
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
  if (settings_.algorithm == Algorithm::persistent_cd)
    all.emplace_back("chains", kept_chains_.data() ? View(kept_chains_) : chains());
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
