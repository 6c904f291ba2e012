// PNG files chunk by chunk, of kinds that stb_image_write does not write.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "data/picture_files.h"
#include "data/png_chunks.h"

namespace coopnets {

// One block of deflate as it is.
inline std::vector<uint8_t> stored_block(const std::vector<uint8_t> &data) {
  const auto size = uint8_t(data.size());
  std::vector<uint8_t> block = {1, size, 0, uint8_t(~size), 0xFF};
  block.insert(block.end(), data.begin(), data.end());
  return block;
}

// The same as zlib's stream; stb checks no sum of it.
inline std::vector<uint8_t> zlib_stored(const std::vector<uint8_t> &data) {
  std::vector<uint8_t> stream = {0x78, 0x01};
  const std::vector<uint8_t> block = stored_block(data);
  stream.insert(stream.end(), block.begin(), block.end());
  stream.insert(stream.end(), 4, 0);
  return stream;
}

inline std::vector<uint8_t> png_of(const std::vector<std::pair<std::string, std::vector<uint8_t>>> &chunks) {
  std::vector<uint8_t> png(png_signature.begin(), png_signature.end());
  for (const auto &[letters, data] : chunks) append_chunk(png, letters, data);
  return png;
}

}  // namespace coopnets
