#include "app/train.h"

#include <algorithm>
#include <stdexcept>

#include "app/comparison.h"
#include "app/data_path.h"
#include "app/device.h"
#include "app/interrupt.h"
#include "app/log.h"
#include "app/pictures.h"
#include "app/progress.h"
#include "app/report.h"
#include "app/run_folder.h"
#include "app/run_name.h"
#include "app/saved_model.h"
#include "experiments/examples.h"
#include "experiments/model.h"
#include "learning/checkpoint.h"
#include "learning/health.h"

namespace coopnets {

namespace {

std::string mebibytes(size_t bytes) { return std::to_string((bytes + (1 << 19)) >> 20) + " MiB"; }

// What one run holds while it learns.
struct Run {
  const Options &options;
  const Experiment &experiment;
  Settings settings;
  Backend &backend;
  Cooperative &learner;
  RunFolder &folder;
  Progress &progress;
  std::string data;

  void save_pictures(int64_t iteration) {
    if (options.algorithm == "cooperative" || options.algorithm == "generator")
      save_examples(folder.samples(iteration, "generator"), backend, learner.generated());
    if (options.algorithm != "generator")
      save_examples(folder.samples(iteration, "descriptor"), backend, learner.revised());
  }

  // observed | generated | revised, as far as the algorithm has them; returns a sentence that says where.
  std::string save_clips(const Examples &examples) {
    const auto column = [&](ConstView x) { return VideoColumn{values(backend, x), x.shape}; };
    const int64_t shown = std::min<int64_t>(4, examples.size());
    const Shape shape = example_shape(experiment, settings);
    std::vector<VideoColumn> columns = {{examples.range(0, shown), shape.with_n(shown)}};
    if (options.algorithm == "cooperative" || options.algorithm == "generator")
      columns.push_back(column(learner.generated()));
    if (options.algorithm != "generator") columns.push_back(column(learner.revised()));
    std::string files;
    for (const std::string &file : save_comparison(folder.path(), columns)) files += (files.empty() ? "" : ", ") + file;
    return "Observed, generated and revised clips side by side: " + files + " in " + folder.path();
  }

  void save(int64_t iteration) {
    save_checkpoint(folder.checkpoint(), backend, learner.state(),
                    model_metadata(experiment, settings, options.algorithm, data, options.seed, iteration));
  }
};

// With what was chosen for the user, so that config.txt repeats the run elsewhere.
Options resolved(Options options, const std::string &preset, const std::string &data) {
  options.preset = preset;
  options.name = run_name(options);
  options.data = data;
  if (options.precision.empty()) options.precision = "fp32";
  return options;
}

// A setting that the experiment does not use must keep its value.
void refuse_unused(const Experiment &experiment, const Settings &settings, const std::string &preset) {
  const Settings before = experiment.settings(preset);
  for (const std::string &name : unused_settings(experiment))
    if (settings.get(name) != before.get(name))
      throw UsageError("the setting " + name + " does nothing in the experiment '" + experiment.name + "'");
}

LogRow row_of(int64_t iteration, const Monitor &m, double seconds) {
  return {iteration, m.energy_observed, m.energy_initial, m.energy_revised, m.gradient, m.reconstruction, seconds};
}

}  // namespace

int train(const Options &options) {
  const Experiment &experiment = find_experiment(options.experiment);
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string preset = preset_for(options, *backend);
  const Algorithm algorithm = parse_algorithm(options.algorithm);
  const Settings settings = settings_of(options, for_algorithm(experiment.settings(preset), algorithm));
  refuse_unused(experiment, settings, preset);
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  Progress progress(settings.iterations, options.quiet);
  const auto warn = [&](const std::string &text) { progress.warn(text); };

  // Everything that can fail comes before the run folder is touched.
  const std::unique_ptr<Examples> examples =
      open_examples(experiment, settings, data_path(options, experiment), seed, warn);
  Model model = make_model(*backend, experiment, settings, seed);
  const LearningSettings learning = learning_settings(settings, algorithm, seed, examples->size());
  Cooperative learner(*backend, model.descriptor.get(), model.generator.get(), learning, examples->size());

  RunFolder folder(options.out, experiment.name, run_name(options), run_start(options));
  const std::vector<real> some = examples->range(0, std::min<int64_t>(identifying_examples, examples->size()));
  if (std::all_of(some.begin(), some.end(), [](real x) { return x == 0; }))  // normalise=stretch made it so
    progress.warn("the observed pictures are of one colour each: there is nothing to learn from them");
  const std::string data = identify(*examples);
  Run run{options, experiment, settings, *backend, learner, folder, progress, data};
  int64_t first = 0;
  if (options.resume) {
    const SafetensorsFile file(folder.checkpoint_to_resume());
    first = checkpoint_iteration(file);
    check_same_run(file,
                   {{"experiment", experiment.name},
                    {"algorithm", options.algorithm},
                    {"seed", std::to_string(options.seed)},
                    {"data", data}},
                   experiment.settings("quick"), settings);
    load_checkpoint(file, *backend, learner.state());
    if (first >= settings.iterations) {
      progress.note(nothing_left(folder, first));
      return 0;
    }
  } else {
    run.save(0);  // before anything else: until it is on disk, the run that is replaced stays whole
    folder.clear_but(folder.checkpoint());
  }
  write_atomically(folder.config(), config_text(resolved(options, preset, data_path(options, experiment)), settings));
  Log log(folder.log(), first);
  const Shape shape = example_shape(experiment, settings);
  save_examples(folder.file("observed"), examples->range(0, std::min<int64_t>(64, examples->size())),
                shape.with_n(std::min<int64_t>(64, examples->size())));

  const bool descriptor = learning.algorithm != Algorithm::generator;
  const bool generator = learning.algorithm == Algorithm::generator || learning.algorithm == Algorithm::cooperative;
  const std::string parameters = (descriptor ? std::to_string(model.descriptor->parameter_count()) : "") +
                                 (descriptor && generator ? " + " : "") +
                                 (generator ? std::to_string(model.generator->parameter_count()) : "") + " parameters";
  progress.note(experiment.name + ", " + preset + " preset, on " + backend->name() + ": " +
                std::to_string(examples->size()) + (examples->size() == 1 ? " example" : " examples") + " of " +
                shape.str() + ", " + parameters + ", activations planned into " + mebibytes(learner.planned_bytes()) +
                " (" + mebibytes(learner.unplanned_bytes()) + " without reuse)");

  Health health;
  catch_interrupts();
  const auto now = standard_screen().seconds;
  const double begin = now();
  double saved = begin, read = begin, start = begin;
  int64_t unread = 0;  // iterations whose readings are still on the device, which is not waited for at each
  const double seconds_between_readings = is_cpu(*backend) ? 0 : 0.1;
  try {
    for (int64_t i = first; i < settings.iterations; ++i) {
      if (unread == 0) start = now();
      learner.iterate(i, rate_factor(settings, i), examples->batch(i, learning.batch),
                      examples->batch_indices(i, learning.batch));
      ++unread;

      const bool last = i + 1 == settings.iterations, stop = interrupted();
      const bool pictures = writes_pictures(i + 1, settings.iterations);
      const bool save = pictures || last || stop || now() - saved > seconds_between_checkpoints;
      if (save || unread == Cooperative::kept_monitors || now() - read >= seconds_between_readings) {
        const std::vector<Monitor> monitors = learner.take_monitors();
        read = now();
        for (const Monitor &monitor : monitors) {
          const int64_t iteration = i + 2 - unread--;
          const LogRow row = row_of(iteration, monitor, (read - start) / double(monitors.size()));
          log.add(row);
          progress.update(row);
          const std::string warning = health.check(iteration, monitor);
          if (!warning.empty()) progress.warn(warning);
        }
      }
      if (pictures) run.save_pictures(i + 1);
      if (save) {
        run.save(i + 1);
        saved = now();
      }
      if (stop && !last) {
        progress.note(interruption(i + 1, folder.checkpoint()));
        return 130;
      }
    }
  } catch (const LearningFailed &failure) {
    throw std::runtime_error(failure.what() + checkpoint_kept(folder));
  }
  if (experiment.data == DataKind::video) progress.note(run.save_clips(*examples));
  progress.note("done in " + duration(now() - begin) + ", " + mebibytes(backend->peak_bytes()) +
                " of tensors at most. Look at " + folder.samples(settings.iterations, "*.png") + "; the model is " +
                folder.checkpoint() + unreadable(examples->bad_count()));
  return 0;
}

}  // namespace coopnets
