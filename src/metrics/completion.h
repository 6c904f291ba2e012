// Masks of pattern completion, and how well the hidden part was recovered.
#pragma once
#include "metrics/frames.h"

namespace coopnets {

struct Mask {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> hidden;  // [height, width], 1 where hidden, 0 where visible
  bool operator()(int64_t i, int64_t j) const { return hidden[i * width + j] != 0; }
};

// Throws std::invalid_argument unless the mask has the size of the pictures.
void require_mask(const Mask &mask, const Frames &pictures);

// M30, M40, M50 of the paper: one hidden square of the given side, wholly inside, its place uniform among all; a
// function of the seed and the picture's number. Throws std::invalid_argument when the square does not fit.
Mask square_mask(int64_t height, int64_t width, int64_t side, uint64_t seed, uint64_t picture);

// Over hidden pixels alone, all channels, values clipped to [0, 1] first.
struct CompletionScore {
  double error;  // mean |recovered - truth|
  double psnr;   // psnr_of_error(), dB
};
// Of frame t under `mask`. Throws std::invalid_argument when sizes differ or nothing is hidden.
CompletionScore completion_score(const Frames &truth, const Frames &recovered, int64_t t, const Mask &mask);

}  // namespace coopnets
