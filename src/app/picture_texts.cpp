#include "app/picture_texts.h"

#include <filesystem>
#include <stdexcept>

#include "app/data_path.h"
#include "data/bytes.h"

namespace coopnets {

namespace {

namespace fs = std::filesystem;

constexpr char config_keyword[] = "coopnets config";
constexpr size_t most_config = size_t{1} << 20;

// "cats" of "/home/me/cats/" and of "." in that folder.
std::string base_name(const std::string &path) {
  if (path.empty()) return "";
  const fs::path whole = fs::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

// The options of the run that made a checkpoint, from config.txt beside it. A checkpoint that was moved has another's
// there, or none: then what it says itself.
Options run_of(const SavedModel &saved, const std::string &checkpoint) {
  Options known;
  known.experiment = saved.experiment->name;
  known.algorithm = saved.algorithm;
  known.seed = int64_t(saved.seed);
  try {
    const Options run = parse_options({"--config=" + sibling(checkpoint, "config.txt")}, {});
    const bool same = run.experiment == known.experiment && run.algorithm == known.algorithm && run.seed == known.seed;
    if (same && print(settings_of(run, saved.trained)) == print(saved.trained)) return run;
  } catch (const std::exception &) {  // the checkpoint is enough to go on
  }
  return known;
}

}  // namespace

PngTexts picture_texts(const Options &run, const Settings &settings, int64_t iteration) {
  Options shared = run;
  shared.out = shared.name = shared.device = shared.data_at = "";
  shared.threads = 0;
  PngTexts texts = {{"Software", program_version}, {"coopnets iteration", std::to_string(iteration)}};
  if (!run.data.empty()) {
    const Experiment &experiment = find_experiment(run.experiment);
    Options unnamed = run;
    unnamed.data = "";
    const std::string name = base_name(run.data);
    shared.data = run.data == data_path(unnamed, experiment) ? "" : name;
    texts.emplace_back("coopnets data", name);
  }
  texts.emplace_back(config_keyword, config_text(shared, settings));
  return texts;
}

PngTexts picture_texts(const SavedModel &saved, const std::string &checkpoint, const Options &use) {
  PngTexts texts = picture_texts(run_of(saved, checkpoint), saved.trained, saved.iteration);
  std::string changed = "seed=" + std::to_string(use.seed) + '\n';
  for (const Field<Settings> &field : setting_fields())
    if (print(field, saved.settings) != print(field, saved.trained))
      changed += field.name + '=' + print(field, saved.settings) + '\n';
  texts.emplace_back("coopnets use", changed);
  return texts;
}

std::string config_of_picture(const std::string &path) {
  const std::optional<std::string> text = text_of_png(read_bytes(path), config_keyword, path);
  if (!text)
    throw std::runtime_error("the picture " + path +
                             " does not tell of a run: another program made it, or saved it without its texts");
  if (text->size() > most_config) throw std::runtime_error("the config in " + path + " is longer than 1 MiB");
  return *text;
}

}  // namespace coopnets
