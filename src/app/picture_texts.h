// What the files of pictures say, beside their pixels, of the run that they come from. Pictures are shared: the texts
// name no folder and nothing of the machine.
#pragma once
#include "app/saved_model.h"
#include "data/png_texts.h"

namespace coopnets {

constexpr char program_version[] = "coopnets 1.0";

// Texts of a picture made by the nets after so many iterations: "Software" (the version), "coopnets iteration",
// "coopnets data" (the base name) and "coopnets config", which --config reads. Its line data=NAME is left out where the
// data are those that the experiment has by default.
PngTexts picture_texts(const Options &run, const Settings &, int64_t iteration);
// Of a picture made from a checkpoint, with "coopnets use": the seed and the settings that the user has changed. Preset
// and data are named where config.txt beside the checkpoint is that of its run.
PngTexts picture_texts(const SavedModel &, const std::string &checkpoint, const Options &use);

// The config in a picture's file. Throws std::runtime_error when it has none, is truncated or corrupt.
std::string config_of_picture(const std::string &path);

}  // namespace coopnets
