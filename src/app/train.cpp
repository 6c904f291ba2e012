#include "app/train.h"

#include <algorithm>
#include <stdexcept>

#include "app/comparison.h"
#include "app/data_path.h"
#include "app/device.h"
#include "app/errands.h"
#include "app/estimate.h"
#include "app/evaluate.h"
#include "app/interrupt.h"
#include "app/leader.h"
#include "app/mpi_ranks.h"
#include "app/pictures.h"
#include "app/point_plot.h"
#include "app/report.h"
#include "app/run_name.h"
#include "app/saved_model.h"
#include "app/texture_structure.h"
#include "app/training_run.h"
#include "experiments/examples.h"
#include "experiments/model.h"
#include "rivals/rival.h"

namespace coopnets {

namespace {

// The middle of each of the first clips: so many frames, or as many as the shortest of them has.
VideoColumn middles(const Examples &examples, Shape whole, int64_t clips, int64_t frames) {
  for (int64_t k = 0; k < clips; ++k) examples.whole(k, whole), frames = std::min(frames, whole.t);
  VideoColumn column;
  for (int64_t k = 0; k < clips; ++k) {
    const std::vector<real> clip = examples.whole(k, whole);
    const Canvas middle = Canvas::middle(whole, frames);
    const std::vector<real> cut = middle.cut(clip, whole);
    column.values.insert(column.values.end(), cut.begin(), cut.end());
    column.shape = middle.wanted.with_n(k + 1);
  }
  return column;
}

// observed | generated | revised, as far as the algorithm has them; returns a sentence that says where.
std::string save_clips(const std::string &folder, Backend &backend, const Learner &learner, const Examples &examples,
                       const Settings &settings, const PngTexts &texts) {
  const auto samples = learner.samples();
  const Shape made = samples[0].second.shape;
  std::vector<VideoColumn> columns = {
      middles(examples, made, std::min<int64_t>(4, examples.size()), Canvas::within(made, settings.border).wanted.t)};
  for (const auto &[name, x] : samples) {
    Canvas shown = Canvas::within(x.shape, settings.border);
    shown.wanted.t = columns[0].shape.t;
    columns.push_back({shown.cut(values(backend, x), x.shape), shown.wanted.with_n(x.shape.n)});
  }
  std::string files;
  for (const std::string &file : save_comparison(folder, columns, examples.milliseconds(), texts))
    files += (files.empty() ? "" : ", ") + file;
  return "Observed, generated and revised clips side by side: " + files + " in " + folder;
}

// With what was chosen for the user, so that config.txt repeats the run elsewhere.
Options resolved(Options options, const std::string &preset, const std::string &data) {
  options.preset = preset;
  options.name = run_name(options);
  options.data = data;
  if (options.precision.empty()) options.precision = "fp32";
  return options;
}

// A setting that the experiment or the algorithm does not use must keep its value.
void refuse_unused(const Experiment &experiment, const std::string &algorithm, const Settings &settings,
                   const Settings &before) {
  for (const std::string &name : unused_settings(experiment))
    if (settings.get(name) != before.get(name))
      throw UsageError("the setting " + name + " does nothing in the experiment '" + experiment.name + "'");
  try {
    refuse_unused(algorithm, settings, before);
  } catch (const std::invalid_argument &error) {
    throw UsageError(error.what());
  }
}

// Nets that are told classes are told one of each example.
void require_classes(const Examples &examples, const std::string &path, int64_t classes) {
  const std::string set = "classes=" + std::to_string(classes), where = path.empty() ? "these examples" : path;
  for (int64_t i = 0; classes > 0 && i < examples.size(); ++i) {
    const int64_t label = examples.label(i);
    if (label < 0)
      throw std::runtime_error(set + " tells the nets the category of each example: there are none in " + where);
    if (label >= classes)
      throw std::runtime_error(set + " are too few for the categories of " + where + ": an example is of number " +
                               std::to_string(label) + ", counted from 0");
  }
}

bool draws_no_noise(const Settings &s) {
  return s.temperature == 0 || s.langevin_noise_until == 0 || s.cold_steps >= s.langevin_steps;
}

// Whoever learns, and the nets that it learns.
struct Learned {
  std::vector<std::unique_ptr<Network>> nets;
  std::unique_ptr<Learner> learner;
};

Learned make_learner(Backend &backend, const Experiment &experiment, const Rival *rival, const std::string &algorithm,
                     const Settings &settings, uint64_t seed, int64_t examples) {
  Learned made;
  if (experiment.data == DataKind::video && example_shape(experiment, settings).t < 2)
    throw std::runtime_error("a clip has two frames or more (--set frames=N)");
  if (rival && rival->chain) {
    std::unique_ptr<ChainLearner> chain = rival->chain({backend, example_shape(experiment, settings), settings, seed});
    if (experiment.data == DataKind::texture || experiment.data == DataKind::video)
      chain->set_example(example_shape(experiment, as_judged(experiment, settings)));
    made.learner = std::move(chain);
    return made;
  }
  if (rival) {
    RivalModel model = make_rival(backend, *rival, experiment, settings, seed);
    made.learner = rival->learner({backend, *model.generator, *model.partner, settings, seed});
    made.nets.push_back(std::move(model.partner));
    made.nets.push_back(std::move(model.generator));
    return made;
  }
  Model model = make_model(backend, experiment, settings, seed);
  const Algorithm which = parse_algorithm(algorithm);
  made.learner = std::make_unique<Cooperative>(backend, model.descriptor.get(), model.generator.get(),
                                               learning_settings(settings, which, seed, examples), examples);
  if (which != Algorithm::generator) made.nets.push_back(std::move(model.descriptor));
  if (which == Algorithm::generator || which == Algorithm::cooperative) made.nets.push_back(std::move(model.generator));
  return made;
}

void require_alike(Ranks &ranks, const Backend &backend, const Experiment &experiment, const Options &options,
                   const Settings &settings, const std::string &data) {
  std::string run = experiment.name + ' ' + options.algorithm + ' ' + std::to_string(options.seed) + ' ' +
                    name_of(backend.info().precision);
  for (const Field<Settings> &field : setting_fields()) run += ' ' + settings.get(field.name);
  require_alike(ranks, alike_here(backend, run, data));
}

std::string of_ranks(int count) { return count > 1 ? ", on each of " + std::to_string(count) + " ranks" : ""; }

// "texture, quick preset, on cpu, 2 threads: 1 example of ..., 123 + 456 parameters, activations planned into 7 MiB"
std::string banner(const Experiment &experiment, const std::string &who, const Settings &settings,
                   const Backend &backend, int64_t examples, const Learned &learned) {
  std::string parameters;
  for (const std::unique_ptr<Network> &net : learned.nets)
    parameters += (parameters.empty() ? "" : " + ") + std::to_string(net->parameter_count());
  const std::string said = experiment.name + ", " + who + ", on " + backend.info().name +
                           of_ranks(backend.ranks().count()) + ": " + std::to_string(examples) +
                           (examples == 1 ? " example" : " examples") + " of " +
                           example_shape(experiment, settings).str();
  if (learned.nets.empty()) return said;
  return said + ", " + parameters + " parameters, activations planned into " +
         mebibytes(learned.learner->planned_bytes()) + " (" + mebibytes(learned.learner->unplanned_bytes()) +
         " without reuse)";
}

// The first of the observed examples, as the nets are shown them but for their border.
void save_first_examples(const std::string &path, const Examples &examples, const Shape &shape, int64_t border) {
  const int64_t shown = std::min<int64_t>(are_points(shape) ? measured_points : 64, examples.size());
  const Canvas inner = Canvas::within(shape, border);
  save_sheet(path, inner.cut(examples.range(0, shown), shape.with_n(shown)), inner.wanted.with_n(shown), {},
             "observed");
}

// The middle of each photograph, as large as the syntheses beside which it is looked at.
void save_photographs(const std::string &path, const Examples &examples, Shape shape, int64_t side) {
  const int64_t shown = std::min<int64_t>(64, examples.size());
  Canvas middle;
  std::vector<real> all;
  for (int64_t k = 0; k < shown; ++k) {
    const std::vector<real> whole = examples.whole(k, shape);
    middle = Canvas::within(shape, 0);
    middle.wanted.h = std::min(side, shape.h);
    middle.wanted.w = std::min(side, shape.w);
    middle.top = (shape.h - middle.wanted.h) / 2;
    middle.left = (shape.w - middle.wanted.w) / 2;
    const std::vector<real> cut = middle.cut(whole, shape);
    all.insert(all.end(), cut.begin(), cut.end());
  }
  save_sheet(path, all, middle.wanted.with_n(shown), {}, "observed");
}

// What is learned from. Where parts of it are drawn anew it is what syntheses are judged by.
void save_observed(const std::string &path, const Examples &examples, const Shape &shape, const Settings &settings,
                   bool structured, const Settings &judged) {
  if (structured && settings.crop == "random") return save_photographs(path, examples, shape, judged.size);
  if (shape.t == 1 || settings.crop != "random") return save_first_examples(path, examples, shape, settings.border);
  const VideoColumn clips = middles(examples, shape, std::min<int64_t>(4, examples.size()), judged.frames);
  save_sheet(path, clips.values, clips.shape, {}, "observed");
}

bool are_of_one_colour(const Examples &examples) {  // normalise=stretch made them zeros
  const std::vector<real> some = examples.range(0, std::min<int64_t>(identifying_examples, examples.size()));
  return std::all_of(some.begin(), some.end(), [](real x) { return x == 0; });
}

std::string closing_note(const TrainingRun &run, const Settings &settings, const Backend &backend,
                         const Examples &examples) {
  const std::string word = run.verdict();
  const std::string passes = run.passes() ? std::to_string(*run.passes()) + " network passes in all, " : "";
  return (word.empty() ? "" : word + "\n") + "done in " + duration(run.seconds()) + ", " + passes +
         mebibytes(backend.peak_bytes()) + " of tensors at most. Look at " + run.folder().file("report.html") +
         " and " + run.folder().samples(settings.iterations, "*.png") + "; the model is " + run.folder().checkpoint() +
         unreadable(examples.bad_count());
}

// The preset as the options change it. Throws UsageError where they set what does nothing here.
Settings settings_to_learn(const Options &options, const Experiment &experiment, const Rival *rival,
                           const std::string &preset) {
  const Settings of_preset = rival ? rival_settings(*rival, experiment, preset)
                                   : for_algorithm(experiment.settings(preset), parse_algorithm(options.algorithm));
  const Settings settings = settings_of(options, of_preset);
  refuse_unused(experiment, options.algorithm, settings, of_preset);
  return settings;
}

Batch batch_of(Examples &examples, int64_t iteration, int64_t size, bool labelled) {
  Batch batch{examples.batch(iteration, size), examples.batch_indices(iteration, size), {}};
  if (labelled)
    for (const int64_t index : batch.indices) batch.labels.push_back(examples.label(index));
  return batch;
}

// What a resumed run must have in common with the one before.
TrainingRun::Entries entries_of(const Options &options, const Rival *rival, const Settings &settings,
                                const std::string &data) {
  TrainingRun::Entries same = {{"experiment", options.experiment},
                               {"algorithm", options.algorithm},
                               {"seed", std::to_string(options.seed)},
                               {"data", data}};
  if (rival && rival->laid_over_run) same.emplace_back("length", std::to_string(settings.iterations) + " iterations");
  return same;
}

// What is learned, from what, by what.
struct Lesson {
  const Options &options;
  const Experiment &experiment;
  const Rival *rival;  // null: one of the papers' own algorithms
  std::string preset, path;
  Settings settings;  // fitted to the examples
  Backend &backend;
  const Learned &learned;
  Examples &examples;
  std::string data;  // what stands for them
  Progress &progress;
};

// Rank 0, which writes.
int lead(const Lesson &l, const std::function<Batch(int64_t iteration)> &next) {
  Leader learner(l.backend, *l.learned.learner);
  const Options &options = l.options;
  const Settings &settings = l.settings;
  const Shape shape = example_shape(l.experiment, settings);
  const bool climbs = !l.rival && options.algorithm != "generator" && draws_no_noise(settings);
  const std::string said =
      banner(l.experiment, l.preset + " preset" + (l.rival ? " of " + l.rival->title : ""), settings, l.backend,
             l.examples.size(), l.learned) +
      (climbs ? "; the Langevin steps draw no noise: they climb the energy and do not sample" : "");
  if (options.dry_run) {
    dry_run(options, {said, l.path, run_path(options, l.experiment.name)}, settings, l.backend, learner, next,
            l.progress);
    return 0;
  }

  const Settings judged = l.rival && l.rival->chain ? as_judged(l.experiment, settings) : settings;
  const std::optional<StructureScore> structure = texture_structure(l.experiment, judged, l.examples);
  TrainingRun run(options, l.experiment.name, settings, l.backend, learner, l.progress);
  if (are_of_one_colour(l.examples))
    l.progress.warn("the observed pictures are of one colour each: there is nothing to learn from them");
  const TrainingRun::Entries same = entries_of(options, l.rival, settings, l.data);
  const auto metadata = [&](int64_t iteration) {
    Metadata all = model_metadata(l.experiment, settings, options.algorithm, l.data, options.seed, iteration);
    all.insert(same.begin(), same.end());  // the length, where it counts
    return all;
  };
  if (!run.begin(metadata, same, l.experiment.settings("quick"), resolved(options, l.preset, l.path))) return 0;
  l.examples.list_bad_in(run.folder().skipped());
  save_observed(run.folder().file("observed"), l.examples, shape, settings, structure.has_value(), judged);
  l.progress.note(said);

  if (structure) measure_structure(run, *structure, l.backend, learner, settings.border, l.progress);
  const int status = run.loop(next);
  if (status != 0) return status;
  if (l.experiment.data == DataKind::video)
    l.progress.note(
        save_clips(run.folder().path(), l.backend, learner, l.examples, settings, run.texts(settings.iterations)));
  l.progress.note(closing_note(run, settings, l.backend, l.examples));
  return 0;
}

// Everything that can fail comes before the run folder is touched.
int learn(Options options) {
  const Experiment &experiment = find_experiment(options.experiment);
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string preset = preset_for(options, *backend), path = data_path(options, experiment);
  if (options.algorithm.empty()) options.algorithm = experiment.algorithm(preset);
  const Rival *const rival = find_rival(options.algorithm);
  Ranks &ranks = rival && rival->one_rank ? one_rank() : program_ranks();
  const bool first_rank = program_ranks().rank() == 0;
  if (!first_rank) ignore_interrupts();
  if (!first_rank && ranks.count() == 1) return 0;
  backend->set_ranks(ranks);
  Settings settings = settings_to_learn(options, experiment, rival, preset);
  const uint64_t seed = uint64_t(options.seed);
  Progress progress(options);
  const auto warn = [&](const std::string &text) {
    if (first_rank) progress.warn(text);
  };
  const auto note = [&](const std::string &text) {
    if (first_rank) progress.note(text);
  };
  if (ranks.count() < program_ranks().count())
    warn(rival->title + " needs the whole batch in one place: rank 0 learns it alone");
  const std::unique_ptr<Examples> examples =
      open_training_examples(experiment, settings, path, seed, warn, note, options.sets("held_out"));
  require_classes(*examples, path, settings.classes);
  settings = fitted_to(examples->size(), settings);
  const Learned learned =
      make_learner(*backend, experiment, rival, options.algorithm, settings, seed, examples->size());
  const std::string data = identify(*examples);
  require_alike(ranks, *backend, experiment, options, settings, data);
  const auto next = [&](int64_t i) { return batch_of(*examples, i, learned.learner->batch(), settings.classes > 0); };
  if (first_rank)
    return lead({options, experiment, rival, preset, path, settings, *backend, learned, *examples, data, progress},
                next);
  follow(*backend, *learned.learner, next);
  return 0;
}

}  // namespace

int train(const Options &options) {
  int status = learn(options);
  if (find_experiment(options.experiment).data != DataKind::points || options.dry_run) return status;
  if (program_ranks().rank() > 0) return do_errands(options), status;
  if (status == 0) status = evaluate_points(options);
  end_errands();
  return status;
}

}  // namespace coopnets
