// Classifiers on disk.
#pragma once
#include <memory>

#include "app/saved_model.h"
#include "experiments/classifier.h"

namespace coopnets {

struct SavedClassifier {
  std::vector<std::string> categories;
  std::string accuracy;  // per cent of held-out pictures, as text
  std::unique_ptr<Network> network;
};

// Its net for pictures of settings.size and so many channels.
std::unique_ptr<Network> make_classifier(Backend &, const Settings &, int64_t channels, int64_t classes, uint64_t seed);

Metadata classifier_metadata(const Settings &, int64_t channels, const std::vector<std::string> &categories,
                             const std::string &data, uint64_t seed, int64_t iteration, const std::string &accuracy);

bool is_classifier(const SafetensorsFile &);

// Throws std::runtime_error when the file is damaged.
SavedClassifier load_classifier(Backend &, const SafetensorsFile &);

}  // namespace coopnets
