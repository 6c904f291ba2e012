// Texts that PNG files carry beside their pixels: chunks tEXt and iTXt (ISO/IEC 15948).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coopnets {

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
