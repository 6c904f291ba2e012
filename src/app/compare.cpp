#include "app/compare.h"

#include <algorithm>
#include <stdexcept>

#include "app/device.h"
#include "app/evaluate.h"
#include "app/feature_scores.h"
#include "app/progress.h"
#include "data/order.h"
#include "data/source.h"
#include "data/threads.h"
#include "tensor/file.h"
#include "tensor/parallel.h"

namespace coopnets {

namespace {

constexpr int64_t pictures_at_a_time = 100;

// What the net sees of a set.
struct SeenSet {
  Features features;
  std::string text;  // "10000 of 202599 pictures of faces, the first of 178x218"
};

// At most --samples of the pictures at a path, of all categories, drawn by the seed and as they are. One that cannot be
// read is left out with a warning; more than 5 % of them: std::runtime_error.
SeenSet see(FeatureNet &net, const std::string &path, const Options &options, Progress &progress) {
  SourceOptions from;
  from.path = path;
  const Source source = open_source(from);
  if (!source.warning.empty()) progress.warn(source.warning);
  const std::vector<int64_t> drawn = epoch_order(source.size(), static_cast<uint64_t>(options.seed), 0);
  const int64_t count = std::min(options.samples, source.size());
  SeenSet set;
  int64_t bad = 0;
  Task task(progress, "features of " + path, count);
  for (int64_t first = 0; first < count; first += pictures_at_a_time) {
    const int64_t some = std::min(pictures_at_a_time, count - first);
    std::vector<Image> pictures(static_cast<size_t>(some));
    std::vector<std::string> reasons(static_cast<size_t>(some));
    in_parallel(thread_count(), some, [&](int64_t i) {
      try {
        pictures[size_t(i)] = source.read(drawn[size_t(first + i)], 0);
      } catch (const std::runtime_error &error) {
        reasons[size_t(i)] = error.what();
      }
    });
    std::vector<Image> good;
    for (size_t i = 0; i < pictures.size(); ++i) {
      if (reasons[i].empty()) {
        good.push_back(std::move(pictures[i]));
        continue;
      }
      if (20 * ++bad > count)
        throw std::runtime_error("at least " + std::to_string(bad) + " of " + std::to_string(count) + " pictures of " +
                                 path + " cannot be used, more than 5 %: " + reasons[i]);
      progress.warn(reasons[i] + "; it is left out");
    }
    if (set.text.empty() && !good.empty())
      set.text = path + ", the first of " + std::to_string(good[0].height) + "x" + std::to_string(good[0].width);
    if (!good.empty()) net.add(good, set.features);
    task.reached(first + some);
  }
  const int64_t used = set.features.features.count;
  set.text = std::to_string(used) + " of " + std::to_string(source.size()) + " pictures of " + set.text;
  if (used < std::max(least_for_scores, options.splits))
    throw std::runtime_error(path + " has " + std::to_string(used) + " pictures, and the scores need " +
                             std::to_string(std::max(least_for_scores, options.splits)) +
                             ": fifth neighbours, and a picture for each of --splits");
  return set;
}

}  // namespace

int compare(const Options &options) {
  require_exact_features(options);
  const std::unique_ptr<Backend> backend = make_backend(options);
  Progress progress(options);
  const std::unique_ptr<FeatureNet> net = load_feature_net(*backend, options.features);
  const std::optional<FeatureStatistics> statistics = statistics_of(options, *net);
  SeenSet reference;
  if (!options.data.empty()) reference = see(*net, options.data, options, progress);
  const SeenSet made = see(*net, options.compare, options, progress);

  Comparison comparison{
      {{options.compare, made.features}}, {}, {}, statistics ? &*statistics : nullptr, options.splits};
  if (!options.data.empty()) comparison.reference.emplace(FeatureSet{"reference, " + options.data, reference.features});
  Table table = feature_scores(*net, comparison, [&](const std::string &text) { progress.note(text); });
  table.notes.push_back(
      made.text + (options.data.empty() ? "" : "; " + reference.text) +
      "; all as they are, drawn by the seed. Sizes and compression change features: compare like with "
      "like, and FID at equal numbers alone");
  std::vector<Fact> facts = {{"compared", options.compare}};
  if (!options.data.empty()) facts.push_back({"reference", options.data});
  if (statistics) facts.push_back({"statistics", options.statistics});
  facts.insert(facts.end(), {{"features", options.features},
                             {"samples", options.samples},
                             {"splits", options.splits},
                             {"seed", options.seed}});
  print_report({facts, {table}}, options);
  if (!options.is_given("out")) return 0;
  create_folders(options.out);
  const std::string file = options.out + "/comparison.json";
  write_atomically(file, report_json(facts, {table}));
  progress.note(file + " holds these numbers");
  return 0;
}

}  // namespace coopnets
