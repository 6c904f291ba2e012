// How much of one set lies in the manifold of another, the manifold being a union of balls around its points: ball i
// reaches to the k-th nearest other point of its set.
#pragma once
#include "metrics/samples.h"

namespace coopnets {

// Kynkaanniemi et al.: Improved precision and recall metric for assessing generative models, 2019 (k = 3, <=).
struct PrecisionRecall {
  double precision;  // part of the generated points inside the real manifold: quality
  double recall;     // part of the real points inside the generated manifold: variety
};
PrecisionRecall precision_recall(const Samples &real, const Samples &generated, int64_t k = 3);

// Naeem et al.: Reliable fidelity and diversity metrics for generative models, 2020 (k = 5, <).
struct DensityCoverage {
  double
      density;  // mean over generated points of the number of real balls around them, over k; 1 for equal distributions
  double coverage;  // part of the real balls with a generated point inside
};
DensityCoverage density_coverage(const Samples &real, const Samples &generated, int64_t k = 5);

// Both depend on N and k: compare equal ones. They throw std::invalid_argument unless each set has more than k points.

}  // namespace coopnets
