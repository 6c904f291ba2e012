// PSNR of clips of one process that may be in different phases: how near they come when one is shifted in time.
#pragma once
#include "metrics/frames.h"

namespace coopnets {

// The mean PSNR of made frame t against frame t + shift of the clip, over the frames that both have. Throws
// std::invalid_argument when sizes differ or no frames overlap.
double shifted_psnr(const Frames &clip, const Frames &made, int64_t shift);

struct Shifted {
  int64_t shift;
  double psnr;
};
// max over |shift| <= T/2, so that half of the T frames overlap at least, of shifted_psnr: what a synthesis is worth
// whatever its phase. Of equals the shift by the fewest frames.
Shifted best_shift(const Frames &clip, const Frames &made);

// max over T/4 <= shift <= T/2 of shifted_psnr(clip, clip, shift): how far the process agrees with itself at another
// time, a quarter of the clip away at least. Two syntheses that are independent agree no better. NaN of a single frame.
Shifted best_shift_of_itself(const Frames &clip);

// The mean over all pairs of psnr(a, b), frame t against frame t. NaN of a single clip.
double mean_pairwise_psnr(const std::vector<Frames> &clips);

}  // namespace coopnets
