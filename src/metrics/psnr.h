// Peak signal-to-noise ratio.
#pragma once
#include "metrics/frames.h"

namespace coopnets {

// 10 log10(peak^2 / MSE), in dB. Pictures are kept in bytes, and rounding to a byte errs uniformly by up to half a step:
// by a mean square of peak^2 / (12 * 255^2). A smaller error is taken as that one, so that equal pictures have
// highest_psnr, 58.92 dB, and not infinity, which would be the mean over any set that holds them.
extern const double highest_psnr;
double psnr_of_error(double mean_squared_error, double peak = 1);

// Of each frame, all channels of a frame in one MSE. Throws std::invalid_argument when the sizes differ.
std::vector<double> psnr_of_frames(const Frames &truth, const Frames &other, double peak = 1);

// The mean of the frames' PSNRs (not the PSNR of the mean MSE, which is lower).
double psnr(const Frames &truth, const Frames &other, double peak = 1);

}  // namespace coopnets
