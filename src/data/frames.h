// What the readers of animated GIFs and PNGs share: how browsers time frames, and what canvas a file may declare.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>

#include "data/image.h"

namespace coopnets {

// A frame of 10 ms or less is shown for 100.
inline int64_t shown_for(int64_t milliseconds) { return milliseconds > 10 ? milliseconds : 100; }

// Throws std::runtime_error naming the file where its canvas is larger than pictures may be, or larger than what
// `bytes` can hold at `pixels_of_a_byte` at most. Both sides are positive.
inline void check_canvas(const std::string &path, int64_t width, int64_t height, size_t bytes,
                         int64_t pixels_of_a_byte) {
  const std::string pixels = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (height > max_pixels / width) throw std::runtime_error(path + " is too large: " + pixels + " are more than 2^28");
  if (height * width / pixels_of_a_byte > int64_t(bytes))
    throw std::runtime_error(path + " is too short for the size that it declares, " + pixels);
}

[[noreturn]] inline void cut_off(const std::string &path, int64_t whole_frames) {
  throw std::runtime_error(path + " is cut off: it ends after " + std::to_string(whole_frames) + " whole frame" +
                           (whole_frames == 1 ? "" : "s"));
}

}  // namespace coopnets
