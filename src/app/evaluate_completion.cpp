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

using Rivals = std::vector<std::pair<std::string, std::function<Frames(const Frames &, const Mask &, uint64_t seed)>>>;

Rivals completion_rivals() {
  Rivals all;
  for (int method = 1; method <= 5; ++method)
    all.emplace_back("inter-" + std::to_string(method), [method](const Frames &picture, const Mask &mask, uint64_t) {
      return inpaint(picture, mask, method);
    });
  all.emplace_back("MRF-L1", [](const Frames &picture, const Mask &mask, uint64_t seed) {
    return mrf_fill(picture, mask, mrf_l1(), seed);
  });
  all.emplace_back("MRF-L2", [](const Frames &picture, const Mask &mask, uint64_t seed) {
    return mrf_fill(picture, mask, mrf_l2(), seed);
  });
  return all;
}

// A row of that name, which is made where there is none yet, gets what is known of one kind of mask.
void set_cells(Table &table, const std::string &name, size_t column, const MeanAndError &m) {
  auto row = std::find_if(table.rows.begin(), table.rows.end(), [&](const Table::Row &r) { return r.name == name; });
  if (row == table.rows.end()) row = table.rows.insert(row, {name, std::vector<double>(table.columns.size(), NAN)});
  row->cells[2 * column] = m.mean;
  row->cells[2 * column + 1] = m.error;
}

class CompletionEvaluation {
 public:
  explicit CompletionEvaluation(const Options &options)
      : options_(options),
        backend_(make_backend(options)),
        path_(checkpoint_path(options)),
        saved_(load_model(*backend_, path_, options)),
        progress_(options) {}

  Report run() {
    open();
    if (!options_.features.empty()) open_features();
    Completion completion(*backend_, saved_, saved_.settings, seed_);
    columns_ = occlusions(options_, saved_.settings, example_, count_);
    name_tables();
    for (size_t i = 0; i < columns_.size(); ++i) {
      complete_by_nets(completion, i);
      complete_by_rivals(i);
      add_published(i);
    }
    note_tables();
    std::vector<Table> tables = {errors_, psnrs_};
    if (net_) tables.push_back(features());
    const Report report = {facts(), std::move(tables)};
    const std::string file = made_beside(options_, "evaluation.json");
    write_atomically(file, report_json(report.facts, report.tables));
    progress_.note(file + " holds these numbers; " + made_beside(options_, "completion_*.png") +
                   " show original, occluded and recovered pictures" + unreadable(examples_->bad_count()));
    return report;
  }

 private:
  // The pictures held out, of data that are the run's own.
  void open() {
    if (saved_.trained.held_out == 0)
      throw std::runtime_error(path_ + " has learned all pictures (held_out=0): there is none left to test on");
    const auto open = [&](Part part) {
      return open_examples(
          *saved_.experiment, saved_.settings, data_path(options_, *saved_.experiment), saved_.seed,
          [this](const std::string &text) { progress_.warn(text); }, part);
    };
    check_same_data(saved_, path_, *open(Part::train));
    examples_ = open(Part::held_out);
    count_ = std::min(options_.samples, examples_->size());
    pictures_ = examples_->range(0, count_);
    truth_ = unit_range(pictures_, example_);
    if (count_ < options_.samples)
      progress_.note(std::to_string(count_) + " pictures are held out, and all are completed");
  }

  void open_features() {
    net_ = load_feature_net(*backend_, options_.features);
    statistics_ = statistics_of(options_, *net_);
    look(*net_, pictures_, example_, originals_);
  }

  void name_tables() {
    const std::string title = "Completion of " + std::to_string(count_) + " held-out pictures (Table 4): ";
    errors_.title = title + "error";
    psnrs_.title = title + "PSNR in dB";
    for (const Occlusion &c : columns_)
      for (Table *table : {&errors_, &psnrs_}) table->columns.insert(table->columns.end(), {c.title, "+- " + c.title});
  }

  void complete_by_nets(Completion &completion, size_t column) {
    const Occlusion &c = columns_[column];
    progress_.note(c.title + ", " + own_ + ": " + completion.beginning(count_));
    Task filling(progress_, c.title + ", " + own_ + ", pictures filled", count_);
    completion.watch([&](double share) { filling.reached(share * double(count_)); });
    const std::vector<real> filled = completion.fill(pictures_, c.masks);
    save_completion(made_beside(options_, "completion_" + c.name), pictures_, filled, c.masks, example_,
                    picture_texts(saved_, path_, options_));
    const Frames ours = unit_range(filled, example_);
    if (net_) {
      completed_.emplace_back();
      look(*net_, filled, example_, completed_.back());
    }
    judge(own_, column, [&](int64_t k) { return frame(ours, k); });
    if (saved_.algorithm != "dcgan") return;
    const std::string with_both = own_ + ", with its discriminator";
    progress_.note(c.title + ", " + with_both + ": " + completion.beginning(count_));
    const Frames yeh = unit_range(completion.fill_as_gan(*saved_.partner, pictures_, c.masks), example_);
    judge(with_both, column, [&](int64_t k) { return frame(yeh, k); });
  }

  void complete_by_rivals(size_t column) {
    const std::vector<Mask> &masks = columns_[column].masks;
    const int64_t size = example_.size();
    for (const auto &[name, rival] : completion_rivals())
      judge(name, column, [&, &rival = rival](int64_t k) {
        return rival(unit_range({pictures_.begin() + k * size, pictures_.begin() + (k + 1) * size}, example_), masks[k],
                     seed_ + uint64_t(k));
      });
  }

  // What was recovered of one kind of mask, picture by picture, goes into the row of that name.
  void judge(const std::string &name, size_t column, const std::function<Frames(int64_t)> &recovered) {
    const Occlusion &c = columns_[column];
    const Scores score = mean_score(truth_, c.masks, Task(progress_, c.title + ", " + name, count_), recovered);
    set_cells(errors_, name, column, score.error);
    set_cells(psnrs_, name, column, score.psnr);
    if (score.exact && std::find(exact_.begin(), exact_.end(), name) == exact_.end()) exact_.push_back(name);
    progress_.note(c.title + ", " + name + ": error " + std::to_string(score.error.mean) + ", PSNR " +
                   std::to_string(score.psnr.mean) + " dB");
  }

  void add_published(size_t column) {
    const Occlusion &c = columns_[column];
    if (std::isnan(c.published_error)) return;
    set_cells(errors_, "published, CoopNets", column, {c.published_error, NAN});
    set_cells(errors_, "published, inter-3", column, {c.published_inter_3, NAN});
    set_cells(psnrs_, "published, CoopNets", column, {c.published_psnr, NAN});
  }

  void note_tables() {
    errors_.notes = {"mean |recovered - original| of hidden pixels, unit range; +-: standard error over pictures"};
    psnrs_.notes = {
        "peak 1, hidden pixels, mean of the pictures' own; +-: standard error over pictures",
        "Markov random fields: 256 levels, Gibbs sampling cooled until it rests near the mode (beta 20 to 1000 "
        "for L1, 100 to 20,000 for L2), a stronger rival than samples of one temperature"};
    if (!exact_.empty()) psnrs_.notes.push_back(highest_psnr_note(exact_));
    if (!std::isnan(columns_[0].published_error))
      errors_.notes.push_back(
          "published: 1,000 faces of 64x64 after training on 10,000; other pictures have other numbers");
  }

  Table features() {
    std::vector<FeatureSet> made;
    for (size_t i = 0; i < columns_.size(); ++i) made.push_back({own_ + ", " + columns_[i].title, completed_[i]});
    Comparison comparison{made, FeatureSet{"held-out originals", originals_}, {}, nullptr, options_.splits};
    if (statistics_) comparison.statistics = &*statistics_;
    Table table = feature_scores(*net_, comparison, [this](const std::string &text) { progress_.note(text); });
    table.notes.push_back("whole pictures with their holes filled, against the originals");
    return table;
  }

  std::vector<Fact> facts() const {
    std::vector<Fact> facts = report_facts(saved_, path_, options_);
    facts.push_back({"pictures", count_});
    if (net_) facts.insert(facts.end(), {{"features", options_.features}, {"splits", options_.splits}});
    if (statistics_) facts.push_back({"statistics", options_.statistics});
    if (examples_->bad_count() > 0) facts.push_back({"unreadable pictures", examples_->bad_count()});
    return facts;
  }

  const Options &options_;
  const std::unique_ptr<Backend> backend_;
  const std::string path_;
  SavedModel saved_;
  Progress progress_;
  const uint64_t seed_ = static_cast<uint64_t>(options_.seed);
  const Shape example_ = example_shape(*saved_.experiment, saved_.settings);
  const std::string own_ = algorithm_title(saved_.algorithm);
  std::unique_ptr<Examples> examples_;
  int64_t count_ = 0;
  std::vector<real> pictures_;
  Frames truth_;
  std::unique_ptr<FeatureNet> net_;
  std::optional<FeatureStatistics> statistics_;
  Features originals_;
  std::vector<Features> completed_;  // by kind of mask
  std::vector<Occlusion> columns_;
  Table errors_, psnrs_;
  std::vector<std::string> exact_;  // rows with a picture of the highest PSNR
};

}  // namespace

Report completion_report(const Options &options) { return CompletionEvaluation(options).run(); }

int evaluate_completion(const Options &options) {
  print_report(completion_report(options), options);
  return 0;
}

}  // namespace coopnets
