// The chunks of a PNG file: length, four letters, data, CRC-32 of letters and data; all numbers big-endian.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace coopnets {

constexpr std::string_view png_signature("\x89PNG\r\n\x1A\n", 8);
constexpr size_t png_header_end = 8 + 12 + 13;  // of the signature and the chunk IHDR

struct PngChunk {
  std::string letters;
  const uint8_t *data = nullptr;
  size_t length = 0;
  bool intact = true;  // its CRC is right

  bool is(std::string_view name) const { return letters == name; }
  bool is_critical() const { return (letters[0] & 0x20) == 0; }  // a capital letter: no picture without it
};

// Reads the chunk at `at` into `chunk` and moves `at` behind it; false where the file ends before it does.
bool next_chunk(const std::vector<uint8_t> &file, size_t &at, PngChunk &chunk);

// Whether the bytes, or the file if it can be read, begin as a PNG.
bool begins_as_png(const uint8_t *bytes, size_t count);
bool begins_as_png(const std::string &path);
// Calls `visit` for each chunk, from the signature to IEND; `name` stands for the file in errors. Throws
// std::runtime_error when it ends early or is no PNG.
void visit_png_chunks(const std::vector<uint8_t> &png, const std::string &name,
                      const std::function<void(const PngChunk &)> &visit);

void append_number(std::vector<uint8_t> &to, uint32_t number);
void append_chunk(std::vector<uint8_t> &to, std::string_view letters, const uint8_t *data, size_t length);
inline void append_chunk(std::vector<uint8_t> &to, std::string_view letters, const std::vector<uint8_t> &data) {
  append_chunk(to, letters, data.data(), data.size());
}

}  // namespace coopnets
