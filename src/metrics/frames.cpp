#include "metrics/frames.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

Frames::Frames(int64_t n, int64_t h, int64_t w, int64_t c)
    : count(n), height(h), width(w), channels(c), pixels(size_t(n * h * w * c)) {}

Frames::Frames(int64_t n, int64_t h, int64_t w, int64_t c, std::vector<double> p)
    : count(n), height(h), width(w), channels(c), pixels(std::move(p)) {
  if (int64_t(pixels.size()) != n * h * w * c)
    throw std::invalid_argument("frames of " + size_text() + " were given " + std::to_string(pixels.size()) +
                                " pixels");
}

std::string Frames::size_text() const {
  return std::to_string(count) + " x " + std::to_string(height) + " x " + std::to_string(width) + " x " +
         std::to_string(channels);
}

void require_same_size(const Frames &a, const Frames &b) {
  if (a.count != b.count || a.height != b.height || a.width != b.width || a.channels != b.channels)
    throw std::invalid_argument("frames of " + a.size_text() + " cannot be compared with frames of " + b.size_text());
  if (a.pixels.empty()) throw std::invalid_argument("there are no frames to compare");
}

Frames clipped(Frames frames) {
  for (double &p : frames.pixels) p = p < 0 ? 0 : p > 1 ? 1 : p;
  return frames;
}

}  // namespace coopnets
