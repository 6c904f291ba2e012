// Tables 1 and 3: what the features of two sets of pictures say about how alike the sets are.
#pragma once
#include <functional>

#include "app/feature_net.h"
#include "app/report.h"

namespace coopnets {

struct FeatureSet {
  std::string name;
  const Features &seen;
};

// Appends what the net makes of pictures of shape `example`, in [-1, 1], as bytes, which is what a file would hold.
void look(FeatureNet &, const std::vector<real> &values, const Shape &example, Features &to);

// Inception score of every set, and FID, KID, precision, recall, density and coverage of `made` against `reference`.
// Throws std::invalid_argument when a set has too few pictures for one of them.
// KID over 100 subsets of 1000 pictures, or of half of the smaller set. `say` is told of each set before it is scored,
// which takes seconds for thousands of pictures.
Table feature_scores(const FeatureNet &, const FeatureSet &reference, const std::vector<FeatureSet> &made,
                     int64_t splits, const std::function<void(const std::string &)> &say = {});

// Rows of what the paper's page gives for an experiment, made with the published Inception; none for most.
void add_published_scores(const std::string &experiment, Table &);

}  // namespace coopnets
