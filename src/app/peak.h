// How long work takes, and what a machine does at best: what the speed of a net's operations is
// compared with.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tensor/backend.h"

namespace coopnets {

// From when the device has nothing else to do to when it has done this.
double seconds_of(Backend &, const std::function<void()> &run);
double median(std::vector<double>);  // of one or more

struct Peak {
  std::string of;  // "2 threads", or the device's name
  // A second, measured: multiply-adds x 2, and what a large copy reads and writes.
  double flop = 0, bytes = 0;
};

// Of a CPU on one thread, on all that there are and, last, on as many as loops have (thread_count):
// multiply-adds in registers. Of a GPU: those of a large product at the backend's precision.
std::vector<Peak> measure_peaks(Backend &);

}  // namespace coopnets
