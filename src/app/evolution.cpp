#include "app/evolution.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "app/lettering.h"
#include "data/animation.h"

namespace coopnets {

namespace {

namespace fs = std::filesystem;

constexpr size_t most_frames = 60;
constexpr int64_t most_side = 512;
constexpr int64_t gap = 8;  // wider than that within a sheet
constexpr int milliseconds = 400;

}  // namespace

Sheets sheets_of(const std::string &folder) {
  Sheets sheets;
  std::error_code none;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder + "/samples", none)) {
    const std::string name = entry.path().filename();
    long long iteration = 0;
    char kind[64];
    if (std::sscanf(name.c_str(), "iteration_%lld_%63[a-z0-9-].png", &iteration, kind) == 2 &&
        entry.path().extension() == ".png")
      sheets[kind][iteration] = entry.path();
  }
  return sheets;
}

std::vector<int64_t> common_iterations(const Sheets &sheets) {
  std::vector<int64_t> iterations;
  if (sheets.empty()) return iterations;
  for (const auto &[iteration, path] : sheets.begin()->second)
    if (std::all_of(sheets.begin(), sheets.end(), [at = iteration](const auto &kind) { return kind.second.count(at); }))
      iterations.push_back(iteration);
  return iterations;
}

void save_evolution(const std::string &folder, const PngTexts &texts) {
  const Sheets sheets = sheets_of(folder);
  const std::vector<int64_t> all = common_iterations(sheets);
  if (all.empty()) return;
  // Sheets of an older program, or of a run that was resumed with other settings, get the size of the last one.
  const Image last = load_image(sheets.begin()->second.at(all.back()));
  const int64_t side = std::max(last.height - label_height(last.width), last.width), shown = std::min(side, most_side);
  const int64_t height = std::max<int64_t>(last.height * shown / side, 1),
                width = std::max<int64_t>(last.width * shown / side, 1);
  const size_t frames = std::min(all.size(), most_frames);
  Clip clip;
  for (size_t t = 0; t < frames; ++t) {
    const int64_t iteration = all[frames == 1 ? 0 : t * (all.size() - 1) / (frames - 1)];
    std::vector<Image> kinds;
    for (const auto &[kind, files] : sheets)
      kinds.push_back(resize(load_image(files.at(iteration), last.channels), height, width));
    clip.push_back(grid(kinds, int64_t(kinds.size()), gap));
  }
  save_with_texts(folder + "/evolution.png", encode_apng(clip, milliseconds), texts);
}

}  // namespace coopnets
