// Watches learning: stops it at the first non-finite value, and says when it no longer learns.
#pragma once
#include "learning/monitor.h"

namespace coopnets {

class Health {
 public:
  // Throws LearningFailed at the first value that is not finite. Returns a warning, or "" where there is nothing new to
  // say: a layer whose responses are all zero (dead units), samples or residuals far outside the range of the data,
  // energies that no longer change.
  std::string check(const Monitor &);

 private:
  std::string dead(const std::string &net, const std::vector<double> &maxima, const std::string &rate);
  std::string diverged(const Monitor &);
  std::string frozen(const Monitor &);
  double last_observed_ = 0, last_revised_ = 0;
  int64_t unchanged_ = 0;
  bool warned_dead_ = false, warned_far_ = false, warned_frozen_ = false;
};

}  // namespace coopnets
