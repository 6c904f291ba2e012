// What a run takes, told before and while it begins.
#pragma once
#include <functional>
#include <string>

#include "app/options.h"
#include "app/progress.h"
#include "learning/learner.h"

namespace coopnets {

std::string mebibytes(size_t bytes);  // "90 MiB"

// The most memory so far: of the whole program on a CPU, of the tensors on a GPU.
size_t peak_memory(const Backend &);

// --dry-run: says what a run would read, learn and write, and times its first iterations. Nothing is
// written; the learner is of no more use. Throws as Learner::take_readings().
struct Plan {
  std::string learns, reads, folder;  // who learns what, the data's path, the run's folder
  bool pictures = true;               // whether it saves some
};
void dry_run(const Options &, const Plan &, const Settings &, Backend &, Learner &,
             const std::function<Batch(int64_t iteration)> &next, Progress &);

}  // namespace coopnets
