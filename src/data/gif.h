// Animated GIFs, frame by frame.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "data/image.h"

namespace coopnets {

// Gives the first `frames` frames to `sink`, or all where there are fewer, and returns how many. Each is the canvas
// as browsers show it (GIF89a, with what they made of its open questions):
// - disposal 2 clears a frame's window once it was shown, whatever the background colour; 3 (and 4) brings back what
//   was there before;
// - what was never drawn, or cleared, is transparent, here black; windows are cut at the canvas's edges;
// - a frame lasts as its delay says, and 100 ms where that is 10 ms or less.
// `sink` takes the frame and its milliseconds. Throws std::runtime_error naming the file when it cannot be read, is
// corrupt, too short for the size that it declares, or cut off before the last of these frames.
int64_t read_gif(const std::string &path, int64_t frames, const std::function<void(const Image &, int64_t)> &sink);

}  // namespace coopnets
