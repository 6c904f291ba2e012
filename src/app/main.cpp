// coopnets: see --help. Exit status: 0; 2 for a wrong command line; 1 for a run that failed; 130 when interrupted.
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>

#include "app/bench.h"
#include "app/compare.h"
#include "app/complete.h"
#include "app/device.h"
#include "app/errands.h"
#include "app/evaluate.h"
#include "app/list.h"
#include "app/mpi_ranks.h"
#include "app/option_texts.h"
#include "app/paper_table.h"
#include "app/picture_texts.h"
#include "app/sample.h"
#include "app/saved_model.h"
#include "app/train.h"
#include "app/train_classifier.h"
#include "experiments/classifier.h"
#include "experiments/experiment.h"
#include "experiments/model.h"
#include "rivals/rival.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

Vocabulary vocabulary() {
  Vocabulary names;
  for (const Experiment &e : experiments()) names.experiments.push_back(e.name);
  names.experiments.push_back(classifier_name);
  names.benchmarks = benchmarks();
  names.presets = preset_names();
  names.algorithms = algorithm_names();
  for (const Rival &rival : rivals()) names.algorithms.push_back(rival.name);
  return names;
}

// "FILE" of --checkpoint FILE or --checkpoint=FILE where nothing else names an experiment; "" otherwise.
std::string checkpoint_alone(const std::vector<std::string> &arguments) {
  std::string checkpoint;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const size_t equals = arguments[i].find('=');
    const std::string name = arguments[i].substr(0, equals);
    for (const char *other : {"--exp", "--config", "--bench", "--compare", "--table", "--list"})
      if (name == other) return "";
    if (name != "--checkpoint") continue;
    if (equals != std::string::npos)
      checkpoint = arguments[i].substr(equals + 1);
    else if (i + 1 < arguments.size())
      checkpoint = arguments[i + 1];
  }
  return checkpoint;
}

// A run that is resumed, evaluated or used to complete pictures has the options and settings of its config.txt (so its
// data need not be named again), changed by those given now; only a resumed one also has its machine. A checkpoint
// tells its experiment.
Options options_of(std::vector<std::string> arguments) {
  if (const std::string checkpoint = checkpoint_alone(arguments); !checkpoint.empty())
    arguments.push_back("--exp=" + experiment_of_checkpoint(checkpoint));
  const Options options = parse_options(arguments, vocabulary());
  const bool uses_run = options.resume || options.evaluate || options.complete;
  if (!uses_run || !options.config.empty()) return options;
  const std::string config = sibling(checkpoint_path(options), "config.txt");
  if (std::FILE *file = std::fopen(config.c_str(), "rb")) {
    std::fclose(file);
    arguments.push_back("--config=" + config);
    return parse_options(arguments, vocabulary());
  }
  return options;
}

int print(const std::string &text) {
  if (!(std::cout << text).flush()) throw std::runtime_error("standard output cannot be written");
  return 0;
}

using Action = std::function<int(const Options &)>;

// What is asked for instead of learning; empty where nothing is.
Action other_than_learning(const Options &o) {
  if (o.help) return [](const Options &) { return print(help_text(vocabulary())); };
  if (o.version) return [](const Options &) { return print(std::string(program_version) + ", " + built_in() + "\n"); };
  if (o.man) return [](const Options &) { return print(man_text(vocabulary())); };
  if (!o.completion.empty())
    return [](const Options &all) { return print(completion_text(all.completion, vocabulary())); };
  if (o.list)
    return [](const Options &all) { return print(all.json ? list_json(all.experiment) : list_text(all.experiment)); };
  if (!o.bench.empty()) return bench;
  if (o.table > 0) return make_table;
  if (!o.compare.empty()) return compare;
  if (o.experiment == classifier_name) return train_classifier;
  if (o.sample > 0) return sample;
  if (o.interpolate) return interpolate;
  if (o.complete) return complete;
  if (o.evaluate) return evaluate;
  return {};
}

// All ranks learn; all else is rank 0's, which has the others' help where it draws samples or learns a table's rows.
int run(const std::vector<std::string> &arguments) {
  const int rank = program_ranks().rank();
  const Options options = options_of(arguments);
  const Action other = other_than_learning(options);
  if (!other) return train(options);
  if (rank > 0) return do_errands(options), 0;
  const int status = other(options);
  end_errands();
  return status;
}

}  // namespace

}  // namespace coopnets

int main(int count, char **arguments) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that cannot grow is an error like any other
  using coopnets::end_ranks;
  try {
    return end_ranks(coopnets::run({arguments + 1, arguments + count}));
  } catch (const coopnets::UsageError &error) {
    return end_ranks(2, error.what());
  } catch (const std::bad_alloc &) {
    return end_ranks(1,
                     "out of memory; fewer chains (--set chains=...), a smaller batch or smaller pictures (--set "
                     "size=..., of samples --size) need less");
  } catch (const std::exception &error) {
    return end_ranks(1, error.what());
  }
}
