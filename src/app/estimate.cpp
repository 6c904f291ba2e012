#include "app/estimate.h"

#include <algorithm>
#include <fstream>

#include "app/run_folder.h"
#include "experiments/model.h"

namespace coopnets {

namespace {

constexpr int64_t timed_iterations = 3;
constexpr double most_seconds = 20;  // that they may take together, where one does not take more

// Mean of the first iterations, after those in which memory is taken and a device makes its recordings.
double seconds_an_iteration(const Settings &settings, Backend &backend, Learner &learner,
                            const std::function<Batch(int64_t)> &next, Progress &progress) {
  const int64_t warm_up = std::min<int64_t>(backend.info().gpu ? 3 : 1, settings.iterations - 1);
  const int64_t last = std::min(warm_up + timed_iterations, settings.iterations);
  const double begin = progress.seconds();
  double start = begin, end = begin;
  int64_t timed = 0;
  for (int64_t i = 0; i < last && (timed == 0 || end - begin < most_seconds); ++i) {
    if (i == warm_up) start = progress.seconds();
    learner.iterate(i, rate_factor(settings, i), next(i));
    learner.take_readings();  // waits for the device
    end = progress.seconds();
    timed += i >= warm_up;
  }
  return (end - start) / double(timed);
}

size_t checkpoint_bytes(Learner &learner) {
  size_t bytes = 0;
  for (const auto &[name, view] : learner.state()) bytes += size_t(view.shape.size()) * sizeof(float);
  return bytes;
}

}  // namespace

std::string mebibytes(size_t bytes) { return std::to_string((bytes + (1 << 19)) >> 20) + " MiB"; }

size_t peak_memory(const Backend &backend) {
  if (backend.info().gpu) return backend.peak_bytes();
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (size_t kibibytes = 0; word == "VmHWM:" && status >> kibibytes) return kibibytes << 10;
  return backend.peak_bytes();
}

void dry_run(const Options &options, const Plan &plan, const Settings &settings, Backend &backend, Learner &learner,
             const std::function<Batch(int64_t iteration)> &next, Progress &progress) {
  progress.note(plan.learns);
  progress.note("reads " + plan.reads);
  progress.note("learns " + std::to_string(settings.iterations) + " iterations, each of " +
                std::to_string(learner.batch()) + (learner.batch() == 1 ? " example" : " examples"));
  std::string there;
  if (holds_run(plan.folder))
    there = options.overwrite ? "; the run that is there is replaced"
                              : "; a run is there already: it needs --overwrite, --resume or another --name";
  progress.note("writes " + plan.folder + ": checkpoint.safetensors of " + mebibytes(checkpoint_bytes(learner)) +
                " and the one before it, log.csv, config.txt, report.html" +
                (plan.pictures ? ", and pictures after the iterations 1, 2, 5, 10, 20, 50 ..." : "") + there);
  const double pace = seconds_an_iteration(settings, backend, learner, next, progress);
  progress.note("about " + roughly(pace * double(settings.iterations)) + ", " + mebibytes(peak_memory(backend)) +
                ", by the pace of its first iterations; nothing was written");
}

}  // namespace coopnets
