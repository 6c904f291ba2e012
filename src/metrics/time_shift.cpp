#include "metrics/time_shift.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "metrics/psnr.h"

namespace coopnets {

namespace {

// The best shift by `least` to `most` frames, later and, where `earlier`, earlier; of equals (within rounding) the least.
Shifted best_of(const Frames &clip, const Frames &made, int64_t least, int64_t most, bool earlier) {
  Shifted best{0, NAN};
  for (int64_t distance = least; distance <= most; ++distance)
    for (const int64_t shift : {distance, -distance}) {
      if (shift < 0 && !earlier) continue;
      const double psnr = shifted_psnr(clip, made, shift);
      if (std::isnan(best.psnr) || psnr > best.psnr + 1e-9) best = {shift, psnr};
    }
  return best;
}

}  // namespace

double shifted_psnr(const Frames &clip, const Frames &made, int64_t shift) {
  require_same_size(clip, made);
  const int64_t first = std::max<int64_t>(0, -shift), last = clip.count - std::max<int64_t>(0, shift);
  if (first >= last)
    throw std::invalid_argument("clips of " + std::to_string(clip.count) + " frames do not overlap when shifted by " +
                                std::to_string(shift));
  double sum = 0;
  for (int64_t t = first; t < last; ++t) {
    double squares = 0;
    const double *a = clip.frame(t + shift), *b = made.frame(t);
    for (int64_t i = 0; i < clip.frame_size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
    sum += psnr_of_error(squares / double(clip.frame_size()));
  }
  return sum / double(last - first);
}

Shifted best_shift(const Frames &clip, const Frames &made) { return best_of(clip, made, 0, clip.count / 2, true); }

Shifted best_shift_of_itself(const Frames &clip) {
  return best_of(clip, clip, (clip.count + 3) / 4, clip.count / 2, false);
}

double mean_pairwise_psnr(const std::vector<Frames> &clips) {
  double sum = 0;
  int64_t pairs = 0;
  for (size_t i = 0; i < clips.size(); ++i)
    for (size_t j = i + 1; j < clips.size(); ++j, ++pairs) sum += psnr(clips[i], clips[j]);
  return sum / double(pairs);
}

}  // namespace coopnets
