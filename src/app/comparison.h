// What a video run shows at its end.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "data/image.h"
#include "data/png_texts.h"

namespace coopnets {

// Rows of equal videos side by side, for example observed | generated | revised. Each column: values and shape.
struct VideoColumn {
  std::vector<real> values;
  Shape shape;
};

// Writes FOLDER/comparison.png, an animated PNG with one row for each example (columns with fewer of them begin again),
// FOLDER/strip.png, eight frames of the first example with one row a column, and FOLDER/comparison.mp4 where ffmpeg is
// installed; returns the files' names. Columns without examples are left out. A frame lasts `milliseconds`; the PNG files
// get these texts.
std::vector<std::string> save_comparison(const std::string &folder, const std::vector<VideoColumn> &columns,
                                         int64_t milliseconds = 100, const PngTexts & = {});

}  // namespace coopnets
