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

Table feature_scores(const FeatureNet &net, const Comparison &comparison,
                     const std::function<void(const std::string &)> &say) {
  const FeatureSet *reference = comparison.reference ? &*comparison.reference : nullptr;
  const FeatureStatistics *statistics = comparison.statistics;
  Table table{"Scores of features (Tables 1 and 3)", {"Inception score", "IS +-"}, {}, {net.description()}};
  if (reference) table.columns.push_back("FID");
  const bool ratio = reference && comparison.held_out;
  if (ratio) table.columns.push_back("FID ratio");
  if (statistics) table.columns.push_back("FID to " + statistics->name);
  if (reference)
    table.columns.insert(table.columns.end(), {"KID x 1000", "KID +-", "precision", "recall", "density", "coverage"});
  if (net.published_scores() && reference)
    table.notes.push_back("published precision, recall, density and coverage are of other nets' features (VGG16's)");
  if (net.published_scores() && reference && reference->seen.features.count < 10000)
    table.notes.push_back("FID of few pictures is biased upwards: published ones have 10,000 or 50,000");

  const bool scales = reference && !net.published_scores();
  std::vector<double> factor;
  if (scales) {
    factor = inverse_deviations(reference->seen.features);
    table.notes.push_back("features divided by their standard deviations in " + reference->name);
  }
  // In the units that the distances are taken in: the features themselves, or `scaled`.
  const auto in_units = [&](const Samples &features, Samples &scaled) -> const Samples & {
    if (!scales) return features;
    scaled = features;
    for (int64_t i = 0; i < scaled.count; ++i)
      for (size_t j = 0; j < factor.size(); ++j) scaled.row(i)[j] = float(scaled.row(i)[j] * factor[j]);
    return scaled;
  };
  const Samples none;
  Samples scaled_reference, scaled_others;
  const Samples &real = reference ? in_units(reference->seen.features, scaled_reference) : none;
  const Samples &other = ratio ? in_units(comparison.held_out->seen.features, scaled_others) : none;
  std::optional<Gaussian> fitted;
  if (reference) fitted = fit_gaussian(real);
  const auto fid = [&](const Samples &features) { return frechet_distance(*fitted, fit_gaussian(features)); };
  std::map<int64_t, double> of_others;  // FID of so many held-out pictures
  const auto fid_ratio = [&](const Samples &features, double of_all) {
    const int64_t count = std::min(features.count, other.count);
    if (!of_others.count(count)) of_others[count] = fid(first_of(other, count));
    return (count == features.count ? of_all : fid(first_of(features, count))) / of_others[count];
  };
  const auto add = [&](const FeatureSet &set, bool compared) {
    Samples scaled;
    const Samples &features = in_units(set.seen.features, scaled);
    if (say) say("scores of " + set.name + ": " + std::to_string(features.count) + " pictures");
    const MeanAndDeviation score = inception_score(set.seen.logits, comparison.splits);
    std::vector<double> cells = {score.mean, score.deviation};
    if (compared) cells.push_back(fid(features));
    if (compared && ratio) cells.push_back(fid_ratio(features, cells.back()));
    if (!compared) cells.resize(cells.size() + size_t(reference != nullptr) + size_t(ratio), NAN);
    if (statistics) cells.push_back(frechet_distance(fit_gaussian(set.seen.features), statistics->features));
    if (compared) {
      const int64_t subset = std::min<int64_t>(1000, std::min(features.count, real.count) / 2);
      const MeanAndDeviation kid = kernel_distance(real, features, 100, subset);
      const PrecisionRecall pr = precision_recall(real, features);
      const DensityCoverage dc = density_coverage(real, features);
      cells.insert(cells.end(),
                   {1000 * kid.mean, 1000 * kid.deviation, pr.precision, pr.recall, dc.density, dc.coverage});
    }
    cells.resize(table.columns.size(), NAN);
    table.rows.push_back({set.name, cells});
  };
  for (const FeatureSet &set : comparison.made) add(set, reference != nullptr);
  if (comparison.held_out) add(*comparison.held_out, reference != nullptr);
  if (ratio)
    table.notes.push_back("FID ratio: FID divided by that of as many " + comparison.held_out->name + " (" +
                          std::to_string(other.count) + "): 1 is as far as other real pictures are");
  if (reference) add(*reference, false);
  return table;
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
