// What the tests of clips share: stand-ins for ffmpeg, frames of noise, and a maker of GIFs.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data/video.h"
#include "files.h"

namespace coopnets {

inline void write_text(const std::string &path, const std::string &text) {
  std::filesystem::remove(path);  // a new file: some systems wait for the disk when an old one is emptied and refilled
  std::ofstream(path, std::ios::binary) << text;
}
inline std::string read_text(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// PATH is what it was before at the end of each test.
class Clips : public FolderTest {
 protected:
  void TearDown() override { setenv("PATH", path_before_.c_str(), 1); }
  std::string in_folder(const std::string &name) const { return folder + "/" + name; }

  // The first ffmpeg on PATH is this shell script from now on; it finds its own folder in $here.
  void fake_ffmpeg(const std::string &script) const {
    const std::string bin = in_folder("bin"), file = bin + "/ffmpeg";
    std::filesystem::create_directories(bin);
    write_text(file, "#!/bin/sh\nhere='" + bin + "'\nprintf '%s\\n' \"$@\" > \"$here/arguments\"\n" + script);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    setenv("PATH", (bin + ":" + path_before_).c_str(), 1);
  }
  void no_ffmpeg() const { setenv("PATH", folder.c_str(), 1); }

  const std::string path_before_ = std::getenv("PATH");
};

// Frames of noise that two tests never mistake for each other's.
inline Clip noise_clip(int64_t frames, int64_t height, int64_t width, int64_t channels = 3, uint32_t seed = 1) {
  Clip clip;
  for (int64_t t = 0; t < frames; ++t) {
    clip.emplace_back(height, width, channels);
    for (uint8_t &pixel : clip.back().pixels) pixel = uint8_t((seed = seed * 1664525 + 1013904223) >> 24);
  }
  return clip;
}

// One frame of a GIF: a window of the canvas with the index of a colour at each pixel.
struct GifFrame {
  int left, top, width, height;
  std::vector<uint8_t> indices;
  int disposal = 0;  // 1 keep, 2 clear, 3 back to what was there before
  int transparent = -1;
  int delay = 5;  // in 10 ms
  bool interlaced = false;
  std::vector<uint8_t> colours{};  // its own table: 2, 4, 8 ... colours of three bytes
  std::string coded{};             // the pixels' codes, where those of make_gif are not to be taken
};

// A GIF that needs no compressor: with 128 colours the codes have eight bits, and a clear code (128) after every
// hundred keeps them so. Colour i is (2 i, 255 - i, i). `background` is the index of the background colour.
inline std::string make_gif(int width, int height, const std::vector<GifFrame> &frames, int background = 0) {
  std::string gif = "GIF89a";
  const auto byte = [&](int value) { gif.push_back(char(value)); };
  const auto word = [&](int value) { byte(value & 255), byte(value >> 8); };
  word(width), word(height), byte(0xF6), byte(background), byte(0);
  for (int i = 0; i < 128; ++i) byte(2 * i), byte(255 - i), byte(i);
  gif += std::string("\x21\xFF\x0BNETSCAPE2.0\x03\x01\0\0\0", 19);
  for (const GifFrame &frame : frames) {
    byte(0x21), byte(0xF9), byte(4), byte(frame.disposal << 2 | (frame.transparent >= 0)), word(frame.delay);
    byte(std::max(0, frame.transparent)), byte(0);
    byte(0x2C), word(frame.left), word(frame.top), word(frame.width), word(frame.height);
    int doublings = 0;
    while (size_t(6 << doublings) < frame.colours.size()) ++doublings;
    byte((frame.colours.empty() ? 0 : 0x80 | doublings) | (frame.interlaced ? 0x40 : 0));
    gif.append(frame.colours.begin(), frame.colours.end());
    std::string codes = frame.coded;
    for (size_t i = 0; frame.coded.empty() && i < frame.indices.size(); ++i) {
      if (i % 100 == 0) codes.push_back(char(128));
      codes.push_back(char(frame.indices[i]));
    }
    if (frame.coded.empty()) codes.push_back(char(129));
    byte(7);
    for (size_t i = 0; i < codes.size(); i += 255) {
      const std::string block = codes.substr(i, 255);
      byte(int(block.size()));
      gif += block;
    }
    byte(0);
  }
  byte(0x3B);
  return gif;
}

inline std::vector<uint8_t> gif_colour(int index) { return {uint8_t(2 * index), uint8_t(255 - index), uint8_t(index)}; }

}  // namespace coopnets
