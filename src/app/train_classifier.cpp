#include "app/train_classifier.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "app/device.h"
#include "app/estimate.h"
#include "app/report.h"
#include "app/run_name.h"
#include "app/saved_classifier.h"
#include "app/training_run.h"
#include "data/dataset.h"
#include "experiments/examples.h"
#include "experiments/model.h"
#include "learning/classifier.h"

namespace coopnets {

namespace {

DatasetOptions data_options(const Options &options, const Settings &s) {
  DatasetOptions data;
  data.source.path = options.data.empty() ? "datasets/digits" : options.data;
  data.source.held_out = s.held_out;
  data.source.a_sixth_at_most = !options.sets("held_out");
  data.source.held_out_seed = static_cast<uint64_t>(options.seed);
  data.height = data.width = s.size;
  data.crop = parse_crop(s.crop);
  data.resize = parse_resize(s.resize);
  data.alpha = parse_alpha(s.alpha);
  data.normalise = parse_normalise(s.normalise);
  data.seed = static_cast<uint64_t>(options.seed);
  return data;
}

// Per cent of the examples whose largest logit is that of their label.
double accuracy(Backend &backend, Network &network, const Dataset &data) {
  ClassifierReader reader(backend, network, 64);
  int64_t right = 0;
  for (int64_t first = 0; first < data.size(); first += reader.batch()) {
    const int64_t count = std::min(reader.batch(), data.size() - first);
    std::vector<real> logits, features;
    reader.read(data.examples(first, count), logits, features);
    const int64_t classes = int64_t(logits.size()) / count;
    for (int64_t k = 0; k < count; ++k) {
      const auto row = logits.begin() + k * classes;
      right += std::max_element(row, row + classes) - row == data.label(first + k);
    }
  }
  return 100 * double(right) / double(data.size());
}

std::string one_decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

// What a classifier learns, and what it is tested on.
struct LabelledPictures {
  std::unique_ptr<Dataset> data, test;
};

// Sets settings.held_out to how many are in fact held out. Throws std::runtime_error where there is nothing to tell apart
// or to test on.
LabelledPictures open_labelled(const Options &options, Settings &settings, Progress &progress) {
  DatasetOptions of = data_options(options, settings);
  of.warn = [&](const std::string &text) { progress.warn(text); };
  LabelledPictures all{std::make_unique<Dataset>(of), nullptr};
  const Dataset &data = *all.data;
  if (data.categories().size() < 2)
    throw std::runtime_error(
        of.source.path +
        " has not two categories or more to tell apart: a classifier needs labelled digits, CIFAR's "
        "records or a folder with a folder for each category");
  const std::string fewer = held_out_note(settings.held_out, data.held_out(), data.size());
  if (!fewer.empty()) progress.note(fewer);
  settings.held_out = of.source.held_out = data.held_out();
  if (settings.held_out == 0)
    throw std::runtime_error("a classifier that holds out none of its " + std::to_string(data.size()) +
                             " pictures cannot say how often it is right: --set held_out=N sets some aside");
  of.channels = data.shape().c;
  of.source.take_held_out = true;
  all.test = std::make_unique<Dataset>(of);
  return all;
}

}  // namespace

int train_classifier(const Options &options) {
  if (options.evaluate || options.complete || options.interpolate || options.sample > 0)
    throw std::runtime_error(
        "--exp classifier trains and does nothing else; its checkpoint serves the --evaluate of other experiments by "
        "--features FILE");
  const std::unique_ptr<Backend> backend = make_backend(options);
  Settings settings = settings_of(options, classifier_settings());
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  Progress progress(options);
  const LabelledPictures pictures = open_labelled(options, settings, progress);
  Dataset &data = *pictures.data;
  const Dataset &test = *pictures.test;
  const int64_t classes = int64_t(data.categories().size());
  settings = fitted_to(data.size(), settings);
  const std::unique_ptr<Network> network = make_classifier(*backend, settings, data.shape().c, classes, seed);
  const int64_t batch = std::min(settings.batch, data.size());
  ClassifierLearner learner(*backend, *network, {OptimizerSettings::adam, settings.descriptor_rate, 0, false}, batch);

  const std::string said = "classifier of " + std::to_string(classes) + " categories, on " + backend->info().name +
                           ": " + std::to_string(data.size()) + " pictures to learn, " + std::to_string(test.size()) +
                           " held out, " + std::to_string(network->parameter_count()) + " parameters";
  const auto next = [&](int64_t i) {
    Batch next{std::vector<real>(size_t(batch * data.shape().size())), data.batch_indices(i, batch), {}};
    data.batch(i, batch, next.examples.data());
    for (const int64_t index : next.indices) next.labels.push_back(data.label(index));
    return next;
  };
  if (options.dry_run) {
    const Plan plan = {said, data_options(options, settings).source.path, run_path(options, classifier_name), false};
    dry_run(options, plan, settings, *backend, learner, next, progress);
    return 0;
  }
  TrainingRun run(options, classifier_name, settings, *backend, learner, progress);
  const std::string identity =
      identify(data.size(), data.examples(0, std::min<int64_t>(identifying_examples, data.size())));
  std::string right;
  const auto metadata = [&](int64_t iteration) {
    right = one_decimal(accuracy(*backend, *network, test));
    return classifier_metadata(settings, data.shape().c, data.categories(), identity, seed, iteration, right);
  };
  const Metadata now = classifier_metadata(settings, data.shape().c, data.categories(), identity, seed, 0, "");
  TrainingRun::Entries same = {{"experiment", classifier_name}};
  for (const char *name : {"seed", "channels", "categories", "data"}) same.emplace_back(name, now.at(name));
  if (!run.begin(metadata, same, classifier_settings(), options)) return 0;
  data.list_bad_in(run.folder().skipped());
  progress.note(said);
  const int status = run.loop(next);
  if (status != 0) return status;
  progress.note("right on " + right + " % of " + std::to_string(test.size()) + " pictures held out, after " +
                duration(run.seconds()) + ". --evaluate --features " + run.folder().checkpoint() +
                " compares its features" + unreadable(data.bad_count() + test.bad_count()));
  return 0;
}

}  // namespace coopnets
