#include "tensor/utf8.h"

#include <algorithm>

namespace coopnets {

size_t utf8_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return k < text.size() ? static_cast<unsigned char>(text[k]) : 0; };
  const auto continues = [&](size_t k) { return (byte(k) & 0xC0) == 0x80; };
  const int first = byte(i), second = byte(i + 1);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !continues(i + 1)) return 0;
  if (first < 0xE0) return 2;
  if (!continues(i + 2)) return 0;
  if (first < 0xF0) return (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ? 0 : 3;
  if (!continues(i + 3)) return 0;
  return (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F) ? 0 : 4;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    if (length == 0)
      out += '?';
    else
      out.append(text, i, length);
    i += std::max<size_t>(length, 1);
  }
  return out;
}

}  // namespace coopnets
