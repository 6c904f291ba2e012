// Tables 1 and 3: what the features of two sets of pictures say about how alike the sets are.
#pragma once
#include <functional>
#include <optional>

#include "app/feature_net.h"
#include "app/options.h"
#include "app/report.h"
#include "metrics/fid.h"

namespace coopnets {

struct FeatureSet {
  std::string name;
  const Features &seen;
};

// Appends what the net makes of pictures of shape `example`, in [-1, 1], as bytes, which is what a file would hold.
void look(FeatureNet &, const std::vector<real> &values, const Shape &example, Features &to);

// A set of pictures of which the features' mean and covariance alone are at hand.
struct FeatureStatistics {
  std::string name;
  Gaussian features;
};
// The file of --statistics, named after it; none where the option was not given.
std::optional<FeatureStatistics> statistics_of(const Options &, const FeatureNet &);

// What is scored, and against what: the references that there are.
struct Comparison {
  std::vector<FeatureSet> made;
  std::optional<FeatureSet> reference;
  std::optional<FeatureSet> held_out = {};  // real pictures that nobody learned, scored like those made
  const FeatureStatistics *statistics = nullptr;
  int64_t splits = 10;  // of the Inception score
};
// Inception score of every set; FID, KID, precision, recall, density and coverage of `made` against the reference; FID
// of all to the statistics. Features of a classifier of our own are divided by their deviations in the reference first,
// so that no feature counts for its scale; published scores are made with Inception's as they are.
// Where there are held-out pictures, "FID ratio" is FID divided by that of as many of them, or of as many samples as
// there are of them: 1 is as far from the reference as other real pictures. Throws std::invalid_argument when a set has
// too few pictures for one of them.
// KID over 100 subsets of 1000 pictures, or of half of the smaller set. `say` is told of each set before it is scored,
// which takes seconds for thousands of pictures.
Table feature_scores(const FeatureNet &, const Comparison &, const std::function<void(const std::string &)> &say = {});

// Rows of what the paper's page gives for an experiment, made with the published Inception; none for most.
void add_published_scores(const std::string &experiment, Table &);

}  // namespace coopnets
