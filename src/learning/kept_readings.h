// What was measured in the last iterations, kept on the device until somebody asks for it: of all ranks together.
#pragma once
#include <algorithm>

#include "learning/learner.h"

namespace coopnets {

class KeptReadings : public Readings {
 public:
  // Slots are sums over a rank's examples, those from number `maxima` on maxima, or alike on all ranks and none less than
  // 0. What a rank does not write is 0.
  KeptReadings(Backend &backend, int count, int maxima)
      : Readings(backend, count, Learner::kept_readings), backend_(backend), maxima_(maxima) {}

  // What the slots hold now, as that of an iteration counted from 1; without waiting.
  void keep(int64_t iteration) {
    const int64_t moment = kept_++ % Learner::kept_readings;
    iterations_[moment] = iteration;
    Readings::keep(int(moment));
  }

  struct Moment {
    int64_t iteration;
    std::vector<double> slots;
  };
  Moment last() const {  // of those kept, which there must be; waits for the device
    const int moment = int((kept_ - 1) % Learner::kept_readings);
    return {iterations_[moment], of_all_ranks(kept(moment))};
  }
  // Of those kept since the last call, the last Learner::kept_readings at most; waits for the device.
  std::vector<Moment> take() {
    std::vector<Moment> all;
    for (taken_ = std::max(taken_, kept_ - Learner::kept_readings); taken_ < kept_; ++taken_) {
      const int64_t moment = taken_ % Learner::kept_readings;
      all.push_back({iterations_[moment], of_all_ranks(kept(int(moment)))});
    }
    return all;
  }

 private:
  std::vector<double> of_all_ranks(const std::vector<double> &own) const {
    const std::vector<double> all = backend_.ranks().gather(own);
    std::vector<double> slots(all.begin(), all.begin() + count());
    for (size_t i = slots.size(); i < all.size(); ++i) {
      double &slot = slots[i % slots.size()];
      if (int(i % slots.size()) < maxima_)
        slot += all[i];
      else if (all[i] > slot || all[i] != all[i])  // NaN once any is
        slot = all[i];
    }
    return slots;
  }
  Backend &backend_;
  int maxima_;
  int64_t iterations_[Learner::kept_readings] = {};
  int64_t kept_ = 0, taken_ = 0;
};

}  // namespace coopnets
