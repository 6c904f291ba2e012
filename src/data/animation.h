// Clips for looking at: animated PNG, strips of frames, mp4, several clips side by side.
#pragma once
#include <string>
#include <vector>

#include "data/video.h"

namespace coopnets {

// An animated PNG that loops for ever, each frame shown for `milliseconds` (1 to 65535); programs that know plain PNG
// alone show the first frame. Chunks acTL, fcTL, fdAT: https://wiki.mozilla.org/APNG_Specification. Throws
// std::invalid_argument for a clip without frames or of frames that differ in shape.
std::vector<uint8_t> encode_apng(const Clip &, int milliseconds = 100);

// Several clips of equal length and frame shape as one: frame t is the grid of their frames t, `columns` wide (0: all
// in one row). Throws std::invalid_argument when they differ.
Clip side_by_side(const std::vector<Clip> &, int64_t columns = 0, int64_t gap = 2);

// Every `every`-th frame from the first on, one row a clip: to be saved as a picture. The same conditions.
Image strip(const std::vector<Clip> &, int64_t every = 1, int64_t gap = 2);

// Whether save_mp4 can be tried: the program ffmpeg is on PATH.
bool can_save_mp4();
// Through ffmpeg as a child process; odd sizes get a black row or column, as H.264 asks. Atomic: ffmpeg writes to
// PATH.ffmpeg, which is removed. Throws std::runtime_error naming the file when ffmpeg is missing or fails (its last
// error line) or the file cannot be written; std::invalid_argument as encode_apng().
void save_mp4(const std::string &path, const Clip &, int milliseconds = 100);

}  // namespace coopnets
