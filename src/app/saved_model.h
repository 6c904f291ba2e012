// What a checkpoint says about the model in it, and how to have it back.
#pragma once
#include <optional>

#include "app/options.h"
#include "app/report.h"
#include "experiments/examples.h"
#include "experiments/model.h"
#include "rivals/rival.h"
#include "tensor/safetensors.h"

namespace coopnets {

// The checkpoint's metadata: nothing that depends on the machine or on the time, so that equal runs have equal files.
Metadata run_metadata(const std::string &experiment, const Settings &, int64_t seed, int64_t iteration);
Metadata model_metadata(const Experiment &, const Settings &, const std::string &algorithm, const std::string &data,
                        int64_t seed, int64_t iteration);

// What tells one training set from another: their number and a hash (FNV-1a) of the first ones. "64 examples 9c1f..."
constexpr int64_t identifying_examples = 16;
std::string identify(int64_t size, const std::vector<real> &first);
std::string identify(const Examples &);

// Parts of a checkpoint, which may be damaged or hostile; they throw std::runtime_error naming the file. The settings
// are those stored, `others` where the file says nothing.
std::string metadata_entry(const SafetensorsFile &, const std::string &key);
Settings stored_settings(const SafetensorsFile &, Settings others);
// The settings of a damaged file could ask for any amount of memory: before it is taken, the parameters that the file
// holds must be those of the net. Throws std::invalid_argument.
void check_parameters(const SafetensorsFile &, const Sketch &net);

// The iteration after which a checkpoint was written. Throws std::runtime_error when the file is no checkpoint of this
// program.
int64_t checkpoint_iteration(const SafetensorsFile &);
// The network passes (Backend::count_passes) of those iterations; nothing where an older program did not count them.
// Throws std::runtime_error when the file is damaged.
std::optional<int64_t> network_passes(const SafetensorsFile &);

// Where the data of a run were and where they are now, "" where it is not known.
struct DataPaths {
  std::string before, now;
};
// Throws std::runtime_error naming the differences, with both values, that would make a resumed run another one: in
// these entries of the metadata, or in a setting other than `iterations`, as a run without schedule_steps may be made
// longer. `others`: the settings that the file does not name.
void check_same_run(const SafetensorsFile &, const std::vector<std::pair<std::string, std::string>> &entries,
                    const Settings &others, const Settings &settings, const DataPaths &);

struct SavedModel {
  const Experiment *experiment;
  Settings settings;  // the checkpoint's, changed by --set and --category where these do not shape the nets
  Settings trained;   // the checkpoint's
  std::string data;   // identify() of what it has learned
  std::string algorithm;
  int64_t iteration;
  std::optional<int64_t> passes;  // see network_passes()
  uint64_t seed;                  // of the training run
  Model model;
  std::unique_ptr<Network> partner;     // the second net of a rival that has one
  std::unique_ptr<ChainLearner> chain;  // a rival that samples by a chain has this and no nets

  // Who makes samples that a descriptor may revise, as files and tables name it; "" where there are chains of a descriptor
  // alone. What descends from noise by an energy is of that "descriptor", as on the sheets of its run.
  std::string maker;
};
// The nets of a checkpoint; one that was trained alone leaves the other null. Throws std::runtime_error when the file
// is missing, damaged or of another experiment than `options` names, std::invalid_argument when --set asks for other
// nets.
SavedModel load_model(Backend &, const std::string &path, const Options &options);

// Numbers are said of what a model has learned and of what it has not, so its training examples must be the very ones
// of its run. Throws std::runtime_error naming the setting that makes them others, or the data.
void check_same_data(const SavedModel &, const std::string &path, const Examples &training);

// Throws std::runtime_error, a sentence that begins with `what`, where the model is one of points.
void require_pictures(const SavedModel &, const std::string &what);

// A sentence where the model's samples come from a layer that has learned nothing yet; else "".
std::string unlearned_layer(const SavedModel &);

// For new samples: settings.sample_steps steps, with the noise that the last training iteration had.
LearningSettings sampling_settings(const SavedModel &, int64_t seed);

// What a report of the model begins with.
std::vector<Fact> report_facts(const SavedModel &, const std::string &path, const Options &);

// The file of --checkpoint, or the one in the run's folder.
std::string checkpoint_path(const Options &);

// "run/checkpoint.safetensors", "config.txt" -> "run/config.txt".
std::string sibling(const std::string &path, const std::string &name);

// Where something that is made of a model goes: beside its checkpoint; of a --checkpoint with an --out that was typed
// into that folder, which is made.
std::string made_beside(const Options &, const std::string &name);

// The experiment that a checkpoint is of. Throws std::runtime_error where the file is none.
std::string experiment_of_checkpoint(const std::string &path);

}  // namespace coopnets
