// Parzen-window log-likelihood, the yardstick of Table 2 (Breuleux, Bengio, Vincent 2011; Goodfellow et al. 2014).
#pragma once
#include <functional>

#include "metrics/samples.h"

namespace coopnets {

// log p(x_i) in nats for each point, p the mean of Gaussians N(sample_j, sigma^2 I):
//   log p(x) = log((1/M) sum_j exp(-|x - s_j|^2 / (2 sigma^2))) - D log(sigma sqrt(2 pi)).
// Row k of the result belongs to sigmas[k]: [sigmas, points]. One pass over the distances serves all sigmas. `watch` is
// told how many points are done.
Matrix parzen_log_likelihoods(const Samples &samples, const Samples &points, const std::vector<double> &sigmas,
                              const std::function<void(int64_t points)> &watch = {});

// The ten bandwidths of the published protocol: 10^-1 ... 10^0, equally spaced in the exponent.
std::vector<double> parzen_bandwidths();

struct ParzenScore {
  double sigma;           // best mean over the validation points
  double mean;            // over the test points, nats
  double standard_error;  // standard deviation / sqrt(number of test points)
};
// sigma is chosen on `validation`; `test` is evaluated once. The published protocol: 10,000 samples, the first 1,000 of
// the 10,000 last training images for validation, all test images. Clean use: neither set was trained on.
// Pixels in [0, 1]. `watch` is told how many points of both are done.
ParzenScore parzen_score(const Samples &samples, const Samples &validation, const Samples &test,
                         const std::function<void(int64_t points)> &watch = {});

// How synthesised pixels come from the nets' [-1, 1] to the [0, 1] of the data.
enum class ParzenRange {
  clean,    // (x + 1) / 2, clipped
  authors,  // as in the authors' code: clipped to [-1, 1], then the smallest value of the set becomes 0 and the largest
            // 1
};
Samples parzen_samples(Samples samples, ParzenRange range);

}  // namespace coopnets
