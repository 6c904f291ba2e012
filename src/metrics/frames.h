// Pictures as the metrics and the rival systems see them: a clip, a single picture (count 1), or a set of them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace coopnets {

// pixels [count, height, width, channels], on the unit range [0, 1] unless said otherwise.
struct Frames {
  int64_t count = 0, height = 0, width = 0, channels = 0;
  std::vector<double> pixels;

  Frames() = default;
  Frames(int64_t count, int64_t height, int64_t width, int64_t channels);  // zeros
  Frames(int64_t count, int64_t height, int64_t width, int64_t channels,
         std::vector<double> pixels);  // throws if the sizes differ

  int64_t frame_size() const { return height * width * channels; }
  double *frame(int64_t t) { return pixels.data() + t * frame_size(); }
  const double *frame(int64_t t) const { return pixels.data() + t * frame_size(); }
  std::string size_text() const;  // "64 x 128 x 128 x 3"
};

// Throws std::invalid_argument when the two differ in size or hold nothing.
void require_same_size(const Frames &a, const Frames &b);

// Every value brought into [0, 1], as it is before any comparison. NaN stays.
Frames clipped(Frames frames);

}  // namespace coopnets
