#include "app/train_classifier.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "app/device.h"
#include "app/interrupt.h"
#include "app/progress.h"
#include "app/report.h"
#include "app/run_folder.h"
#include "app/run_name.h"
#include "app/saved_classifier.h"
#include "data/dataset.h"
#include "experiments/model.h"
#include "learning/checkpoint.h"
#include "learning/classifier.h"
#include "learning/health.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

constexpr double seconds_between_lines = 10;

DatasetOptions data_options(const Options &options, const Settings &s) {
  DatasetOptions data;
  data.source.path = options.data.empty() ? "datasets/digits" : options.data;
  data.source.held_out = s.held_out;
  data.source.held_out_seed = static_cast<uint64_t>(options.seed);
  data.height = data.width = s.size;
  data.crop = parse_crop(s.crop);
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

}  // namespace

int train_classifier(const Options &options) {
  if (options.evaluate || options.complete || options.interpolate || options.sample > 0)
    throw std::runtime_error(
        "--exp classifier trains and does nothing else; its checkpoint serves the --evaluate of other experiments by "
        "--features FILE");
  const std::unique_ptr<Backend> backend = make_backend(options);
  const Settings settings = settings_of(options, classifier_settings());
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  Progress progress(settings.iterations, options.quiet);
  DatasetOptions held_out = data_options(options, settings);
  held_out.warn = [&](const std::string &text) { progress.warn(text); };
  Dataset data(held_out);
  const int64_t classes = int64_t(data.categories().size());
  if (classes < 2)
    throw std::runtime_error(
        held_out.source.path +
        " has not two categories or more to tell apart: a classifier needs labelled digits, CIFAR's "
        "records or a folder with a folder for each category");
  held_out.channels = data.shape().c;
  held_out.source.take_held_out = true;
  const Dataset test(held_out);
  const std::unique_ptr<Network> network = make_classifier(*backend, settings, data.shape().c, classes, seed);
  const int64_t batch = std::min(settings.batch, data.size());
  ClassifierLearner learner(*backend, *network, {OptimizerSettings::adam, settings.descriptor_rate, 0, false}, batch);

  RunFolder folder(options.out, classifier_name, run_name(options), run_start(options));
  const std::string identity =
      identify(data.size(), data.examples(0, std::min<int64_t>(identifying_examples, data.size())));
  std::string right;
  const auto save = [&](int64_t iteration) {
    right = one_decimal(accuracy(*backend, *network, test));
    save_checkpoint(folder.checkpoint(), *backend, learner.state(),
                    classifier_metadata(settings, data.shape().c, data.categories(), identity, seed, iteration, right));
  };
  int64_t first = 0;
  if (options.resume) {
    const SafetensorsFile file(folder.checkpoint_to_resume());
    first = checkpoint_iteration(file);
    const Metadata now = classifier_metadata(settings, data.shape().c, data.categories(), identity, seed, first, "");
    check_same_run(file,
                   {{"experiment", classifier_name},
                    {"seed", now.at("seed")},
                    {"channels", now.at("channels")},
                    {"categories", now.at("categories")},
                    {"data", identity}},
                   classifier_settings(), settings);
    load_checkpoint(file, *backend, learner.state());
    if (first >= settings.iterations) {
      progress.note(nothing_left(folder, first));
      return 0;
    }
  } else {
    save(0);  // before anything else: until it is on disk, the run that is replaced stays whole
    folder.clear_but(folder.checkpoint());
  }
  write_atomically(folder.config(), config_text(options, settings));
  progress.note("classifier of " + std::to_string(classes) + " categories, on " + backend->name() + ": " +
                std::to_string(data.size()) + " pictures to learn, " + std::to_string(test.size()) + " held out, " +
                std::to_string(network->parameter_count()) + " parameters");
  catch_interrupts();
  const auto now = standard_screen().seconds;
  const double begin = now();
  double said = begin, saved = begin;
  std::vector<real> pictures(batch * data.shape().size());
  std::vector<int64_t> labels(batch);
  try {
    for (int64_t i = first; i < settings.iterations; ++i) {
      data.batch(i, batch, pictures.data());
      const std::vector<int64_t> indices = data.batch_indices(i, batch);
      for (int64_t k = 0; k < batch; ++k) labels[k] = data.label(indices[k]);
      const double loss = learner.learn(i, rate_factor(settings, i), pictures, labels);
      if (!std::isfinite(loss)) throw no_longer_finite("iteration " + std::to_string(i + 1) + ": the cross-entropy");

      const bool last = i + 1 == settings.iterations, stop = interrupted();
      if (last || now() - said >= seconds_between_lines) {
        said = now();
        progress.note(std::to_string(i + 1) + "/" + std::to_string(settings.iterations) + "  cross-entropy " +
                      std::to_string(loss) + "  " +
                      duration((said - begin) / double(i + 1 - first) * double(settings.iterations - i - 1)) + " left");
      }
      if (last || stop || now() - saved > seconds_between_checkpoints) {
        save(i + 1);
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
  progress.note("right on " + right + " % of " + std::to_string(test.size()) + " pictures held out, after " +
                duration(now() - begin) + ". --evaluate --features " + folder.checkpoint() + " compares its features" +
                unreadable(data.bad_count() + test.bad_count()));
  return 0;
}

}  // namespace coopnets
