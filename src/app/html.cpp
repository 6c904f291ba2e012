#include "app/html.h"

#include <filesystem>

#include "app/pictures.h"
#include "data/bytes.h"
#include "data/png_chunks.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

constexpr int64_t most_file = int64_t{1} << 30;

constexpr char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1400px;padding:1em;color:#222;background:#fff}"
    "h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em}"
    ".row{display:flex;flex-wrap:wrap;gap:1em}figure{margin:0;max-width:100%}"
    "figure img{display:block;max-width:90vw;height:auto;image-rendering:pixelated}"
    "input[type=range]{width:min(512px,90vw)}svg{width:min(640px,90vw);height:auto;background:#f6f6f6}"
    "pre{overflow-x:auto;background:#f6f6f6;padding:1em}figcaption{font-size:.9em}";
std::string data_uri(const std::string &png) {
  constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "data:image/png;base64,";
  for (size_t i = 0; i < png.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k) three = three << 8 | (i + k < png.size() ? uint8_t(png[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += i + k > png.size() ? '=' : letters[three >> (18 - 6 * k) & 63];
  }
  return out;
}

}  // namespace

std::string escaped(const std::string &text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string picture_uri(const std::string &path) {
  return std::filesystem::exists(path) ? data_uri(read_file(path, most_file)) : "";
}

std::string picture_width(const std::string &path) {
  const std::string png = read_file(path, most_file);
  if (png.size() < png_header_end) return "";
  const auto *sides = reinterpret_cast<const uint8_t *>(png.data()) + 16;  // in IHDR: width, height
  const int64_t width = big_endian32(sides), height = big_endian32(sides + 4);
  return " width=\"" + std::to_string(width * factor_of_sheet(height, width)) + '"';
}

std::string html_page(const std::string &title, const std::string &body) {
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         escaped(title) + "</title>\n<style>" + style + "</style></head>\n<body>\n<h1>" + escaped(title) + "</h1>\n" +
         body + "</body></html>\n";
}

}  // namespace coopnets
