// What a checkpoint says about the model in it, and how to have it back.
#pragma once
#include "app/options.h"
#include "experiments/model.h"
#include "tensor/safetensors.h"

namespace coopnets {

// The checkpoint's metadata: nothing that depends on the machine or on the time, so that equal runs have equal files.
Metadata model_metadata(const Experiment &, const Settings &, const std::string &algorithm, int64_t seed,
                        int64_t iteration);

// The iteration after which a checkpoint was written. Throws std::runtime_error when the file is no checkpoint of this
// program.
int64_t checkpoint_iteration(const SafetensorsFile &);

// Throws std::runtime_error naming the first difference that would make a resumed run another one.
void check_same_model(const SafetensorsFile &, const Experiment &, const Settings &, const std::string &algorithm,
                      int64_t seed);

struct SavedModel {
  const Experiment *experiment;
  Settings settings;
  std::string algorithm;
  int64_t iteration;
  Model model;
};
// The nets of a checkpoint; one that was trained alone leaves the other null. Throws std::runtime_error when the file
// is damaged or of another experiment than `options` names.
SavedModel load_model(Backend &, const std::string &path, const Options &options);

// The file of --checkpoint, or the one in the run's folder.
std::string checkpoint_path(const Options &);

}  // namespace coopnets
