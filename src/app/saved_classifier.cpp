#include "app/saved_classifier.h"

#include <stdexcept>

#include "learning/checkpoint.h"

namespace coopnets {

std::unique_ptr<Network> make_classifier(Backend &backend, const Settings &s, int64_t channels, int64_t classes,
                                         uint64_t seed) {
  return std::make_unique<Network>(backend, classifier_name, classifier_net(classes),
                                   std::vector<Shape>{{1, 1, s.size, s.size, channels}},
                                   RandomKey{seed, Purpose::descriptor_weights}, s.descriptor_init);
}

Metadata classifier_metadata(const Settings &settings, int64_t channels, const std::vector<std::string> &categories,
                             const std::string &data, uint64_t seed, int64_t iteration, const std::string &accuracy) {
  Metadata metadata = run_metadata(classifier_name, settings, int64_t(seed), iteration);
  metadata["channels"] = std::to_string(channels);
  metadata["data"] = data;
  metadata["accuracy"] = accuracy;
  for (const std::string &category : categories) metadata["categories"] += category + '\n';
  return metadata;
}

bool is_classifier(const SafetensorsFile &file) {
  const auto found = file.metadata().find("experiment");
  return found != file.metadata().end() && found->second == classifier_name;
}

SavedClassifier load_classifier(Backend &backend, const SafetensorsFile &file) {
  checkpoint_iteration(file);
  SavedClassifier saved;
  saved.accuracy = metadata_entry(file, "accuracy");
  const std::string names = metadata_entry(file, "categories");
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = std::min(names.find('\n', begin), names.size());
    saved.categories.push_back(names.substr(begin, end - begin));
    begin = end + 1;
  }
  const Settings settings = stored_settings(file, classifier_settings());
  const int64_t channels = metadata_entry(file, "channels") == "1" ? 1 : 3;
  const int64_t classes = int64_t(saved.categories.size());
  try {
    const Sketch net =
        sketch(classifier_net(classes), classifier_name, {{1, 1, settings.size, settings.size, channels}});
    for (const ParameterSpec &p : net.parameters) file.at(p.name);
    check_parameters(file, net);
  } catch (const std::invalid_argument &error) {
    throw std::runtime_error(file.path() + " is damaged: " + error.what());
  }
  saved.network = make_classifier(backend, settings, channels, classes, 0);
  load_checkpoint(file, backend, saved.network->state());
  return saved;
}

}  // namespace coopnets
