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
  static constexpr int slots = 2;

  // `patience`: iterations in which all may be alike before that is said; `who` has collapsed then, `hint` what to try.
  Spread(int64_t patience, std::string who, std::string hint)
      : patience_(patience), who_(std::move(who)), hint_(std::move(hint)) {}

  // Into the first slots of the readings; nothing where there is but one example.
  static void measure(Backend &backend, ConstView observed, ConstView made, Readings &to) {
    const int64_t n = observed.shape.n;
    if (n < 2) return;
    backend.sum_squared_difference(observed.examples(0, n - 1), observed.examples(1, n - 1), to, 0);
    backend.sum_squared_difference(made.examples(0, n - 1), made.examples(1, n - 1), to, 1);
  }
  static double share(const std::vector<double> &slots) {
    return slots[0] > 0 ? std::sqrt(slots[1] / slots[0]) : std::numeric_limits<double>::quiet_NaN();
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
};

}  // namespace coopnets
