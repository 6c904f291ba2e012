#include "data/exif.h"

#include <cstring>

namespace coopnets {

namespace {

// The tag in a TIFF structure: byte order "II" or "MM", 42, where the first directory is; there the number of entries,
// and entries of 12 bytes: tag, type (3: two bytes), count, value.
int orientation_of_tiff(const uint8_t *tiff, size_t size) {
  if (size < 8 || (std::memcmp(tiff, "II", 2) != 0 && std::memcmp(tiff, "MM", 2) != 0)) return 1;
  const bool little = tiff[0] == 'I';
  const auto number = [&](size_t at, int bytes) {
    uint32_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | tiff[at + size_t(little ? bytes - 1 - i : i)];
    return value;
  };
  const size_t directory = number(4, 4);
  if (number(2, 2) != 42 || directory > size - 2) return 1;
  const size_t entries = number(directory, 2);
  for (size_t i = 0, at = directory + 2; i < entries && at + 12 <= size; ++i, at += 12)
    if (number(at, 2) == 0x0112) {
      const uint32_t value = number(at + 8, 2);
      return number(at + 2, 2) == 3 && number(at + 4, 4) == 1 && value >= 1 && value <= 8 ? int(value) : 1;
    }
  return 1;
}

}  // namespace

int exif_orientation(const std::vector<uint8_t> &jpeg) {
  constexpr char magic[] = "Exif\0";  // and another zero
  for (size_t at = 2; at + 4 <= jpeg.size() && jpeg[at] == 0xFF;) {
    const int marker = jpeg[at + 1];
    if (marker == 0xFF) {  // padding
      ++at;
      continue;
    }
    const size_t length = size_t(jpeg[at + 2] << 8 | jpeg[at + 3]);
    if (marker == 0xDA || length < 2 || at + 2 + length > jpeg.size()) return 1;  // the coded picture begins
    if (marker == 0xE1 && length >= 8 && std::memcmp(&jpeg[at + 4], magic, sizeof magic) == 0)
      return orientation_of_tiff(jpeg.data() + at + 10, length - 8);
    at += 2 + length;
  }
  return 1;
}

Image upright(Image stored, int orientation) {
  if (orientation == 1) return stored;
  const bool exchanged = orientation >= 5;
  const bool down = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Image seen(exchanged ? stored.width : stored.height, exchanged ? stored.height : stored.width, stored.channels);
  seen.blended = stored.blended;
  for (int64_t y = 0; y < seen.height; ++y)
    for (int64_t x = 0; x < seen.width; ++x) {
      const int64_t row = exchanged ? x : y, column = exchanged ? y : x;
      std::memcpy(seen.at(y, x),
                  stored.at(down ? stored.height - 1 - row : row, right ? stored.width - 1 - column : column),
                  size_t(stored.channels));
    }
  return seen;
}

}  // namespace coopnets
