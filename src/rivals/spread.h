// Whether what a rival makes varies as what it is shown does.
#pragma once
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace coopnets {

// The deviation of each example from the one after it in the batch, of what is made over that of what is observed.
class Spread {
 public:
  static constexpr int slots = 4;

  // `patience`: iterations in which all may be alike before that is said; `who` has collapsed then, `hint` what to try.
  Spread(int64_t patience, std::string who, std::string hint)
      : patience_(patience), who_(std::move(who)), hint_(std::move(hint)) {}

  // Into the first slots of the readings, of each pair of neighbours; those of two on different ranks are apart.
  void measure(Backend &backend, ConstView observed, ConstView made, Readings &to) {
    const ConstView both[] = {observed, made};
    const int rank = backend.ranks().rank(), ranks = backend.ranks().count();
    for (int i = 0; i < 2; ++i) {
      const ConstView x = both[i];
      const int64_t n = x.shape.n;
      if (n > 1) backend.sum_squared_difference(x.examples(0, n - 1), x.examples(1, n - 1), to, i);
      if (ranks == 1) continue;
      const ConstView first = whole_batch(backend, x.examples(0, 1), ranks, first_);
      if (rank + 1 < ranks)
        backend.sum_squared_difference(x.examples(n - 1, 1), first.examples(rank + 1, 1), to, 2 + i);
    }
  }
  static double share(const std::vector<double> &slots) {
    const double observed = slots[0] + slots[2], made = slots[1] + slots[3];
    return observed > 0 ? std::sqrt(made / observed) : std::numeric_limits<double>::quiet_NaN();
  }

  // To be told of each iteration's share. A sentence once, when all have been alike for long; else "".
  std::string alike(double share) {
    alike_ = share < least ? alike_ + 1 : 0;
    if (alike_ < patience_ || told_) return "";
    told_ = true;
    return "all samples have been alike for " + std::to_string(patience_) + " iterations: " + who_ +
           " has collapsed. Try " + hint_;
  }
  static constexpr double least = 0.02;  // share below which all are alike

 private:
  int64_t patience_, alike_ = 0;
  std::string who_, hint_;
  bool told_ = false;
  Tensor first_;  // example of each rank
};

}  // namespace coopnets
