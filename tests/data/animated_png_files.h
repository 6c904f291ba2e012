// Animated PNGs, whose frames are drawn as text: '.' black, 'r' red, 'g' green, 'b' blue.
#pragma once
#include <string>
#include <vector>

#include "data/picture_files.h"
#include "data/png_chunks.h"

namespace coopnets::apng {

using Bytes = std::vector<uint8_t>;

enum Dispose { keep, clear, back };
enum Blend { source, over };

// A window of the canvas, drawn as text; ' ' is transparent.
struct Drawn {
  uint32_t left, top, width, height;
  std::string text;
  Dispose dispose = keep;
  Blend blend = source;
  int delay = 7, unit = 100;
};

inline Bytes colours(const std::string &text) {
  Bytes pixels;
  for (const char c : text)
    for (const char one : {'r', 'g', 'b'}) {
      pixels.push_back(c == one ? 255 : 0);
      if (one == 'b') pixels.push_back(c == ' ' ? 0 : 255);
    }
  return pixels;
}

// The data of the chunks IDAT of a picture of red, green, blue and alpha.
inline Bytes compressed(const Bytes &pixels, uint32_t width, uint32_t height) {
  Bytes png, data;
  stbi_write_png_to_func(append_bytes, &png, int(width), int(height), 4, pixels.data(), int(4 * width));
  size_t at = 8;
  for (PngChunk chunk; next_chunk(png, at, chunk);)
    if (chunk.is("IDAT")) data.insert(data.end(), chunk.data, chunk.data + chunk.length);
  return data;
}

inline Bytes header(uint32_t width, uint32_t height, uint8_t kind = 6) {
  Bytes data;
  append_number(data, width);
  append_number(data, height);
  for (const uint8_t byte : {uint8_t(8), kind, uint8_t(0), uint8_t(0), uint8_t(0)}) data.push_back(byte);
  return data;
}

inline Bytes control(uint32_t sequence, const Drawn &f) {
  Bytes data;
  for (const uint32_t number : {sequence, f.width, f.height, f.left, f.top}) append_number(data, number);
  for (const int number : {f.delay, f.unit}) data.push_back(uint8_t(number >> 8)), data.push_back(uint8_t(number));
  data.push_back(uint8_t(f.dispose));
  data.push_back(uint8_t(f.blend));
  return data;
}

inline Bytes numbered(uint32_t sequence, const Bytes &pixels) {
  Bytes data;
  append_number(data, sequence);
  data.insert(data.end(), pixels.begin(), pixels.end());
  return data;
}

// With `still`, a picture that is no frame, ahead of the frames. Each later frame's data is in two chunks.
inline Bytes make_apng(uint32_t width, uint32_t height, const std::vector<Drawn> &frames, bool still = false,
                       uint32_t declared = 0) {
  Bytes file(png_signature.begin(), png_signature.end()), animation;
  append_number(animation, declared ? declared : uint32_t(frames.size()));
  append_number(animation, 0);
  append_chunk(file, "IHDR", header(width, height));
  append_chunk(file, "acTL", animation);
  if (still) append_chunk(file, "IDAT", compressed(colours(std::string(width * height, 'b')), width, height));
  uint32_t sequence = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    const Drawn &f = frames[i];
    append_chunk(file, "fcTL", control(sequence++, f));
    const Bytes data = compressed(colours(f.text), f.width, f.height);
    if (i == 0 && !still) {
      append_chunk(file, "IDAT", data);
      continue;
    }
    const auto half = data.begin() + int64_t(data.size() / 2);
    append_chunk(file, "fdAT", numbered(sequence++, {data.begin(), half}));
    append_chunk(file, "fdAT", numbered(sequence++, {half, data.end()}));
  }
  append_chunk(file, "IEND", Bytes());
  return file;
}

}  // namespace coopnets::apng
