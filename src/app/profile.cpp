#include "app/profile.h"

#include <algorithm>
#include <limits>
#include <map>

namespace coopnets {

namespace {

constexpr double least_call = 1e-6;  // seconds: of less the clock tells more than the work
constexpr double none = std::numeric_limits<double>::quiet_NaN();

// One step, in all iterations.
class Watch {
 public:
  explicit Watch(Backend &backend) : backend_(backend) {}

  void iterate(const std::function<void()> &step) {
    whole_.push_back(0);
    rest_.push_back(0);
    whole_.back() = seconds_of(backend_, step);
    rest_.back() += whole_.back();
  }

  void observe(const Work &work, const std::function<void()> &run) {
    auto &[all, times] = seen_[work.what + ", " + work.layer];
    times.resize(whole_.size());
    const double seconds = seconds_of(backend_, run);
    times.back() += seconds;
    rest_.back() -= seconds;
    all.calls += 1;
    all.flop += work.flop;
    all.bytes += work.bytes;
  }

  StepProfile result(const std::string &name) const {
    StepProfile step{name, {}, median(rest_), median(whole_)};
    const double n = double(whole_.size());
    for (const auto &[what, seen] : seen_) {
      const auto &[all, times] = seen;
      step.operations.push_back({what, median(times), all.calls / n, all.flop / n, all.bytes / n});
    }
    std::sort(step.operations.begin(), step.operations.end(),
              [](const Operation &a, const Operation &b) { return a.seconds > b.seconds; });
    return step;
  }
  bool empty() const { return seen_.empty(); }

 private:
  Backend &backend_;
  // By name: what all iterations did, and the seconds of each.
  std::map<std::string, std::pair<Operation, std::vector<double>>> seen_;
  std::vector<double> whole_, rest_;
};

double seconds_at(const Peak &peak, const Operation &o) { return std::max(o.flop / peak.flop, o.bytes / peak.bytes); }

// `least`: what it would take at the peak.
Table::Row row_of(const Operation &o, double least, double whole) {
  const bool tells = o.seconds > least_call * o.calls;
  const auto rate = [&](double amount) { return tells && amount > 0 ? amount / o.seconds : none; };
  return {o.name,
          {o.seconds * 1e3, 100 * o.seconds / whole, o.calls, o.flop / 1e9, o.bytes / 1e6, rate(o.flop / 1e9),
           rate(o.bytes / 1e9), rate(100 * least)}};
}

}  // namespace

std::vector<StepProfile> profile(Backend &backend, Cooperative &learner, int64_t iterations) {
  static const char *const names[] = {"G0", "D1", "G1", "D2", "G2", "R", "take", "keep"};
  const std::vector<Cooperative::Step> &steps = learner.steps();
  std::vector<Watch> watches(steps.size(), Watch(backend));
  Watch *now = nullptr;
  learner.watch([&](const Work &work, const std::function<void()> &run) { now->observe(work, run); });
  for (int64_t i = 0; i < iterations; ++i)
    for (size_t k = 0; k < steps.size(); ++k) {
      now = &watches[k];
      now->iterate([&] { learner.run(steps[k]); });
    }
  learner.watch({});
  std::vector<StepProfile> all;
  for (size_t k = 0; k < steps.size(); ++k)
    if (!watches[k].empty()) all.push_back(watches[k].result(names[steps[k]]));
  return all;
}

Table table_of(const StepProfile &step, const Peak &peak) {
  Table table{step.name, {"ms", "% of step", "calls", "GFLOP", "MB", "GFLOP/s", "GB/s", "% of peak"}, {}, {}};
  Operation all{"in all", step.seconds};
  double least = 0;
  for (const Operation &o : step.operations) {
    table.rows.push_back(row_of(o, seconds_at(peak, o), step.seconds));
    all.calls += o.calls;
    all.flop += o.flop;
    all.bytes += o.bytes;
    least += seconds_at(peak, o);
  }
  table.rows.push_back({"the rest: noise, seeds, copies, readings",
                        {step.rest * 1e3, 100 * step.rest / step.seconds, none, none, none, none, none, none}});
  table.rows.push_back(row_of(all, least, step.seconds));
  return table;
}

Table table_of(const std::vector<Peak> &peaks) {
  Table table{"Measured peak", {"GFLOP/s", "GB/s"}, {}, {}};
  for (const Peak &peak : peaks) table.rows.push_back({peak.of, {peak.flop / 1e9, peak.bytes / 1e9}});
  return table;
}

}  // namespace coopnets
