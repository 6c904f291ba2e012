// Peak signal-to-noise ratio.
#pragma once
#include "metrics/frames.h"

namespace coopnets {

// 10 log10(peak^2 / MSE) of each frame, in dB, all channels of a frame in one MSE; infinite for equal frames.
// Throws std::invalid_argument when the sizes differ.
std::vector<double> psnr_of_frames(const Frames &truth, const Frames &other, double peak = 1);

// The mean of the frames' PSNRs (not the PSNR of the mean MSE, which is lower).
double psnr(const Frames &truth, const Frames &other, double peak = 1);

}  // namespace coopnets
