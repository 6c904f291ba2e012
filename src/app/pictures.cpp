#include "app/pictures.h"

#include <algorithm>

#include "data/animation.h"

namespace coopnets {

Image picture(const std::vector<real> &values, const Shape &shape, int64_t k, int64_t t) {
  return to_image(values.data() + (k * shape.t + t) * shape.h * shape.w * shape.c, shape.h, shape.w, shape.c);
}

void save_examples(const std::string &path, Backend &backend, ConstView examples, int64_t most) {
  const ConstView shown = examples.examples(0, std::min(most, examples.shape.n));
  save_examples(path, values(backend, shown), shown.shape, most);
}

void save_examples(const std::string &path, const std::vector<real> &values, const Shape &shape, int64_t most,
                   int64_t columns) {
  const int64_t count = std::min(most, shape.n);
  if (shape.t == 1) {
    std::vector<Image> pictures;
    for (int64_t k = 0; k < count; ++k) pictures.push_back(picture(values, shape, k));
    save_png(path + ".png", grid(pictures, columns));
    return;
  }
  std::vector<Clip> clips(count);
  for (int64_t k = 0; k < count; ++k)
    for (int64_t t = 0; t < shape.t; ++t) clips[k].push_back(picture(values, shape, k, t));
  save_apng(path + ".png", side_by_side(clips, columns));
}

}  // namespace coopnets
