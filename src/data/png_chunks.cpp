#include "data/png_chunks.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

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

bool begins_as_png(const uint8_t *bytes, size_t count) {
  return count >= png_signature.size() && std::equal(png_signature.begin(), png_signature.end(), bytes,
                                                     [](char letter, uint8_t byte) { return letter == char(byte); });
}

bool begins_as_png(const std::string &path) {
  uint8_t first[png_signature.size()] = {};
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char *>(first), sizeof first);
  return begins_as_png(first, sizeof first);
}

void visit_png_chunks(const std::vector<uint8_t> &png, const std::string &name,
                      const std::function<void(const PngChunk &)> &visit) {
  if (!begins_as_png(png.data(), png.size()))
    throw std::runtime_error("cannot read the picture " + name + ": it is no PNG");
  size_t at = png_signature.size();
  for (PngChunk chunk; next_chunk(png, at, chunk);) {
    visit(chunk);
    if (chunk.is("IEND")) return;
  }
  throw std::runtime_error("cannot read the picture " + name + ": it ends early");
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
