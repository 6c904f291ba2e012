// What tensors look like: grids of pictures, clips as animated PNG.
#pragma once
#include "data/image.h"
#include "data/png_texts.h"

namespace coopnets {

// Example k of host values of `shape` as a picture; of a video, frame t.
Image picture(const std::vector<real> &values, const Shape &shape, int64_t k, int64_t t = 0);

// The least whole factor that makes a sheet of height x width pixels 512 pixels or more high or wide.
int64_t factor_of_sheet(int64_t height, int64_t width);

// Writes examples of `shape`, at most `most` of them, side by side as path + ".png": pictures as a grid, videos as
// an animated PNG, with these texts. A grid of several pictures of at most 64x64 is enlarged by factor_of_sheet(); a
// picture alone has its own pixels. Points are drawn in one plot, all of them.
void save_examples(const std::string &path, const std::vector<real> &values, const Shape &shape, const PngTexts &,
                   int64_t most = 144, int64_t columns = 0);

}  // namespace coopnets
