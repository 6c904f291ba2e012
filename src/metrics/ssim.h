// Structural similarity (Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, IEEE TIP 2004).
#pragma once
#include "metrics/frames.h"

namespace coopnets {

enum class SsimColour {
  grey,          // first Y = 0.299 R + 0.587 G + 0.114 B (Rec. 601); the mean of the channels when there are not three
  channel_mean,  // SSIM of each channel, then their mean
};

// Mean of SSIM = (2 m_x m_y + C1)(2 s_xy + C2) / ((m_x^2 + m_y^2 + C1)(s_x^2 + s_y^2 + C2)) over the positions whose
// 11 x 11 Gaussian window (standard deviation 1.5, weights of sum 1, population covariance) lies inside the picture;
// C1 = (0.01 peak)^2, C2 = (0.03 peak)^2. In [-1, 1]; 1 for equal pictures. (scikit-image's default differs: to match
// it, ask it for gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=peak.) Throws
// std::invalid_argument when the sizes differ or a picture is smaller than the window.
std::vector<double> ssim_of_frames(const Frames &a, const Frames &b, SsimColour colour = SsimColour::grey,
                                   double peak = 1);
double ssim(const Frames &a, const Frames &b, SsimColour colour = SsimColour::grey,
            double peak = 1);  // mean over frames

// Average over all pairs of frames: how alike the pictures of one set are (1: all the same).
double mean_pairwise_ssim(const Frames &frames, SsimColour colour = SsimColour::grey, double peak = 1);

}  // namespace coopnets
