#include "app/feature_scores.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "app/pictures.h"
#include "app/statistics.h"
#include "metrics/inception_score.h"
#include "metrics/precision_recall.h"

namespace coopnets {

namespace {

constexpr int64_t pictures_at_a_time = 100;

// 1 / the standard deviation of each feature; 1 for one that is the same throughout.
std::vector<double> inverse_deviations(const Samples &features) {
  std::vector<double> mean(size_t(features.dimension)), factor(size_t(features.dimension));
  for (int64_t i = 0; i < features.count; ++i)
    for (size_t j = 0; j < mean.size(); ++j) mean[j] += double(features.row(i)[j]) / double(features.count);
  for (int64_t i = 0; i < features.count; ++i)
    for (size_t j = 0; j < mean.size(); ++j) factor[j] += std::pow(features.row(i)[j] - mean[j], 2);
  for (double &f : factor) f = f > 0 ? 1 / std::sqrt(f / double(features.count - 1)) : 1;
  return factor;
}

Samples first_of(const Samples &all, int64_t count) {
  return {count, all.dimension, {all.values.begin(), all.values.begin() + count * all.dimension}};
}

}  // namespace

void look(FeatureNet &net, const std::vector<real> &values, const Shape &example, Features &to) {
  const int64_t count = int64_t(values.size()) / example.size();
  for (int64_t first = 0; first < count; first += pictures_at_a_time) {
    std::vector<Image> pictures;
    for (int64_t k = first; k < std::min(count, first + pictures_at_a_time); ++k)
      pictures.push_back(picture(values, example, k));
    net.add(pictures, to);
  }
}

std::optional<FeatureStatistics> statistics_of(const Options &options, const FeatureNet &net) {
  if (options.statistics.empty()) return {};
  return FeatureStatistics{std::filesystem::path(options.statistics).filename(),
                           load_statistics(options.statistics, net.dimension())};
}

namespace {

// The table of scores while its rows are made.
class FeatureScores {
 public:
  FeatureScores(const FeatureNet &net, const Comparison &comparison)
      : comparison_(comparison),
        reference_(comparison.reference ? &*comparison.reference : nullptr),
        ratio_(reference_ && comparison.held_out),
        table_{"Scores of features (Tables 1 and 3)", {"Inception score", "IS +-"}, {}, {net.description()}} {
    name_columns();
    note_limits(net.published_scores());
    if (!reference_) return;
    if (!net.published_scores()) {
      factor_ = inverse_deviations(reference_->seen.features);
      table_.notes.push_back("features divided by their standard deviations in " + reference_->name);
    }
    real_ = &in_units(reference_->seen.features, scaled_real_);
    fitted_ = fit_gaussian(*real_);
    if (ratio_) other_ = &in_units(comparison.held_out->seen.features, scaled_other_);
  }

  Table run(const std::function<void(const std::string &)> &say) {
    for (const FeatureSet &set : comparison_.made) add(set, reference_ != nullptr, say);
    if (comparison_.held_out) add(*comparison_.held_out, reference_ != nullptr, say);
    if (ratio_)
      table_.notes.push_back("FID ratio: FID divided by that of as many " + comparison_.held_out->name + " (" +
                             std::to_string(other_->count) + "): 1 is as far as other real pictures are");
    if (reference_) add(*reference_, false, say);
    return table_;
  }

 private:
  void name_columns() {
    if (reference_) table_.columns.push_back("FID");
    if (ratio_) table_.columns.push_back("FID ratio");
    if (comparison_.statistics) table_.columns.push_back("FID to " + comparison_.statistics->name);
    if (reference_)
      table_.columns.insert(table_.columns.end(),
                            {"KID x 1000", "KID +-", "precision", "recall", "density", "coverage"});
  }

  void note_limits(bool published_scores) {
    if (!published_scores || !reference_) return;
    table_.notes.push_back("published precision, recall, density and coverage are of other nets' features (VGG16's)");
    if (reference_->seen.features.count < 10000)
      table_.notes.push_back("FID of few pictures is biased upwards: published ones have 10,000 or 50,000");
  }

  // In the units that distances are taken in: the features themselves, which may be large, or `scaled`.
  const Samples &in_units(const Samples &features, Samples &scaled) const {
    if (factor_.empty()) return features;
    scaled = features;
    for (int64_t i = 0; i < scaled.count; ++i)
      for (size_t j = 0; j < factor_.size(); ++j) scaled.row(i)[j] = float(scaled.row(i)[j] * factor_[j]);
    return scaled;
  }

  double fid(const Samples &features) const { return frechet_distance(*fitted_, fit_gaussian(features)); }

  double fid_ratio(const Samples &features, double of_all) {
    const int64_t count = std::min(features.count, other_->count);
    if (!of_others_.count(count)) of_others_[count] = fid(first_of(*other_, count));
    return (count == features.count ? of_all : fid(first_of(features, count))) / of_others_[count];
  }

  void add(const FeatureSet &set, bool compared, const std::function<void(const std::string &)> &say) {
    if (say) say("scores of " + set.name + ": " + std::to_string(set.seen.features.count) + " pictures");
    const MeanAndDeviation score = inception_score(set.seen.logits, comparison_.splits);
    std::vector<double> cells = {score.mean, score.deviation};
    Samples scaled;
    const Samples &features = in_units(set.seen.features, scaled);
    if (compared) cells.push_back(fid(features));
    if (compared && ratio_) cells.push_back(fid_ratio(features, cells.back()));
    if (!compared) cells.resize(cells.size() + size_t(reference_ != nullptr) + size_t(ratio_), NAN);
    if (comparison_.statistics)
      cells.push_back(frechet_distance(fit_gaussian(set.seen.features), comparison_.statistics->features));
    if (compared) {
      const int64_t subset = std::min<int64_t>(1000, std::min(features.count, real_->count) / 2);
      const MeanAndDeviation kid = kernel_distance(*real_, features, 100, subset);
      const PrecisionRecall pr = precision_recall(*real_, features);
      const DensityCoverage dc = density_coverage(*real_, features);
      cells.insert(cells.end(),
                   {1000 * kid.mean, 1000 * kid.deviation, pr.precision, pr.recall, dc.density, dc.coverage});
    }
    cells.resize(table_.columns.size(), NAN);
    table_.rows.push_back({set.name, cells});
  }

  const Comparison &comparison_;
  const FeatureSet *reference_;
  const bool ratio_;
  Table table_;
  std::vector<double> factor_;  // empty: the features as they are
  Samples scaled_real_, scaled_other_;
  const Samples *real_ = nullptr, *other_ = nullptr;  // the reference, the held-out pictures
  std::optional<Gaussian> fitted_;
  std::map<int64_t, double> of_others_;  // FID of so many held-out pictures
};

}  // namespace

Table feature_scores(const FeatureNet &net, const Comparison &comparison,
                     const std::function<void(const std::string &)> &say) {
  return FeatureScores(net, comparison).run(say);
}

void add_published_scores(const std::string &experiment, Table &table) {
  const auto row = [&](const std::string &name, double inception, double fid) {
    std::vector<double> cells(table.columns.size(), NAN);
    cells[0] = inception, cells[2] = fid;
    table.rows.push_back({"published, " + name, cells});
  };
  if (experiment == "scene") row("descriptor, 10 categories of ImageNet, 1100 pictures each", 3.79, NAN);
  const std::map<std::string, std::pair<double, double>> distances = {
      {"lsun", {64.30, 35.42}}, {"celeba", {16.98, 16.65}}, {"cifar10", {35.25, 33.61}}};
  const auto found = distances.find(experiment);
  if (found == distances.end()) return;
  row("generator", NAN, found->second.first);
  row("descriptor", NAN, found->second.second);
}

}  // namespace coopnets
