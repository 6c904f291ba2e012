#include "app/hole.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace coopnets {

namespace {

Rectangle box_of(const Mask &hole) {
  int64_t top = hole.height, left = hole.width, bottom = 0, right = 0;
  for (int64_t y = 0; y < hole.height; ++y)
    for (int64_t x = 0; x < hole.width; ++x)
      if (hole(y, x)) {
        top = std::min(top, y), bottom = std::max(bottom, y + 1);
        left = std::min(left, x), right = std::max(right, x + 1);
      }
  return {top, left, bottom - top, right - left};
}

// All of the hole, and enough beside it.
bool shows(const Rectangle &part, const Rectangle &box, const Mask &hole) {
  const bool holds = part.top <= box.top && part.left <= box.left && box.top + box.height <= part.top + part.height &&
                     box.left + box.width <= part.left + part.width;
  const int64_t hidden = std::count(hole.hidden.begin(), hole.hidden.end(), 1);
  return holds && 10 * hidden <= 9 * part.height * part.width;
}

// Of the shape of `example`, around the box, moved into the picture.
Rectangle surroundings(const Rectangle &box, const Mask &hole, const Shape &example) {
  const double h = double(example.h), w = double(example.w);
  const double wanted = std::max({1., 2 * double(box.height) / h, 2 * double(box.width) / w});
  const double scale = std::min({wanted, double(hole.height) / h, double(hole.width) / w});
  Rectangle part;
  part.height = std::clamp<int64_t>(std::llround(scale * h), 1, hole.height);
  part.width = std::clamp<int64_t>(std::llround(scale * w), 1, hole.width);
  part.top = std::clamp<int64_t>(box.top + (box.height - part.height) / 2, 0, hole.height - part.height);
  part.left = std::clamp<int64_t>(box.left + (box.width - part.width) / 2, 0, hole.width - part.width);
  return part;
}

// d of one channel, which begins with its values at visible pixels and zeros: successive over-relaxation, beyond the
// picture's edges no flow.
void make_harmonic(std::vector<double> &d, const Mask &mask) {
  const int64_t side = std::max(mask.height, mask.width);
  const double relaxation = 2 / (1 + std::sin(M_PI / double(side + 1)));
  double change = 1;
  for (int64_t sweep = 0; sweep < 20 * side && change > 1e-5; ++sweep) {
    change = 0;
    for (int64_t y = 0; y < mask.height; ++y)
      for (int64_t x = 0; x < mask.width; ++x) {
        if (!mask(y, x)) continue;
        const int64_t at = y * mask.width + x;
        double sum = 0;
        int neighbours = 0;
        if (y > 0) sum += d[size_t(at - mask.width)], ++neighbours;
        if (y + 1 < mask.height) sum += d[size_t(at + mask.width)], ++neighbours;
        if (x > 0) sum += d[size_t(at - 1)], ++neighbours;
        if (x + 1 < mask.width) sum += d[size_t(at + 1)], ++neighbours;
        const double step = relaxation * (sum / neighbours - d[size_t(at)]);
        d[size_t(at)] += step;
        change = std::max(change, std::abs(step));
      }
  }
}

}  // namespace

bool is_too_small(int64_t height, int64_t width, const Crop &crop) {
  return crop.kind == Crop::side && std::min(height, width) < crop.size;
}

Rectangle part_around(const Mask &hole, const Shape &example, const Crop &crop) {
  const Rectangle box = box_of(hole);
  if (!is_too_small(hole.height, hole.width, crop)) {
    const Rectangle trained = fitted_part(hole.height, hole.width, example.h, example.w, crop);
    if (shows(trained, box, hole)) return trained;
  }
  const Rectangle around = surroundings(box, hole, example);
  return shows(around, box, hole) ? around : Rectangle{0, 0, hole.height, hole.width};
}

Mask part_of_mask(const Mask &mask, const Rectangle &part, int64_t height, int64_t width) {
  Image image(part.height, part.width, 1);
  for (int64_t y = 0; y < part.height; ++y)
    for (int64_t x = 0; x < part.width; ++x) image.at(y, x)[0] = mask(part.top + y, part.left + x) ? 255 : 0;
  const Image small = resize(image, height, width);
  Mask out{height, width, {}};
  for (const uint8_t pixel : small.pixels) out.hidden.push_back(pixel > 0);
  // A share that rounds to 0 hides as well.
  for (int64_t y = 0; y < part.height; ++y)
    for (int64_t x = 0; x < part.width; ++x)
      if (mask(part.top + y, part.left + x))
        for (int64_t i = y * height / part.height; i <= ((y + 1) * height - 1) / part.height; ++i)
          for (int64_t j = x * width / part.width; j <= ((x + 1) * width - 1) / part.width; ++j)
            out.hidden[size_t(i * width + j)] = 1;
  return out;
}

Image part_of_picture(const Image &picture, const Mask &hole, const Rectangle &part, int64_t height, int64_t width,
                      Resize resizing) {
  Image cut = crop(picture, part.top, part.left, part.height, part.width);
  for (int64_t c = 0; c < cut.channels; ++c) {
    int64_t sum = 0, visible = 0;
    for (int64_t y = 0; y < cut.height; ++y)
      for (int64_t x = 0; x < cut.width; ++x)
        if (!hole(part.top + y, part.left + x)) sum += cut.at(y, x)[c], ++visible;
    for (int64_t y = 0; y < cut.height; ++y)
      for (int64_t x = 0; x < cut.width; ++x)
        if (hole(part.top + y, part.left + x)) cut.at(y, x)[c] = uint8_t(visible > 0 ? sum / visible : 0);
  }
  return resize(cut, height, width, resizing);
}

std::vector<real> blended(const std::vector<real> &picture, const std::vector<real> &made, const Mask &mask) {
  const size_t pixels = mask.hidden.size();
  if (pixels == 0 || picture.size() != made.size() || picture.size() % pixels != 0)
    throw std::invalid_argument("a picture, what fills it and its mask must have one size");
  if (std::count(mask.hidden.begin(), mask.hidden.end(), 0) == 0)
    throw std::invalid_argument("a picture of which nothing is visible cannot be blended");
  const size_t channels = picture.size() / pixels;
  std::vector<real> out = picture;
  for (size_t c = 0; c < channels; ++c) {
    std::vector<double> d(pixels, 0.);
    for (size_t i = 0; i < pixels; ++i)
      if (!mask.hidden[i]) d[i] = double(picture[i * channels + c]) - double(made[i * channels + c]);
    make_harmonic(d, mask);
    for (size_t i = 0; i < pixels; ++i)
      if (mask.hidden[i]) out[i * channels + c] = real(std::clamp(double(made[i * channels + c]) + d[i], -1., 1.));
  }
  return out;
}

Image with_part_filled(Image picture, const Mask &hole, const Rectangle &part, const Image &filled) {
  const Image own = resize(filled, part.height, part.width);
  for (int64_t y = 0; y < part.height; ++y)
    for (int64_t x = 0; x < part.width; ++x)
      if (hole(part.top + y, part.left + x))
        std::copy_n(own.at(y, x), own.channels, picture.at(part.top + y, part.left + x));
  return picture;
}

}  // namespace coopnets
