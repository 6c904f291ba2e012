#include "app/training_run.h"

#include <cmath>
#include <filesystem>
#include <stdexcept>

#include "app/canvas.h"
#include "app/estimate.h"
#include "app/evolution.h"
#include "app/interrupt.h"
#include "app/lettering.h"
#include "app/pictures.h"
#include "app/point_plot.h"
#include "app/run_name.h"
#include "app/run_report.h"
#include "app/saved_model.h"
#include "experiments/model.h"
#include "learning/checkpoint.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

double now() { return standard_screen().seconds(); }

// Of the run that wrote this config.txt; "" where that cannot be told.
std::string data_of_config(const std::string &path) {
  try {
    return parse_options({"--config=" + path}, {}).data;
  } catch (const std::exception &) {
    return "";
  }
}

}  // namespace

TrainingRun::TrainingRun(const Options &options, const std::string &experiment, const Settings &settings,
                         Backend &backend, Learner &learner, Progress &progress)
    : options_(options),
      settings_(settings),
      backend_(backend),
      learner_(learner),
      progress_(progress),
      folder_(run_path(options, experiment), run_start(options)),
      title_(experiment + ": " + run_name(options)) {
  progress.begin(settings.iterations, learner.columns());
}

void TrainingRun::measure(int64_t iterations, std::vector<Column> columns,
                          std::function<std::vector<double>(int64_t iteration)> take) {
  measured_every_ = iterations;
  measured_ = std::move(columns);
  take_measures_ = std::move(take);
}

bool TrainingRun::is_measured(int64_t iteration) const {
  return measured_every_ > 0 && (iteration % measured_every_ == 0 || iteration == settings_.iterations);
}

bool TrainingRun::begin(MetadataOf metadata, const Entries &same, const Settings &others, const Options &resolved) {
  resolved_ = resolved;
  metadata_ = std::move(metadata);
  if (options_.resume) {
    resume(same, others);
    if (first_ >= settings_.iterations) {
      progress_.note(nothing_left(folder_, first_));
      return false;
    }
  } else {
    save(0);  // before anything else: until it is on disk, the run that is replaced stays whole
    folder_.clear_but(folder_.checkpoint());
  }
  Options whole = resolved;
  if (!whole.data.empty()) whole.data_at = std::filesystem::absolute(whole.data).lexically_normal().string();
  write_atomically(folder_.config(), config_text(whole, settings_));
  return true;
}

void TrainingRun::resume(const Entries &same, const Settings &others) {
  const SafetensorsFile file(folder_.checkpoint_to_resume());
  first_ = checkpoint_iteration(file);
  passes_ = network_passes(file);
  check_same_run(file, same, others, settings_, {data_of_config(folder_.config()), resolved_.data});
  const Settings before = stored_settings(file, others);
  if (first_ > 0 && first_ < settings_.iterations && before.iterations != settings_.iterations &&
      rate_factor(before, first_ - 1) != rate_factor(settings_, first_ - 1))
    progress_.warn("the schedule of the learning rates is laid over " + std::to_string(settings_.iterations) +
                   " iterations now, instead of " + std::to_string(before.iterations) + ": they are " +
                   print_number(rate_factor(settings_, first_)) + " times their first value from here on, and were " +
                   print_number(rate_factor(before, first_ - 1)) + " times");
  if (before.averaging > 0 && before.iterations != settings_.iterations)
    progress_.warn("the half-life of the averaged weights is " +
                   print_number(settings_.averaging * double(settings_.iterations)) + " iterations now, instead of " +
                   print_number(before.averaging * double(before.iterations)) + ": it is a part of the run");
  const auto is_cold = [&](const Settings &s) {
    return s.langevin_noise_until < 1 && double(first_) >= s.langevin_noise_until * double(s.iterations);
  };
  if (is_cold(before) && !is_cold(settings_))
    progress_.warn("the Langevin steps' noise, which was off, is on again: langevin_noise_until is a part of " +
                   std::to_string(settings_.iterations) + " iterations now");
  load_checkpoint(file, backend_, learner_.state());
}

void TrainingRun::save(int64_t iteration) {
  Metadata metadata = metadata_(iteration);
  if (passes_) metadata["passes"] = std::to_string(*passes_);
  save_checkpoint(folder_.checkpoint(), backend_, learner_.state(), metadata);
  saved_ = now();
}

void TrainingRun::iterate(int64_t iteration, const Batch &batch) {
  const int64_t before = backend_.passes();
  learner_.iterate(iteration, rate_factor(settings_, iteration), batch);
  if (passes_) *passes_ += backend_.passes() - before;
}

PngTexts TrainingRun::texts(int64_t iteration) const { return picture_texts(resolved_, settings_, iteration); }

bool TrainingRun::save_samples(int64_t iteration) {
  const auto samples = learner_.samples();
  bool points = false;
  for (const auto &[name, examples] : samples) {
    const Canvas shown = Canvas::within(examples.shape, settings_.border);
    save_sheet(folder_.samples(iteration, name), shown.cut(values(backend_, examples), examples.shape),
               shown.wanted.with_n(examples.shape.n), texts(iteration), sheet_label(name, iteration));
    points = points || are_points(examples.shape);
  }
  for (const auto &[name, density] : points ? learner_.log_densities(plot_grid()) : Learner::LogDensities())
    save_with_texts(folder_.samples(iteration, name) + ".png",
                    encode_png(labelled(plot_density(density), sheet_label(name, iteration))), texts(iteration));
  return !samples.empty();
}

std::string TrainingRun::verdict() const {
  try {
    return coopnets::verdict(read_curves(folder_.log()));
  } catch (const std::runtime_error &) {
    return "";
  }
}

// After the checkpoint, which counts for more: without a page learning goes on.
void TrainingRun::write_page() const {
  try {
    write_atomically(folder_.file("report.html"), run_report(folder_.path(), title_));
  } catch (const std::exception &error) {
    progress_.warn(std::string("no report.html: ") + error.what());
  }
}

void TrainingRun::write_evolution(int64_t iteration) const {
  if (sheets_of(folder_.path()).empty()) return;
  try {
    save_evolution(folder_.path(), texts(iteration));
  } catch (const std::exception &error) {
    progress_.warn(std::string("no evolution.png: ") + error.what());
  }
}

bool TrainingRun::is_time_to_report() const {
  const double pause = backend_.info().gpu ? 0.1 : 0;
  return unread_ == Learner::kept_readings || now() - read_ >= pause;
}

void TrainingRun::report(Log &log) {
  const std::vector<Reading> readings = learner_.take_readings();
  read_ = now();
  unread_ = 0;
  for (const Reading &reading : readings) {
    LogRow row{reading.iteration, reading.values, (read_ - reading_since_) / double(readings.size())};
    progress_.update(row);
    const std::vector<double> measures =
        is_measured(reading.iteration) ? take_measures_(reading.iteration) : std::vector<double>(measured_.size(), NAN);
    row.values.insert(row.values.end(), measures.begin(), measures.end());
    log.add(row);
    if (!reading.warning.empty()) progress_.warn(reading.warning);
  }
  if (!readings.empty()) estimate(readings, (read_ - reading_since_) / double(readings.size()));
}

// "about 4 min, 90 MiB", once, by the pace of the first iterations after those in which memory is taken and a device
// makes its recordings.
void TrainingRun::estimate(const std::vector<Reading> &readings, double seconds_each) {
  constexpr int64_t enough = 3;
  constexpr double least_seconds = 5;  // a shorter run is over before this is read
  if (timed_ >= enough) return;
  if (timed_ < 0) {
    timed_ = 0;
    return;
  }
  timed_ += int64_t(readings.size());
  timed_seconds_ += seconds_each * double(readings.size());
  const double whole = timed_seconds_ / double(timed_) * double(settings_.iterations - first_);
  if (timed_ >= enough && whole >= least_seconds)
    progress_.note("about " + roughly(whole) + ", " + mebibytes(peak_memory(backend_)));
}

int TrainingRun::loop(const std::function<Batch(int64_t iteration)> &next) {
  std::vector<Column> columns = learner_.columns();
  columns.insert(columns.end(), measured_.begin(), measured_.end());
  catch_interrupts();
  Log log(folder_.log(), first_, columns);
  began_ = saved_ = read_ = now();
  progress_.judge(verdict_word(verdict()));
  try {
    for (int64_t i = first_; i < settings_.iterations; ++i) {
      if (unread_++ == 0) reading_since_ = now();
      iterate(i, next(i));
      const bool last = i + 1 == settings_.iterations, stop = interrupted();
      const bool shows = writes_pictures(i + 1, settings_.iterations);
      const bool saves = last || stop || now() - saved_ > seconds_between_checkpoints;
      if (shows || saves || is_measured(i + 1) || is_time_to_report()) report(log);
      const bool pictures = shows && save_samples(i + 1);
      if (shows) progress_.judge(verdict_word(verdict()));
      if (pictures || saves) save(i + 1);
      if (pictures || last || stop) write_page();
      if (last || stop) write_evolution(i + 1);
      if (stop && !last) {
        progress_.finish();
        progress_.note(interruption(i + 1, folder_.checkpoint()));
        return 130;
      }
    }
  } catch (const LearningFailed &failure) {
    throw std::runtime_error(failure.what() + checkpoint_kept(folder_));
  }
  return 0;
}

double TrainingRun::seconds() const { return now() - began_; }

}  // namespace coopnets
