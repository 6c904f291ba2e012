// Where the time of a learning iteration goes: by step, layer and operation.
#pragma once
#include "app/peak.h"
#include "app/report.h"
#include "learning/cooperative.h"

namespace coopnets {

// What one layer does in one step of an iteration: all of its calls together.
struct Operation {
  std::string name;                                    // "conv, gradient of input, descriptor 2: conv 4x4 -> 7x7 x 128"
  double seconds = 0, calls = 0, flop = 0, bytes = 0;  // of an iteration; seconds: the median
};

struct StepProfile {
  std::string name;                   // "D1"
  std::vector<Operation> operations;  // the longest first
  double rest = 0, seconds = 0;       // what is done beside them, and the whole step: medians
};

// Runs the learner's steps `iterations` times, after an iteration, and gives those that compute
// with a net. Each operation waits for the device, which in an iteration none does: on a GPU the steps
// take longer here.
std::vector<StepProfile> profile(Backend &, Cooperative &, int64_t iterations);

// Milliseconds, counts and rates of each operation, and of all. Its share of the peak is the least time
// that its multiply-adds or its bytes take there, whichever is more, over the time that it took. What
// took less than a microsecond a call has no rate.
Table table_of(const StepProfile &, const Peak &);
Table table_of(const std::vector<Peak> &);

}  // namespace coopnets
