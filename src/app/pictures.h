// What tensors look like: grids of pictures, clips as animated PNG.
#pragma once
#include "data/image.h"
#include "data/png_texts.h"

namespace coopnets {

// Example k of host values of `shape` as a picture; of a video, frame t.
Image picture(const std::vector<real> &values, const Shape &shape, int64_t k, int64_t t = 0);

// The least whole factor that makes a sheet of height x width pixels 512 pixels or more high or wide.
int64_t factor_of_sheet(int64_t height, int64_t width);

// Writes an example of `shape`, of one, with its own pixels as path + ".png", a video as an animated PNG, with these
// texts. Points are drawn in one plot, all of them.
void save_example(const std::string &path, const std::vector<real> &values, const Shape &shape, const PngTexts &);
// Likewise a sheet of at most `most` examples: pictures as a grid, videos side by side, enlarged by factor_of_sheet(),
// and above them the label, where there is one.
void save_sheet(const std::string &path, const std::vector<real> &values, const Shape &shape, const PngTexts &,
                const std::string &label = "", int64_t most = 144, int64_t columns = 0);
// "descriptor, iteration 500": the label of a sheet of samples.
std::string sheet_label(const std::string &kind, int64_t iteration);

}  // namespace coopnets
