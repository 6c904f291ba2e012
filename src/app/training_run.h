// The one training loop: from a learner and its data to a run's folder, whatever learns.
#pragma once
#include <functional>
#include <optional>

#include "app/log.h"
#include "app/options.h"
#include "app/picture_texts.h"
#include "app/progress.h"
#include "app/run_folder.h"
#include "learning/learner.h"
#include "tensor/safetensors.h"

namespace coopnets {

class TrainingRun {
 public:
  // Opens the folder OUT/EXPERIMENT/NAME: see RunFolder.
  TrainingRun(const Options &, const std::string &experiment, const Settings &, Backend &, Learner &, Progress &);

  // What a checkpoint says of itself when it is written after so many iterations.
  using MetadataOf = std::function<Metadata(int64_t iteration)>;
  // Begins anew, or with --resume goes on from the checkpoint, which must have these entries in its metadata and this
  // run's settings; `others` are those that an older file does not name. False: nothing is left to do, and it is said.
  // config.txt gets the resolved options, which name what was chosen for the user. Throws std::runtime_error.
  using Entries = std::vector<std::pair<std::string, std::string>>;
  bool begin(MetadataOf, const Entries &same, const Settings &others, const Options &resolved);

  // What the log says beside the learner's readings: of every so many iterations and of the last, else nan. `take` may
  // look at what the learner holds after that iteration.
  void measure(int64_t iterations, std::vector<Column>, std::function<std::vector<double>(int64_t iteration)> take);

  // Learns to the end. Returns 0, or 130 when interrupted. Throws std::runtime_error when learning fails.
  int loop(const std::function<Batch(int64_t iteration)> &next);

  // What the run's pictures say of it.
  PngTexts texts(int64_t iteration) const;

  // Network passes (Backend::count_passes) of all iterations done; nothing where an earlier part did not count them.
  std::optional<int64_t> passes() const { return passes_; }
  const RunFolder &folder() const { return folder_; }
  std::string verdict() const;  // the report's on the run, "" where it has none or the log cannot be read
  double seconds() const;       // since loop() began

 private:
  void resume(const Entries &same, const Settings &others);
  void save(int64_t iteration);
  void iterate(int64_t iteration, const Batch &);
  bool save_samples(int64_t iteration);  // whether there are any
  void report(Log &);
  void estimate(const std::vector<Reading> &, double seconds_each);
  void write_page() const;
  void write_evolution(int64_t iteration) const;
  bool is_time_to_report() const;
  bool is_measured(int64_t iteration) const;

  const Options &options_;
  const Settings &settings_;
  Backend &backend_;
  Learner &learner_;
  Progress &progress_;
  RunFolder folder_;
  Options resolved_;
  std::string title_;  // of report.html
  MetadataOf metadata_;
  int64_t measured_every_ = 0;
  std::vector<Column> measured_;
  std::function<std::vector<double>(int64_t)> take_measures_;
  std::optional<int64_t> passes_ = 0;
  int64_t first_ = 0;             // iterations done before this run
  int64_t unread_ = 0;            // iterations whose readings are still on the device, which is not waited for at each
  double began_ = 0, saved_ = 0;  // clock
  double read_ = 0, reading_since_ = 0;
  int64_t timed_ = -1;  // iterations that the estimate is made of; -1: the first readings are still awaited
  double timed_seconds_ = 0;
};

}  // namespace coopnets
