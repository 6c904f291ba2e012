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

// A progressive one, grey, of 16 x 16 pixels: four blocks in four scans, the first coefficient and then all others,
// each first without its lowest bit. Codes of the first: 0 no difference, 10 a difference of three bits. Of the
// others: 0 the block ends, 10 the next one is +1 or -1 by one more bit, 110 two or three blocks end. Bits behind the
// last are 1.
inline std::vector<uint8_t> progressive_jpeg() {
  std::vector<uint8_t> out = {0xFF, 0xD8};
  const auto segment = [&](uint8_t marker, std::vector<uint8_t> data, size_t zeros, const std::vector<uint8_t> &more) {
    data.resize(data.size() + zeros);
    data.insert(data.end(), more.begin(), more.end());
    for (const int byte : {0xFF, int(marker), 0, int(data.size() + 2)}) out.push_back(uint8_t(byte));
    out.insert(out.end(), data.begin(), data.end());
  };
  const auto scan = [&](uint8_t first, uint8_t last, uint8_t bits, const std::vector<uint8_t> &coded) {
    segment(0xDA, {1, 1, 0, first, last, bits}, 0, {});
    out.insert(out.end(), coded.begin(), coded.end());
  };
  segment(0xDB, {0}, 0, std::vector<uint8_t>(64, 8));      // one step for all coefficients
  segment(0xC2, {8, 0, 16, 0, 16, 1, 1, 0x11, 0}, 0, {});  // 8 bits a sample, one component
  segment(0xC4, {0x00, 1, 1}, 14, {0, 3});                 // how many codes of 1, 2, ... 16 bits; symbols
  segment(0xC4, {0x10, 1, 1, 1}, 13, {0x00, 0x01, 0x10});
  scan(0, 0, 0x01, {0xA8});         // 10 101 | 0 | 0 | 0
  scan(0, 0, 0x10, {0xAF});         // 1 | 0 | 1 | 0
  scan(1, 63, 0x01, {0xA6, 0x7F});  // 10 1, 0 | 0 | 110 0 for two blocks
  scan(1, 63, 0x10, {0x77});        // 0, and 1 for the +1 of before | 110 1 for three blocks
  for (const uint8_t byte : {0xFF, 0xD9}) out.push_back(byte);
  return out;
}

}  // namespace coopnets
