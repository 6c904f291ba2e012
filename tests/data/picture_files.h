// Small pictures and files for the tests of src/data, made in code.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "data/bytes.h"
#include "data/image.h"
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
  else
    out = bytes_of((c == 1 ? "P5 " : "P6 ") + std::to_string(w) + " " + std::to_string(h) + " 255\n", image.pixels);
  return out;
}

// 2 x 2: red, blue / blue, red. Colour table of two; LZW codes of 3 bits: clear 0 1 1 0 end (4 0 1 1 0 5).
inline std::vector<uint8_t> tiny_gif() {
  return bytes_of("GIF89a", {2, 0, 2, 0, 0x80, 0, 0, 255, 0, 0, 0,    0,    255,  0x2C, 0,
                             0, 0, 0, 2, 0,    2, 0, 0,   2, 3, 0x44, 0x02, 0x05, 0,    0x3B});
}

// Makes the CRCs of a damaged PNG right again, so that the decoder behind the check is reached.
inline void repair_png(std::vector<uint8_t> &png) {
  for (size_t at = 8; at + 12 <= png.size();) {
    const size_t length = big_endian32(&png[at]);
    if (length > png.size() - at - 12) return;
    const uint32_t crc = crc32(&png[at + 4], length + 4);
    for (size_t byte = 0; byte < 4; ++byte) png[at + 8 + length + byte] = uint8_t(crc >> (24 - 8 * byte));
    at += 12 + length;
  }
}

}  // namespace coopnets
