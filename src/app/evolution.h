// How a run's samples have become what they are: its sheets over the iterations, and one animation of them.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/png_texts.h"

namespace coopnets {

// Files "samples/iteration_000100_generator.png" of a run's folder by kind and iteration. The generator's come before
// their revisions.
using Sheets = std::map<std::string, std::map<int64_t, std::string>, std::greater<std::string>>;
Sheets sheets_of(const std::string &folder);
// The iterations at which there is a sheet of every kind, in order.
std::vector<int64_t> common_iterations(const Sheets &);

// FOLDER/evolution.png: an animated PNG with the sheets of one iteration side by side in a frame, 60 frames at most and
// each sheet at most 512 pixels wide and, below its label, high; of videos, their first frames. Nothing where there are
// no sheets. Throws std::runtime_error when a sheet cannot be read or the file not be written.
void save_evolution(const std::string &folder, const PngTexts &);

}  // namespace coopnets
