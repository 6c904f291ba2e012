// What was measured in the last iterations, kept on the device until somebody asks for it.
#pragma once
#include <algorithm>

#include "learning/learner.h"

namespace coopnets {

class KeptReadings : public Readings {
 public:
  KeptReadings(Backend &backend, int count) : Readings(backend, count, Learner::kept_readings) {}

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
    return {iterations_[moment], kept(moment)};
  }
  // Of those kept since the last call, the last Learner::kept_readings at most; waits for the device.
  std::vector<Moment> take() {
    std::vector<Moment> all;
    for (taken_ = std::max(taken_, kept_ - Learner::kept_readings); taken_ < kept_; ++taken_) {
      const int64_t moment = taken_ % Learner::kept_readings;
      all.push_back({iterations_[moment], kept(int(moment))});
    }
    return all;
  }

 private:
  int64_t iterations_[Learner::kept_readings] = {};
  int64_t kept_ = 0, taken_ = 0;
};

}  // namespace coopnets
