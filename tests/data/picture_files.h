// Small pictures and files for the tests of src/data, made in code.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "data/bytes.h"
#include "data/image.h"
#include "data/png_chunks.h"
#include "data/stb.h"
#include "tensor/random.h"

namespace coopnets {

// Repeatable whole numbers: dice(n) is in [0, n).
class Dice {
 public:
  explicit Dice(uint64_t seed) : seed_(seed) {}
  uint32_t operator()(uint32_t n) { return random_block({seed_, Purpose::test}, 0, 0, count_++).v[0] % n; }

 private:
  uint64_t seed_, count_ = 0;
};

inline Image noise(int64_t height, int64_t width, int64_t channels, uint64_t seed = 1) {
  Image image(height, width, channels);
  Dice dice(seed);
  for (uint8_t &pixel : image.pixels) pixel = uint8_t(dice(256));
  return image;
}

inline Image smooth(int64_t height, int64_t width, int64_t channels) {
  Image image(height, width, channels);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < channels; ++c) image.at(y, x)[c] = uint8_t(40 + 4 * y + 3 * x + 10 * c);
  return image;
}

inline Image transposed(const Image &image) {
  Image out(image.width, image.height, image.channels);
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x)
      for (int64_t c = 0; c < image.channels; ++c) out.at(x, y)[c] = image.at(y, x)[c];
  return out;
}

// A folder of its own that goes when the test ends.
struct TemporaryFolder {
  TemporaryFolder() {
    std::string name = testing::TempDir() + "coopnets_XXXXXX";
    if (!mkdtemp(name.data())) throw std::runtime_error("cannot create " + name);
    path = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  std::string operator/(const std::string &name) const { return path + "/" + name; }
  std::string path;
};

inline void write_bytes(const std::string &path, const std::vector<uint8_t> &bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char *>(bytes.data()), int64_t(bytes.size()));
}

inline std::vector<uint8_t> bytes_of(const std::string &text, const std::vector<uint8_t> &more) {
  std::vector<uint8_t> bytes;
  for (const char c : text) bytes.push_back(uint8_t(c));
  for (const uint8_t byte : more) bytes.push_back(byte);
  return bytes;
}

inline void append_bytes(void *to, void *data, int count) {
  const auto *first = static_cast<const uint8_t *>(data);
  static_cast<std::vector<uint8_t> *>(to)->insert(static_cast<std::vector<uint8_t> *>(to)->end(), first, first + count);
}

// Three planes of bytes as they are, of three channels.
inline std::vector<uint8_t> psd(const Image &image) {
  const auto two = [](int64_t v) { return std::vector<uint8_t>{uint8_t(v >> 8), uint8_t(v)}; };
  std::vector<uint8_t> out = bytes_of("8BPS", {0, 1, 0, 0, 0, 0, 0, 0, 0, 3});
  for (const int64_t side : {image.height, image.width})
    for (const int64_t half : {side >> 16, side}) out.push_back(two(half)[0]), out.push_back(two(half)[1]);
  for (const uint8_t byte : {0, 8, 0, 3}) out.push_back(byte);  // 8 bits a sample, RGB
  out.resize(out.size() + 4 + 4 + 4 + 2);                       // no palette, resources or layers; not compressed
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t i = 0; i < image.height * image.width; ++i) out.push_back(image.pixels[size_t(3 * i + c)]);
  return out;
}

// One packet of red, green and blue, each scan line mixed: literal pixels, then the last one as a run.
inline std::vector<uint8_t> pic(const Image &image) {
  std::vector<uint8_t> out = {0x53, 0x80, 0xF6, 0x34, 0, 0, 0, 0};
  out.resize(88);
  for (const char c : {'P', 'I', 'C', 'T'}) out.push_back(uint8_t(c));
  for (const int64_t side : {image.width, image.height})
    out.push_back(uint8_t(side >> 8)), out.push_back(uint8_t(side));
  out.resize(out.size() + 8);  // the pixels' aspect, fields
  for (const uint8_t byte : {0, 8, 2, 0xE0}) out.push_back(byte);
  for (int64_t y = 0; y < image.height; ++y) {
    out.push_back(uint8_t(image.width - 2));
    out.insert(out.end(), image.at(y, 0), image.at(y, image.width - 1));
    out.push_back(128);
    for (const uint8_t byte : {0, 1}) out.push_back(byte);
    out.insert(out.end(), image.at(y, image.width - 1), image.at(y, image.width - 1) + 3);
  }
  return out;
}

// Radiance: light as mantissas of red, green and blue with one exponent, where bytes are its gamma of 2.2. Each plane of
// a scan line of 8 pixels or more: its first four as a run if they are equal, the rest literal.
inline std::vector<uint8_t> hdr(const Image &image) {
  std::vector<uint8_t> out = bytes_of("#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y " + std::to_string(image.height) +
                                          " +X " + std::to_string(image.width) + "\n",
                                      {});
  for (int64_t y = 0; y < image.height; ++y) {
    std::vector<std::vector<uint8_t>> planes(4);
    for (int64_t x = 0; x < image.width; ++x) {
      double light[3], largest = 1e-9;
      for (int c = 0; c < 3; ++c) largest = std::max(largest, light[c] = std::pow(image.at(y, x)[c] / 255.0, 2.2));
      int exponent;
      std::frexp(largest, &exponent);
      for (int c = 0; c < 3; ++c) planes[size_t(c)].push_back(uint8_t(std::ldexp(light[c], 8 - exponent)));
      planes[3].push_back(uint8_t(128 + exponent));
    }
    if (image.width < 8) {
      for (size_t x = 0; x < size_t(image.width); ++x)
        for (const auto &plane : planes) out.push_back(plane[x]);
      continue;
    }
    for (const int64_t byte : {int64_t{2}, int64_t{2}, image.width >> 8, image.width}) out.push_back(uint8_t(byte));
    for (const auto &plane : planes) {
      const bool run = plane[0] == plane[1] && plane[0] == plane[2] && plane[0] == plane[3];
      if (run) out.push_back(128 + 4), out.push_back(plane[0]);
      out.push_back(uint8_t(plane.size() - (run ? 4 : 0)));
      out.insert(out.end(), plane.begin() + (run ? 4 : 0), plane.end());
    }
  }
  return out;
}

inline std::vector<uint8_t> encode(const Image &image, const std::string &format) {
  std::vector<uint8_t> out;
  const int w = int(image.width), h = int(image.height), c = int(image.channels);
  const uint8_t *p = image.pixels.data();
  if (format == "png")
    out = encode_png(image);
  else if (format == "jpg")
    stbi_write_jpg_to_func(append_bytes, &out, w, h, c, p, 95);
  else if (format == "bmp")
    stbi_write_bmp_to_func(append_bytes, &out, w, h, c, p);
  else if (format == "tga")
    stbi_write_tga_to_func(append_bytes, &out, w, h, c, p);
  else if (format == "psd")
    out = psd(image);
  else if (format == "pic")
    out = pic(image);
  else if (format == "hdr")
    out = hdr(image);
  else
    out = bytes_of((c == 1 ? "P5 " : "P6 ") + std::to_string(w) + " " + std::to_string(h) + " 255\n", image.pixels);
  return out;
}

// 2 x 2: red, blue / blue, red. Colour table of two; LZW codes of 3 bits: clear 0 1 1 0 end (4 0 1 1 0 5).
inline std::vector<uint8_t> tiny_gif() {
  return bytes_of("GIF89a", {2, 0, 2, 0, 0x80, 0, 0, 255, 0, 0, 0,    0,    255,  0x2C, 0,
                             0, 0, 0, 2, 0,    2, 0, 0,   2, 3, 0x44, 0x02, 0x05, 0,    0x3B});
}

// idx: 0 0 8 and the number of axes, the sizes, the values.
inline std::vector<uint8_t> idx(const std::vector<uint32_t> &sizes, const std::vector<uint8_t> &values) {
  std::vector<uint8_t> bytes = {0, 0, 8, uint8_t(sizes.size())};
  for (const uint32_t size : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(uint8_t(size >> shift));
  for (const uint8_t value : values) bytes.push_back(value);
  return bytes;
}

// gzip whose blocks are stored as they are.
inline std::vector<uint8_t> gzip_stored(const std::vector<uint8_t> &data) {
  std::vector<uint8_t> out = {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255};
  const auto little_endian = [&](size_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(uint8_t(value >> (8 * i)));
  };
  size_t at = 0;
  do {
    const size_t length = std::min<size_t>(data.size() - at, 65535);
    out.push_back(at + length == data.size());
    little_endian(length, 2);
    little_endian(~length, 2);
    for (size_t end = at + length; at < end; ++at) out.push_back(data[at]);
  } while (at < data.size());
  little_endian(crc32(data.data(), data.size()), 4);
  little_endian(data.size(), 4);
  return out;
}

// CIFAR records with `labels_each` labels (the last one counts) and pixels that tell where they are.
inline uint8_t cifar_value(size_t example, size_t channel, size_t pixel) {
  return uint8_t(31 * example + 85 * channel + pixel);
}
inline std::vector<uint8_t> cifar_records(const std::vector<uint8_t> &labels, size_t labels_each) {
  std::vector<uint8_t> bytes;
  for (size_t example = 0; example < labels.size(); ++example) {
    if (labels_each == 2) bytes.push_back(5);
    bytes.push_back(labels[example]);
    for (size_t c = 0; c < 3; ++c)
      for (size_t pixel = 0; pixel < 1024; ++pixel) bytes.push_back(cifar_value(example, c, pixel));
  }
  return bytes;
}

// Makes the CRCs of a damaged PNG right again, so that the decoder behind the check is reached.
inline void repair_png(std::vector<uint8_t> &png) {
  if (!begins_as_png(png.data(), png.size())) return;
  for (size_t at = 8; at + 12 <= png.size();) {
    const size_t length = big_endian32(&png[at]);
    if (length > png.size() - at - 12) return;
    const uint32_t crc = crc32(&png[at + 4], length + 4);
    for (size_t byte = 0; byte < 4; ++byte) png[at + 8 + length + byte] = uint8_t(crc >> (24 - 8 * byte));
    at += 12 + length;
  }
}

// Whatever the damage, a picture or a sentence with the file's name comes out; never a crash.
inline void decode_damaged(const std::vector<uint8_t> &bytes) {
  try {
    const Image image = decode_image(bytes, "broken");
    EXPECT_EQ(int64_t(image.pixels.size()), image.size());
  } catch (const std::runtime_error &error) {
    EXPECT_NE(std::string(error.what()).find("broken"), std::string::npos) << error.what();
  }
}

}  // namespace coopnets
