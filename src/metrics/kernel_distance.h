// How far apart two sets of points of the plane are.
#pragma once
#include "metrics/samples.h"

namespace coopnets {

// The maximum mean discrepancy (Gretton, Borgwardt, Rasch, Schoelkopf, Smola 2012) of two sets of points,
//   MMD^2 = mean k(x, x') + mean k(y, y') - 2 mean k(x, y) over all pairs,
// with k(x, y) the mean of exp(-|x - y|^2 / (2 h^2)) for h = 0.05, 0.1 and 0.2: the wide kernels see mass in the wrong
// place, the narrow ones blur, and all of them a collapse. 0 for equal sets. Throws std::invalid_argument unless both
// have two points or more of one dimension.
class KernelDistance {
 public:
  explicit KernelDistance(Samples observed);  // y

  double to(const Samples &made) const;
  // The same, divided by the root of its mean square between sets of these sizes that are both drawn from what `observed`
  // was drawn from, (1/n + 1/m)(1 - mean k(y, y') over different points): 1 is as far as real points are, however many.
  double ratio(const Samples &made) const;

 private:
  double squared(const Samples &made) const;
  Samples observed_;
  double among_observed_;  // mean k(y, y') over all pairs
};

}  // namespace coopnets
