// PNG files as chunks (ISO/IEC 15948): a signature of eight bytes, then chunks, each its length, four letters, data and
// the CRC of letters and data, all numbers big-endian.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coopnets {

constexpr size_t png_signature_bytes = 8, png_header_end = png_signature_bytes + 12 + 13;  // the chunk IHDR is first

// Whether the file can be read and begins as a PNG.
bool begins_as_png(const std::string &path);

// A chunk within the bytes of its file.
struct PngChunk {
  std::string_view letters;
  const uint8_t *data;
  size_t length;
  bool intact;  // its CRC is right

  bool is_critical() const { return (letters[0] & 0x20) == 0; }  // a capital letter: no picture without it
};

// Calls `visit` for each chunk, from the signature to IEND; `name` stands for the file in errors. Throws
// std::runtime_error when it ends early or is no PNG.
void visit_png_chunks(const std::vector<uint8_t> &png, const std::string &name,
                      const std::function<void(const PngChunk &)> &visit);

void append_png_chunk(std::vector<uint8_t> &to, std::string_view letters, const std::vector<uint8_t> &data);

// What a file says beside its pixels: keywords (1 to 79 printable letters of ASCII) and texts.
using PngTexts = std::vector<std::pair<std::string, std::string>>;

// The picture with these texts, each in a chunk iTXt, ahead of its pixels. Bytes that are no UTF-8 become '?'.
std::vector<uint8_t> with_texts(const std::vector<uint8_t> &png, const PngTexts &);
// Atomic. Throws std::runtime_error naming the file when it cannot be written.
void save_with_texts(const std::string &path, const std::vector<uint8_t> &png, const PngTexts &);

// The first text of that keyword in a chunk tEXt or iTXt; none where there is no such chunk. Throws std::runtime_error
// as visit_png_chunks(), and when the text is damaged or compressed, as some programs save it.
std::optional<std::string> text_of_png(const std::vector<uint8_t> &png, const std::string &keyword,
                                       const std::string &name);

}  // namespace coopnets
