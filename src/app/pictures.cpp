#include "app/pictures.h"

#include <algorithm>

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

void save_examples(const std::string &path, const std::vector<real> &values, const Shape &shape, const PngTexts &texts,
                   int64_t most, int64_t columns) {
  if (are_points(shape)) return save_with_texts(path + ".png", encode_png(plot_points(values)), texts);
  const int64_t count = std::min(most, shape.n);
  if (shape.t == 1) {
    std::vector<Image> pictures;
    for (int64_t k = 0; k < count; ++k) pictures.push_back(picture(values, shape, k));
    Image sheet = grid(pictures, columns);
    const int64_t factor =
        count > 1 && std::max(shape.h, shape.w) <= 64 ? factor_of_sheet(sheet.height, sheet.width) : 1;
    sheet = resize(sheet, factor * sheet.height, factor * sheet.width, Resize::nearest);
    save_with_texts(path + ".png", encode_png(sheet), texts);
    return;
  }
  std::vector<Clip> clips(count);
  for (int64_t k = 0; k < count; ++k)
    for (int64_t t = 0; t < shape.t; ++t) clips[k].push_back(picture(values, shape, k, t));
  save_with_texts(path + ".png", encode_apng(side_by_side(clips, columns)), texts);
}

}  // namespace coopnets
