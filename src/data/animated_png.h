// Animated PNGs, frame by frame.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "data/image.h"

namespace coopnets {

// Whether a file is a PNG that declares an animation (chunk acTL ahead of the pixels) of two frames or more: another is
// a picture, whatever its name. False where it cannot be read.
bool is_animated_png(const std::string &path);

// Gives the first `frames` frames to `sink`, or all where there are fewer, and returns how many. Each is the canvas as
// browsers show it (chunks fcTL and fdAT: https://wiki.mozilla.org/APNG_Specification), transparent parts on black;
// the picture that other programs show is a frame only where a fcTL stands ahead of it. `sink` takes the frame and the
// milliseconds that it is shown, 100 where the file says 10 or less. Throws std::runtime_error naming the file when
// it cannot be read, is corrupt, too large, or cut off before the last of these frames.
int64_t read_animated_png(const std::string &path, int64_t frames,
                          const std::function<void(const Image &, int64_t)> &sink);

}  // namespace coopnets
