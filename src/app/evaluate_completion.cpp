#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "app/complete.h"
#include "app/data_path.h"
#include "app/device.h"
#include "app/evaluate.h"
#include "app/feature_scores.h"
#include "app/picture_texts.h"
#include "app/progress.h"
#include "experiments/examples.h"
#include "metrics/inception_score.h"
#include "metrics/psnr.h"
#include "rivals/inpaint.h"
#include "rivals/rival.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

// One kind of mask of Table 4, and the published results for it.
struct Occlusion {
  std::string name;   // of its figure's file
  std::string title;  // of its column
  std::vector<Mask> masks;
  double published_error = NAN, published_psnr = NAN, published_inter_3 = NAN;
};

// M30, M40, M50 are squares of 30, 40 and 50 of 64 pixels; other sizes have squares in proportion, which their titles
// say, and no published numbers.
std::vector<Occlusion> occlusions(const Options &options, const Settings &s, const Shape &example, int64_t count) {
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  if (!options.mask.empty()) return {{"mask", "mask", std::vector<Mask>(count, load_mask(options.mask, example, s))}};
  if (s.hidden_square) {
    const std::string name = "M" + std::to_string(s.hidden_square);
    return {{name, name, square_masks(example, s.hidden_square, seed, count)}};
  }
  std::vector<Occlusion> all = {{"M30", "M30", {}, 0.115, 16.893, 0.265},
                                {"M40", "M40", {}, 0.124, 16.098, 0.314},
                                {"M50", "M50", {}, 0.136, 15.105, 0.353}};
  for (size_t i = 0; i < all.size(); ++i) {
    const int64_t side = (int64_t(30 + 10 * i) * example.h + 32) / 64;
    const std::string name = all[i].name;
    if (example.h != 64)
      all[i] = {name, name + " (" + std::to_string(side) + " of " + std::to_string(example.h) + ")", {}};
    all[i].masks = square_masks(example, side, seed, count);
  }
  return all;
}

Frames unit_range(const std::vector<real> &values, const Shape &example) {
  std::vector<double> pixels(values.begin(), values.end());
  for (double &p : pixels) p = (p + 1) / 2;
  return Frames(int64_t(values.size()) / example.size(), example.h, example.w, example.c, std::move(pixels));
}

// One picture of a set.
Frames frame(const Frames &set, int64_t k) {
  return Frames(1, set.height, set.width, set.channels, {set.frame(k), set.frame(k) + set.frame_size()});
}

// Mean over pictures, and its standard error.
struct MeanAndError {
  double mean, error;
};
MeanAndError mean_and_error(const std::vector<double> &values) {
  const MeanAndDeviation m = mean_and_deviation(values);
  const double n = double(values.size());
  return {m.mean, n > 1 ? m.deviation / std::sqrt(n - 1) : NAN};  // the deviation is of the population
}

struct Scores {
  MeanAndError error, psnr;
  bool exact;  // of one picture at least
};
Scores mean_score(const Frames &truth, const std::vector<Mask> &masks, Task task,
                  const std::function<Frames(int64_t)> &recovered) {
  std::vector<double> errors, psnrs;
  for (int64_t k = 0; k < truth.count; ++k) {
    const CompletionScore one = completion_score(frame(truth, k), recovered(k), 0, masks[k]);
    errors.push_back(one.error);
    psnrs.push_back(one.psnr);
    task.reached(k + 1);
  }
  const bool exact = std::count(psnrs.begin(), psnrs.end(), highest_psnr) > 0;
  return {mean_and_error(errors), mean_and_error(psnrs), exact};
}

}  // namespace

Report completion_report(const Options &options) {
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string path = checkpoint_path(options);
  SavedModel saved = load_model(*backend, path, options);
  const Settings &settings = saved.settings;
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  Progress progress(options);
  if (saved.trained.held_out == 0)
    throw std::runtime_error(path + " has learned all pictures (held_out=0): there is none left to test on");
  const auto warn = [&](const std::string &text) { progress.warn(text); };
  const auto open = [&](Part part) {
    return open_examples(*saved.experiment, settings, data_path(options, *saved.experiment), saved.seed, warn, part);
  };
  check_same_data(saved, path, *open(Part::train));
  const auto examples = open(Part::held_out);
  const Shape example = example_shape(*saved.experiment, saved.settings);
  const int64_t count = std::min(options.samples, examples->size());
  const std::vector<real> pictures = examples->range(0, count);
  const Frames truth = unit_range(pictures, example);

  if (count < options.samples) progress.note(std::to_string(count) + " pictures are held out, and all are completed");
  std::unique_ptr<FeatureNet> net;
  std::optional<FeatureStatistics> statistics;
  Features originals;
  std::vector<Features> completed;  // by kind of mask
  if (!options.features.empty()) {
    net = load_feature_net(*backend, options.features);
    statistics = statistics_of(options, *net);
    look(*net, pictures, example, originals);
  }

  Completion completion(*backend, saved, settings, seed);
  const std::string own = algorithm_title(saved.algorithm);
  std::vector<std::pair<std::string, std::function<Frames(const Frames &, const Mask &, uint64_t)>>> rivals;
  for (int method = 1; method <= 5; ++method)
    rivals.emplace_back("inter-" + std::to_string(method), [method](const Frames &picture, const Mask &mask, uint64_t) {
      return inpaint(picture, mask, method);
    });
  rivals.emplace_back("MRF-L1", [](const Frames &picture, const Mask &mask, uint64_t seed) {
    return mrf_fill(picture, mask, mrf_l1(), seed);
  });
  rivals.emplace_back("MRF-L2", [](const Frames &picture, const Mask &mask, uint64_t seed) {
    return mrf_fill(picture, mask, mrf_l2(), seed);
  });

  const auto columns = occlusions(options, settings, example, count);
  const std::string title = "Completion of " + std::to_string(count) + " held-out pictures (Table 4): ";
  Table errors{title + "error", {}, {}, {}}, psnrs{title + "PSNR in dB", {}, {}, {}};
  for (const Occlusion &c : columns)
    for (Table *table : {&errors, &psnrs}) table->columns.insert(table->columns.end(), {c.title, "+- " + c.title});
  const auto set = [&](Table &table, const std::string &name, size_t column, double mean, double error) {
    auto row = std::find_if(table.rows.begin(), table.rows.end(), [&](const Table::Row &r) { return r.name == name; });
    if (row == table.rows.end()) row = table.rows.insert(row, {name, std::vector<double>(table.columns.size(), NAN)});
    row->cells[2 * column] = mean;
    row->cells[2 * column + 1] = error;
  };
  std::vector<std::string> exact;  // rows with a picture of the highest PSNR
  for (size_t i = 0; i < columns.size(); ++i) {
    const Occlusion &c = columns[i];
    const auto note = [&](const std::string &name, const Scores &score) {
      set(errors, name, i, score.error.mean, score.error.error);
      set(psnrs, name, i, score.psnr.mean, score.psnr.error);
      if (score.exact && std::find(exact.begin(), exact.end(), name) == exact.end()) exact.push_back(name);
      progress.note(c.title + ", " + name + ": error " + std::to_string(score.error.mean) + ", PSNR " +
                    std::to_string(score.psnr.mean) + " dB");
    };
    progress.note(c.title + ", " + own + ": " + completion.beginning(count));
    Task filling(progress, c.title + ", " + own + ", pictures filled", count);
    completion.watch([&](double share) { filling.reached(share * double(count)); });
    const std::vector<real> filled = completion.fill(pictures, c.masks);
    save_completion(made_beside(options, "completion_" + c.name), pictures, filled, c.masks, example,
                    picture_texts(saved, path, options));
    const Frames ours = unit_range(filled, example);
    if (net) {
      completed.emplace_back();
      look(*net, filled, example, completed.back());
    }
    const auto task = [&](const std::string &name) { return Task(progress, c.title + ", " + name, count); };
    note(own, mean_score(truth, c.masks, task(own), [&](int64_t k) { return frame(ours, k); }));
    if (saved.algorithm == "dcgan") {
      const std::string with_both = own + ", with its discriminator";
      progress.note(c.title + ", " + with_both + ": " + completion.beginning(count));
      const Frames yeh = unit_range(completion.fill_as_gan(*saved.partner, pictures, c.masks), example);
      note(with_both, mean_score(truth, c.masks, task(with_both), [&](int64_t k) { return frame(yeh, k); }));
    }
    for (const auto &[name, rival] : rivals)
      note(name, mean_score(truth, c.masks, task(name), [&, &rival = rival](int64_t k) {
             return rival(
                 unit_range({pictures.begin() + k * example.size(), pictures.begin() + (k + 1) * example.size()},
                            example),
                 c.masks[k], seed + uint64_t(k));
           }));
    if (std::isnan(c.published_error)) continue;
    set(errors, "published, CoopNets", i, c.published_error, NAN);
    set(errors, "published, inter-3", i, c.published_inter_3, NAN);
    set(psnrs, "published, CoopNets", i, c.published_psnr, NAN);
  }
  errors.notes = {"mean |recovered - original| of hidden pixels, unit range; +-: standard error over pictures"};
  psnrs.notes = {
      "peak 1, hidden pixels, mean of the pictures' own; +-: standard error over pictures",
      "Markov random fields: 256 levels, Gibbs sampling cooled until it rests near the mode (beta 20 to 1000 "
      "for L1, 100 to 20,000 for L2), a stronger rival than samples of one temperature"};
  if (!exact.empty()) psnrs.notes.push_back(highest_psnr_note(exact));
  if (!std::isnan(columns[0].published_error))
    errors.notes.push_back(
        "published: 1,000 faces of 64x64 after training on 10,000; other pictures have other numbers");
  std::vector<Table> tables = {errors, psnrs};
  if (net) {
    std::vector<FeatureSet> made;
    for (size_t i = 0; i < columns.size(); ++i) made.push_back({own + ", " + columns[i].title, completed[i]});
    Comparison comparison{made, FeatureSet{"held-out originals", originals}, {}, nullptr, options.splits};
    if (statistics) comparison.statistics = &*statistics;
    tables.push_back(feature_scores(*net, comparison, [&](const std::string &text) { progress.note(text); }));
    tables.back().notes.push_back("whole pictures with their holes filled, against the originals");
  }
  const std::string file = made_beside(options, "evaluation.json");
  std::vector<Fact> facts = report_facts(saved, path, options);
  facts.push_back({"pictures", count});
  if (net) facts.insert(facts.end(), {{"features", options.features}, {"splits", options.splits}});
  if (statistics) facts.push_back({"statistics", options.statistics});
  if (examples->bad_count() > 0) facts.push_back({"unreadable pictures", examples->bad_count()});
  const Report report = {std::move(facts), std::move(tables)};
  write_atomically(file, report_json(report.facts, report.tables));
  progress.note(file + " holds these numbers; " + made_beside(options, "completion_*.png") +
                " show original, occluded and recovered pictures" + unreadable(examples->bad_count()));
  return report;
}

int evaluate_completion(const Options &options) {
  print_report(completion_report(options), options);
  return 0;
}

}  // namespace coopnets
