#include "app/pictures.h"

#include <algorithm>

#include "app/lettering.h"
#include "app/point_plot.h"
#include "data/animation.h"

namespace coopnets {

Image picture(const std::vector<real> &values, const Shape &shape, int64_t k, int64_t t) {
  return to_image(values.data() + (k * shape.t + t) * shape.h * shape.w * shape.c, shape.h, shape.w, shape.c);
}

int64_t factor_of_sheet(int64_t height, int64_t width) {
  const int64_t side = std::max<int64_t>({height, width, 1});
  return (512 + side - 1) / side;
}

namespace {

// The first `count` examples side by side: a frame, of videos one after the other.
Clip together(const std::vector<real> &values, const Shape &shape, int64_t count, int64_t columns) {
  if (columns == 0 && shape.t > 1) columns = count;
  Clip frames;
  for (int64_t t = 0; t < shape.t; ++t) {
    std::vector<Image> pictures;
    for (int64_t k = 0; k < count; ++k) pictures.push_back(picture(values, shape, k, t));
    frames.push_back(grid(pictures, columns));
  }
  return frames;
}

void save_frames(const std::string &path, const Clip &frames, const PngTexts &texts) {
  save_with_texts(path + ".png", frames.size() == 1 ? encode_png(frames[0]) : encode_apng(frames), texts);
}

}  // namespace

std::string sheet_label(const std::string &kind, int64_t iteration) {
  return kind + ", iteration " + std::to_string(iteration);
}

void save_example(const std::string &path, const std::vector<real> &values, const Shape &shape, const PngTexts &texts) {
  save_frames(path, are_points(shape) ? Clip{plot_points(values)} : together(values, shape, 1, 0), texts);
}

void save_sheet(const std::string &path, const std::vector<real> &values, const Shape &shape, const PngTexts &texts,
                const std::string &label, int64_t most, int64_t columns) {
  if (are_points(shape)) return save_frames(path, {labelled(plot_points(values), label)}, texts);
  Clip frames = together(values, shape, std::min(most, shape.n), columns);
  for (Image &frame : frames) {
    const int64_t factor = factor_of_sheet(frame.height, frame.width);
    frame = labelled(resize(frame, factor * frame.height, factor * frame.width, Resize::nearest), label);
  }
  save_frames(path, frames, texts);
}

}  // namespace coopnets
