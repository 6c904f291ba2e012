#include "data/png_chunks.h"

#include "data/bytes.h"

namespace coopnets {

bool next_chunk(const std::vector<uint8_t> &file, size_t &at, PngChunk &chunk) {
  constexpr size_t overhead = 12;
  if (at > file.size() || file.size() - at < overhead) return false;
  const size_t length = big_endian32(&file[at]);
  if (length > file.size() - at - overhead) return false;
  const uint8_t *letters = &file[at + 4];
  chunk.letters.assign(letters, letters + 4);
  chunk.data = letters + 4;
  chunk.length = length;
  chunk.intact = crc32(letters, length + 4) == big_endian32(chunk.data + length);
  at += overhead + length;
  return true;
}

void append_number(std::vector<uint8_t> &to, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(uint8_t(number >> shift));
}

void append_chunk(std::vector<uint8_t> &to, std::string_view letters, const uint8_t *data, size_t length) {
  append_number(to, uint32_t(length));
  const size_t start = to.size();
  to.insert(to.end(), letters.begin(), letters.end());
  if (length > 0) to.insert(to.end(), data, data + length);
  append_number(to, crc32(to.data() + start, to.size() - start));
}

}  // namespace coopnets
