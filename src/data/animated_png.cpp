#include "data/animated_png.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

#include "data/bytes.h"
#include "data/frames.h"
#include "data/png_chunks.h"
#include "data/stb.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;

struct Size {
  int64_t width, height;
};

// A chunk fcTL: the window that a frame draws, and how.
struct Control {
  Size size;
  int64_t left, top, milliseconds;
  enum Dispose { keep, clear, back } dispose;
  bool over;  // laid on what is there by its alpha; else it replaces that
};

struct Reader {
  const std::string &path;
  const Bytes file;
  Size size{};
  int64_t declared = 0, count = 0;
  uint32_t sequence = 0;  // that the next fcTL or fdAT has
  Bytes palette{};        // the chunks PLTE and tRNS, which hold for every frame
  Image canvas{};

  [[noreturn]] void corrupt(const std::string &why) const {
    throw std::runtime_error(path + " is a corrupt animated PNG: " + why);
  }
  [[noreturn]] void bad_frame(const std::string &why) const {
    corrupt("frame " + std::to_string(count + 1) + " " + why);
  }

  void header(const PngChunk &chunk) {
    if (!chunk.is("IHDR") || chunk.length != 13) corrupt("it does not begin with its size");
    size = {big_endian32(chunk.data), big_endian32(chunk.data + 4)};
    if (size.width == 0 || size.height == 0) corrupt("it has no pixels");
    // Deflate makes at most 1032 bytes of one, of 8 pixels each.
    check_canvas(path, size.width, size.height, file.size(), 8 * 1032);
  }

  void check_sequence(const PngChunk &chunk) {
    if (chunk.length < 4 || big_endian32(chunk.data) != sequence++) bad_frame("comes out of order");
  }

  Control control(const PngChunk &chunk) {
    check_sequence(chunk);
    if (chunk.length != 26) bad_frame("has a control chunk of a wrong length");
    const uint8_t *d = chunk.data;
    Control c{};
    c.size = {big_endian32(d + 4), big_endian32(d + 8)};
    c.left = big_endian32(d + 12);
    c.top = big_endian32(d + 16);
    if (c.size.width == 0 || c.size.height == 0 || c.left + c.size.width > size.width ||
        c.top + c.size.height > size.height)
      bad_frame("is empty or lies beyond the picture's edges");
    const int64_t time = d[20] << 8 | d[21], unit = d[22] << 8 | d[23];
    c.milliseconds = shown_for(1000 * time / (unit ? unit : 100));
    if (d[24] > 2 || d[25] > 1) bad_frame("is disposed of or blended as nothing known");
    c.dispose = Control::Dispose(d[24]);
    c.over = d[25] == 1;
    return c;
  }

  // The pixels [height, width, 4] of a frame's compressed data: a picture of its own, as the file's header has them.
  std::unique_ptr<stbi_uc, void (*)(void *)> decode(const Control &c, const Bytes &compressed) const {
    Bytes png(png_signature.begin(), png_signature.end()), header;
    append_number(header, uint32_t(c.size.width));
    append_number(header, uint32_t(c.size.height));
    header.insert(header.end(), file.begin() + png_header_end - 9, file.begin() + png_header_end - 4);
    append_chunk(png, "IHDR", header);
    png.insert(png.end(), palette.begin(), palette.end());
    append_chunk(png, "IDAT", compressed);
    append_chunk(png, "IEND", Bytes());
    int width = 0, height = 0, channels = 0;
    const AllocationLimit limit(size_t(c.size.width * c.size.height) * 16 + (size_t{1} << 20));
    std::unique_ptr<stbi_uc, void (*)(void *)> pixels(
        stbi_load_from_memory(png.data(), int(png.size()), &width, &height, &channels, 4), stbi_image_free);
    if (!pixels || width != c.size.width || height != c.size.height) bad_frame("cannot be decoded");
    return pixels;
  }

  // The canvas holds colours times alpha, which is what shows on black.
  void draw(const Control &c, const stbi_uc *pixels) {
    for (int64_t y = 0; y < c.size.height; ++y)
      for (int64_t x = 0; x < c.size.width; ++x, pixels += 4) {
        uint8_t *to = canvas.at(c.top + y, c.left + x);
        const int alpha = pixels[3], rest = c.over ? 255 - alpha : 0;
        for (int i = 0; i < 3; ++i) to[i] = uint8_t((pixels[i] * alpha + to[i] * rest + 127) / 255);
      }
  }

  void show(const Control &c, const Bytes &compressed, const std::function<void(const Image &, int64_t)> &sink) {
    if (compressed.empty()) bad_frame("has no pixels");
    const auto pixels = decode(c, compressed);
    if (canvas.pixels.empty()) canvas = Image(size.height, size.width, 3);  // not for a size that nothing fills
    const Image before = c.dispose == Control::back ? canvas : Image();
    draw(c, pixels.get());
    ++count;
    sink(canvas, c.milliseconds);
    if (c.dispose == Control::back) canvas = before;
    if (c.dispose != Control::clear) return;
    for (int64_t y = 0; y < c.size.height; ++y) std::fill_n(canvas.at(c.top + y, c.left), 3 * c.size.width, uint8_t(0));
  }

  // A frame's data may be in several chunks: it is whole once the next frame or the end has come.
  void read(int64_t frames, const std::function<void(const Image &, int64_t)> &sink) {
    bool drawing = false;  // a fcTL has come, and its frame is not shown yet
    Control now{};
    Bytes compressed;
    size_t at = png_signature.size();
    PngChunk chunk;
    for (bool first = true; next_chunk(file, at, chunk); first = false) {
      if (!chunk.intact && (first || chunk.is_critical() || chunk.is("acTL") || chunk.is("fcTL") || chunk.is("fdAT") ||
                            chunk.is("tRNS")))
        corrupt("a CRC differs");
      const bool last = chunk.is("IEND");
      if (first) {
        header(chunk);
      } else if (chunk.is("acTL")) {
        if (chunk.length != 8) corrupt("its number of frames is missing");
        declared = big_endian32(chunk.data);
      } else if (chunk.is("PLTE") || chunk.is("tRNS")) {
        append_chunk(palette, chunk.letters, chunk.data, chunk.length);
      } else if (chunk.is("fcTL") || last) {
        if (drawing) show(now, compressed, sink);
        drawing = false;
        if (last || count >= std::min(frames, declared)) break;
        now = control(chunk);
        drawing = true;
        compressed.clear();
      } else if (chunk.is("fdAT")) {
        check_sequence(chunk);
        if (!drawing) bad_frame("has pixels ahead of its control chunk");
        compressed.insert(compressed.end(), chunk.data + 4, chunk.data + chunk.length);
      } else if (chunk.is("IDAT") && drawing) {
        if (now.size.width != size.width || now.size.height != size.height) bad_frame("has not the picture's size");
        compressed.insert(compressed.end(), chunk.data, chunk.data + chunk.length);
      }
    }
    if (declared > 0 && count >= std::min(frames, declared)) return;
    if (chunk.is("IEND"))
      corrupt("it declares " + std::to_string(declared) + " frames and has " + std::to_string(count));
    cut_off(path, count);
  }
};

}  // namespace

bool is_animated_png(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  uint8_t bytes[12];
  const auto read = [&](std::streamsize count) { return bool(file.read(reinterpret_cast<char *>(bytes), count)); };
  if (!read(8) || !begins_as_png(bytes, 8)) return false;
  while (read(8)) {
    const std::string letters(bytes + 4, bytes + 8);
    if (letters == "acTL") return read(4) && big_endian32(bytes) > 1;
    if (letters == "IDAT" || letters == "IEND") return false;
    file.seekg(int64_t(big_endian32(bytes)) + 4, std::ios::cur);
  }
  return false;
}

int64_t read_animated_png(const std::string &path, int64_t frames,
                          const std::function<void(const Image &, int64_t)> &sink) {
  Reader reader{path, read_bytes(path, (int64_t{1} << 30) - 1)};
  reader.read(frames, sink);
  return reader.count;
}

}  // namespace coopnets
