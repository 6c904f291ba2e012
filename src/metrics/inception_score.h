// Inception score (Salimans et al.: Improved techniques for training GANs, 2016).
#pragma once
#include "metrics/samples.h"

namespace coopnets {

struct MeanAndDeviation {
  double mean, deviation;  // deviation: of the population
};

// exp(mean_i KL(p(y|x_i) || mean_j p(y|x_j))) of each of `splits` contiguous parts, p the softmax of the logits [N,
// classes] (logarithms of probabilities are logits, too); then mean and deviation over the parts. Between 1 and the
// number of classes. Biased: compare equal N and splits only. Throws std::invalid_argument when a split would be empty.
MeanAndDeviation inception_score(const Samples &logits, int64_t splits = 10);

// The mean over samples of one class's softmax probability, and the part of the samples for which that class is not
// among the `top` most probable (Figure 3 of the paper: average softmax probability and top-5 error); not a number where
// there are no more than `top` classes.
struct CategoryScore {
  double probability, top_error;
};
CategoryScore category_score(const Samples &logits, int64_t category, int64_t top = 5);

MeanAndDeviation mean_and_deviation(const std::vector<double> &values);

}  // namespace coopnets
