// Pictures in memory: geometry, to and from floats, sheets.
#include "data/image.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>

namespace coopnets {

Image crop(const Image &image, int64_t top, int64_t left, int64_t height, int64_t width) {
  if (top < 0 || left < 0 || height < 1 || width < 1 || top > image.height - height || left > image.width - width)
    throw std::invalid_argument("crop: the window is not inside the picture");
  Image out(height, width, image.channels);
  for (int64_t row = 0; row < height; ++row)
    std::copy_n(image.at(top + row, left), width * image.channels, out.at(row, 0));
  return out;
}

Image crop_centre(const Image &image, int64_t height, int64_t width) {
  return crop(image, (image.height - height) / 2, (image.width - width) / 2, height, width);
}

Image with_channels(Image image, int64_t channels) {
  if (channels == 0 || channels == image.channels) return image;
  Image out(image.height, image.width, channels);
  out.blended = image.blended;
  for (int64_t i = 0; i < image.height * image.width; ++i) {
    const uint8_t *from = image.pixels.data() + i * image.channels;
    uint8_t *to = out.pixels.data() + i * channels;
    if (channels == 1)
      *to = uint8_t((77 * from[0] + 150 * from[1] + 29 * from[2]) >> 8);
    else
      std::fill_n(to, channels, *from);
  }
  return out;
}

namespace {

// out[i] = sum_k weight[i][k] in[first[i] + k] / total: one axis of a resampling. All weights are whole numbers, but
// those of bicubic, whose total is 1.
struct Resampling {
  struct Output {
    int64_t first;
    std::vector<double> weight;
  };
  std::vector<Output> outputs;
  double total = 1;
};

// In units of 1/out of an input pixel, output i covers [i in, (i+1) in) and input j covers [j out, (j+1) out).
Resampling by_area(int64_t in, int64_t out) {
  Resampling r;
  r.total = double(in);
  for (int64_t i = 0; i < out; ++i) {
    const int64_t begin = i * in, end = begin + in;
    Resampling::Output o{begin / out, {}};
    for (int64_t j = o.first; j * out < end; ++j)
      o.weight.push_back(double(std::min(end, (j + 1) * out) - std::max(begin, j * out)));
    r.outputs.push_back(o);
  }
  return r;
}

Resampling nearest(int64_t in, int64_t out) {
  Resampling r;
  for (int64_t i = 0; i < out; ++i) r.outputs.push_back({(2 * i + 1) * in / (2 * out), {1}});
  return r;
}

// u = ((2i + 1) in - out) / (2 out).
Resampling bilinear(int64_t in, int64_t out) {
  Resampling r;
  r.total = double(2 * out);
  for (int64_t i = 0; i < out; ++i) {
    const int64_t at = std::clamp<int64_t>((2 * i + 1) * in - out, 0, 2 * out * (in - 1));
    const int64_t beyond = at % (2 * out);
    Resampling::Output o{at / (2 * out), {double(2 * out - beyond)}};
    if (beyond) o.weight.push_back(double(beyond));
    r.outputs.push_back(o);
  }
  return r;
}

// Keys: Cubic convolution interpolation for digital image processing, 1981; a = -1/2.
double cubic(double x) {
  x = std::abs(x);
  if (x <= 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

// weight(j) = k((u - j) / s) for s = max(1, in / out), of inputs beyond the edges, too: those are mirrored, ..., 1, 0,
// 0, 1, ..., in - 1, in - 1, ..., and their weights added to those of what they are mirrored from.
Resampling bicubic(int64_t in, int64_t out) {
  Resampling r;
  const double s = std::max(1.0, double(in) / double(out));
  for (int64_t i = 0; i < out; ++i) {
    const double u = (double(i) + 0.5) * double(in) / double(out) - 0.5;
    std::map<int64_t, double> weights;
    double sum = 0;
    for (int64_t j = int64_t(std::floor(u - 2 * s)); j <= int64_t(std::ceil(u + 2 * s)); ++j) {
      const double weight = cubic((u - double(j)) / s);
      const int64_t turn = (j % (2 * in) + 2 * in) % (2 * in);
      weights[turn < in ? turn : 2 * in - 1 - turn] += weight;
      sum += weight;
    }
    const int64_t first = weights.begin()->first;
    Resampling::Output o{first, std::vector<double>(size_t(weights.rbegin()->first - first + 1))};
    for (const auto &[j, weight] : weights) o.weight[size_t(j - first)] = weight / sum;
    r.outputs.push_back(o);
  }
  return r;
}

Resampling resampling(int64_t in, int64_t out, Resize how) {
  switch (how) {
    case Resize::average:
      return out <= in ? by_area(in, out) : bilinear(in, out);
    case Resize::nearest:
      return nearest(in, out);
    case Resize::bilinear:
      return bilinear(in, out);
    case Resize::bicubic:
      return bicubic(in, out);
  }
  throw std::logic_error("resize: an unknown way");
}

}  // namespace

Resize parse_resize(const std::string &text) {
  if (text == "average") return Resize::average;
  if (text == "nearest") return Resize::nearest;
  if (text == "bilinear") return Resize::bilinear;
  if (text == "bicubic") return Resize::bicubic;
  throw std::runtime_error("resize must be average, nearest, bilinear or bicubic, not '" + text + "'");
}

// Rows first, then columns. But for bicubic all sums are whole numbers below 2^53, so doubles hold them exactly and their
// order is free.
Image resize(const Image &image, int64_t height, int64_t width, Resize how) {
  if (height < 1 || width < 1 || height > max_pixels / width)
    throw std::invalid_argument("resize: the new size must have 1 to 2^28 pixels");
  if (image.size() == 0) throw std::invalid_argument("resize: the picture is empty");
  if (height == image.height && width == image.width) return image;
  const Resampling down = resampling(image.height, height, how), across = resampling(image.width, width, how);
  const int64_t channels = image.channels, row_size = width * channels;
  const double scale = down.total * across.total;

  // sum of each used input row over its columns; a row that two outputs share is summed for both
  Image out(height, width, channels);
  std::vector<double> sums(static_cast<size_t>(row_size));
  for (int64_t i = 0; i < height; ++i) {
    std::fill(sums.begin(), sums.end(), 0.0);
    const auto &rows = down.outputs[size_t(i)];
    for (size_t k = 0; k < rows.weight.size(); ++k) {
      const uint8_t *row = image.at(rows.first + int64_t(k), 0);
      for (int64_t j = 0; j < width; ++j) {
        const auto &columns = across.outputs[size_t(j)];
        for (int64_t c = 0; c < channels; ++c) {
          const uint8_t *pixel = row + columns.first * channels + c;
          double sum = 0;
          for (const double weight : columns.weight) {
            sum += weight * *pixel;
            pixel += channels;
          }
          sums[size_t(j * channels + c)] += rows.weight[k] * sum;
        }
      }
    }
    // A tie is a double, so its quotient is exact; other quotients differ from it by far more than their rounding.
    for (int64_t e = 0; e < row_size; ++e)
      out.at(i, 0)[e] = uint8_t(std::floor(std::clamp(sums[size_t(e)] / scale, 0.0, 255.0) + 0.5));
  }
  return out;
}

Crop parse_crop(const std::string &text) {
  if (text == "centre") return {Crop::centre, 0};
  if (text == "size") return {Crop::target, 0};
  if (text == "none") return {Crop::none, 0};
  const bool digits = !text.empty() && text.size() < 8 && text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || std::stoll(text) == 0)
    throw std::runtime_error("crop must be centre, size, none or a number of pixels, not '" + text + "'");
  return {Crop::side, std::stoll(text)};
}

Rectangle fitted_part(int64_t height, int64_t width, int64_t to_height, int64_t to_width, const Crop &how) {
  if (to_height < 1 || to_width < 1) throw std::invalid_argument("fit: the new size must be positive");
  const auto centred = [&](int64_t h, int64_t w) { return Rectangle{(height - h) / 2, (width - w) / 2, h, w}; };
  if (how.kind == Crop::none) return {0, 0, height, width};
  if (how.kind == Crop::side) {
    if (height < how.size || width < how.size)
      throw std::runtime_error("a picture of " + std::to_string(width) + " x " + std::to_string(height) +
                               " pixels is smaller than crop=" + std::to_string(how.size));
    return centred(how.size, how.size);
  }
  if (how.kind == Crop::target && height >= to_height && width >= to_width) return centred(to_height, to_width);
  // The largest h x w inside the picture with h / w = height / width, to the nearest pixel.
  const int64_t h = std::min(height, (2 * width * to_height + to_width) / (2 * to_width));
  const int64_t w = std::min(width, (2 * height * to_width + to_height) / (2 * to_height));
  return centred(std::max<int64_t>(h, 1), std::max<int64_t>(w, 1));
}

Image fit(const Image &image, int64_t height, int64_t width, const Crop &how, Resize resizing) {
  const Rectangle part = fitted_part(image.height, image.width, height, width, how);
  if (how.kind == Crop::none) return resize(image, height, width, resizing);
  return resize(crop(image, part.top, part.left, part.height, part.width), height, width, resizing);
}

Normalise parse_normalise(const std::string &text) {
  if (text == "stretch") return Normalise::stretch;
  if (text == "fixed") return Normalise::fixed;
  throw std::runtime_error("normalise must be stretch or fixed, not '" + text + "'");
}

void to_reals(const uint8_t *bytes, int64_t count, Normalise how, real *out) {
  double low = 0, high = 255;
  if (how == Normalise::stretch && count > 0) {
    const auto ends = std::minmax_element(bytes, bytes + count);
    low = *ends.first;
    high = *ends.second;
  }
  real value[256];
  for (int b = 0; b < 256; ++b) value[b] = high > low ? real((2 * b - low - high) / (high - low)) : real(0);
  for (int64_t i = 0; i < count; ++i) out[i] = value[bytes[i]];
}

Image to_image(const real *values, int64_t height, int64_t width, int64_t channels, bool stretch) {
  Image image(height, width, channels);
  double low = -1, high = 1;
  if (stretch && image.size() > 0) {
    low = *std::min_element(values, values + image.size());
    high = *std::max_element(values, values + image.size());
    if (!(high > low)) low = -1, high = 1;
  }
  for (int64_t i = 0; i < image.size(); ++i) {
    const double byte = std::floor((double(values[i]) - low) / (high - low) * 255 + 0.5);
    image.pixels[size_t(i)] = byte >= 255 ? uint8_t(255) : byte > 0 ? uint8_t(byte) : uint8_t(0);
  }
  return image;
}

Image grid(const std::vector<Image> &images, int64_t columns, int64_t gap, uint8_t gap_value) {
  const int64_t count = int64_t(images.size());
  if (count == 0) throw std::invalid_argument("grid: no pictures");
  if (columns < 0 || gap < 0) throw std::invalid_argument("grid: columns and gap cannot be negative");
  if (columns == 0) columns = int64_t(std::ceil(std::sqrt(double(count))));
  columns = std::min(columns, count);
  const int64_t rows = (count + columns - 1) / columns;
  const Image &first = images.front();
  Image sheet(rows * (first.height + gap) - gap, columns * (first.width + gap) - gap, first.channels, gap_value);
  for (int64_t i = 0; i < count; ++i) {
    const Image &image = images[size_t(i)];
    if (image.shape() != first.shape()) throw std::invalid_argument("grid: pictures differ in shape");
    for (int64_t row = 0; row < image.height; ++row)
      std::copy_n(image.at(row, 0), image.width * image.channels,
                  sheet.at(i / columns * (first.height + gap) + row, i % columns * (first.width + gap)));
  }
  return sheet;
}

}  // namespace coopnets
