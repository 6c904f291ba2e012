// JPEG files of kinds that stb_image_write does not write.
#pragma once
#include <vector>

#include "data/picture_files.h"

namespace coopnets {

// With an Exif segment ahead of all others: a TIFF structure whose directory has an entry of no meaning and the
// orientation, each number of two or four bytes in the order that it declares.
inline std::vector<uint8_t> with_exif(const std::vector<uint8_t> &jpeg, int orientation, bool little) {
  using Bytes = std::vector<uint8_t>;
  const auto two = [&](int v) {
    return little ? Bytes{uint8_t(v), uint8_t(v >> 8)} : Bytes{uint8_t(v >> 8), uint8_t(v)};
  };
  const auto four = [&](int v) { return little ? Bytes{uint8_t(v), 0, 0, 0} : Bytes{0, 0, 0, uint8_t(v)}; };
  Bytes exif = bytes_of(std::string("Exif\0\0", 6) + (little ? "II" : "MM"), {});
  for (const Bytes &part : {two(42), four(8), two(2), two(9), two(3), four(1), two(7), two(0), two(0x0112), two(3),
                            four(1), two(orientation), two(0), four(0)})
    exif.insert(exif.end(), part.begin(), part.end());
  Bytes file = {0xFF, 0xD8, 0xFF, 0xE1, 0, uint8_t(exif.size() + 2)};
  file.insert(file.end(), exif.begin(), exif.end());
  file.insert(file.end(), jpeg.begin() + 2, jpeg.end());
  return file;
}

// A JPEG of one grey component, segment by segment.
class JpegWriter {
 public:
  void segment(uint8_t marker, const std::vector<uint8_t> &data) {
    const size_t length = data.size() + 2;
    for (const int byte : {0xFF, int(marker), int(length >> 8), int(length & 255)}) out_.push_back(uint8_t(byte));
    out_.insert(out_.end(), data.begin(), data.end());
  }
  // Steps of all coefficients; 16-bit ones where they do not fit into a byte.
  void steps(int step) {
    std::vector<uint8_t> data = {uint8_t(step > 255 ? 0x10 : 0)};
    for (int i = 0; i < 64; ++i) {
      if (step > 255) data.push_back(uint8_t(step >> 8));
      data.push_back(uint8_t(step));
    }
    segment(0xDB, data);
  }
  // `kind`: 0xC0 baseline, 0xC2 progressive; 8 bits a sample.
  void frame(uint8_t kind, uint8_t height, uint8_t width) { segment(kind, {8, 0, height, 0, width, 1, 1, 0x11, 0}); }
  // Huffman codes, `counts` of 1, 2, ... bits; table 0x00 is that of first coefficients, 0x10 that of all others.
  void codes(uint8_t table, std::vector<uint8_t> counts, const std::vector<uint8_t> &symbols) {
    counts.resize(16);
    counts.insert(counts.begin(), table);
    counts.insert(counts.end(), symbols.begin(), symbols.end());
    segment(0xC4, counts);
  }
  void scan(uint8_t first, uint8_t last, uint8_t bits, const std::vector<uint8_t> &coded) {
    segment(0xDA, {1, 1, 0, first, last, bits});
    out_.insert(out_.end(), coded.begin(), coded.end());
  }
  std::vector<uint8_t> end() {
    for (const uint8_t byte : {0xFF, 0xD9}) out_.push_back(byte);
    return out_;
  }

 private:
  std::vector<uint8_t> out_ = {0xFF, 0xD8};
};

// 16 x 16 pixels, progressive: four blocks in four scans, the first coefficient and then all others, each first
// without its lowest bit. Codes of the first: 0 no difference, 10 a difference of three bits. Of the others: 0 the
// block ends, 10 the next one is +1 or -1 by one more bit, 110 two or three blocks end. Bits behind the last are 1.
inline std::vector<uint8_t> progressive_jpeg() {
  JpegWriter jpeg;
  jpeg.steps(8);
  jpeg.frame(0xC2, 16, 16);
  jpeg.codes(0x00, {1, 1}, {0, 3});
  jpeg.codes(0x10, {1, 1, 1}, {0x00, 0x01, 0x10});
  jpeg.scan(0, 0, 0x01, {0xA8});         // 10 101 | 0 | 0 | 0
  jpeg.scan(0, 0, 0x10, {0xAF});         // 1 | 0 | 1 | 0
  jpeg.scan(1, 63, 0x01, {0xA6, 0x7F});  // 10 1, 0 | 0 | 110 0 for two blocks
  jpeg.scan(1, 63, 0x10, {0x77});        // 0, and 1 for the +1 of before | 110 1 for three blocks
  return jpeg.end();
}

// A block that ends where a number of 15 bits should come: the first coefficient has code 0 and 15 bits, the second a
// code of 16 bits.
inline std::vector<uint8_t> jpeg_without_its_last_number() {
  JpegWriter jpeg;
  jpeg.steps(1);
  jpeg.frame(0xC0, 8, 8);
  jpeg.codes(0x00, {1}, {15});
  jpeg.codes(0x10, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, {15});
  jpeg.scan(0, 63, 0, {0, 0, 0, 0});
  return jpeg.end();
}

// Two blocks whose first coefficients are 32767 steps and as many more, of 65535 each: 0, 15 bits, 0 for the block's
// end. A byte ff is followed by 0.
inline std::vector<uint8_t> jpeg_that_overflows() {
  JpegWriter jpeg;
  jpeg.steps(65535);
  jpeg.frame(0xC0, 8, 16);
  jpeg.codes(0x00, {1}, {15});
  jpeg.codes(0x10, {1}, {0});
  jpeg.scan(0, 63, 0, {0x7F, 0xFF, 0, 0x3F, 0xFF, 0, 0xBF});
  return jpeg.end();
}

}  // namespace coopnets
