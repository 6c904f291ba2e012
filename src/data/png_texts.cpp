#include "data/png_texts.h"

#include <algorithm>
#include <stdexcept>

#include "data/png_chunks.h"
#include "tensor/file.h"
#include "tensor/utf8.h"

namespace coopnets {

namespace {

using Bytes = std::vector<uint8_t>;

[[noreturn]] void fail(const std::string &name, const std::string &why) {
  throw std::runtime_error("cannot read the picture " + name + ": " + why);
}

}  // namespace

Bytes with_texts(const Bytes &png, const PngTexts &texts) {
  Bytes out(png.begin(), png.begin() + png_header_end);
  for (const auto &[keyword, text] : texts) {
    // keyword, 0, not compressed, method 0, no language, 0, no translated keyword, 0, text
    const std::string data = keyword + std::string(5, '\0') + valid_utf8(text);
    append_chunk(out, "iTXt", Bytes(data.begin(), data.end()));
  }
  out.insert(out.end(), png.begin() + png_header_end, png.end());
  return out;
}

void save_with_texts(const std::string &path, const Bytes &png, const PngTexts &texts) {
  const Bytes bytes = with_texts(png, texts);
  write_atomically(path, std::string_view(reinterpret_cast<const char *>(bytes.data()), bytes.size()));
}

std::optional<std::string> text_of_png(const Bytes &png, const std::string &keyword, const std::string &name) {
  std::optional<std::string> found;
  visit_png_chunks(png, name, [&](const PngChunk &chunk) {
    if (chunk.is_critical() && !chunk.intact) fail(name, "the PNG is corrupt (a CRC differs)");
    const bool plain = chunk.letters == "tEXt", international = chunk.letters == "iTXt";
    if (found || !(plain || international || chunk.letters == "zTXt")) return;
    const std::string_view data(reinterpret_cast<const char *>(chunk.data), chunk.length);
    size_t begin = data.find('\0');
    if (data.substr(0, begin) != keyword || begin == std::string_view::npos) return;
    if (!chunk.intact) fail(name, "its text '" + keyword + "' is corrupt (a CRC differs)");
    ++begin;
    if (international) {  // a flag, the method, language and translated keyword, both ended by a zero
      const size_t language = data.find('\0', std::min(begin + 2, data.size())),
                   translated = language == std::string_view::npos ? language : data.find('\0', language + 1);
      if (translated == std::string_view::npos) fail(name, "its text '" + keyword + "' ends early");
      if (data[begin] == 0) found = std::string(data.substr(translated + 1));
    } else if (plain) {
      found = std::string(data.substr(begin));
    }
    if (!found) fail(name, "its text '" + keyword + "' is compressed, as another program saved it, and is not read");
  });
  return found;
}

}  // namespace coopnets
