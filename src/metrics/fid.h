// Distances between two sets of features: Frechet distance (FID) and kernel distance (KID).
#pragma once
#include "metrics/inception_score.h"
#include "metrics/samples.h"

namespace coopnets {

struct Gaussian {
  std::vector<double> mean;
  Matrix covariance;
};

// Mean and covariance (divided by N - 1) in double. Throws std::invalid_argument for fewer than two samples.
Gaussian fit_gaussian(const Samples &features);

// |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Heusel et al.: GANs trained by a two time-scale update rule, 2017),
// exact for singular covariances too: with S1 = L L^T the trace of the root is the sum of the roots of the eigenvalues
// of L^T S2 L. FID is biased and falls with N: compare equal N only, 10,000 or more of each for 2048 features.
double frechet_distance(const Gaussian &a, const Gaussian &b);

// Kernel inception distance (Binkowski et al.: Demystifying MMD GANs, 2018): the unbiased estimate of MMD^2 for the
// kernel (x.y / d + 1)^3, mean and deviation over random subsets drawn without replacement. It may be a little below
// zero. Throws std::invalid_argument when a set is smaller than a subset, or a subset than 2.
MeanAndDeviation kernel_distance(const Samples &a, const Samples &b, int64_t subsets = 100, int64_t subset_size = 1000,
                                 uint64_t seed = 0);

}  // namespace coopnets
