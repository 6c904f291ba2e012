// Learning by several ranks: rank 0 runs the program, writes and decides; the others do with their learners what it
// does with its own.
#pragma once
#include <functional>
#include <string>

#include "learning/learner.h"

namespace coopnets {

// Throws std::runtime_error on rank 0, which ends the others, where another rank's version, processor, settings or data
// are not its own; the texts are what stands for them.
struct Alike {
  std::string version, processor, settings, data;
};
void require_alike(Ranks &, const Alike &own);
// Of this program and this backend's processor.
Alike alike_here(const Backend &, const std::string &settings, const std::string &data);

// Rank 0's learner, for the backend's ranks. Before its first iteration the others get its state, which may be a
// checkpoint's. When it goes, they end.
class Leader final : public Learner {
 public:
  Leader(Backend &backend, Learner &own) : backend_(backend), own_(own) {}
  ~Leader() override;

  int64_t batch() const override { return own_.batch(); }
  std::vector<Column> columns() const override { return own_.columns(); }
  void iterate(int64_t iteration, double rate, const Batch &) override;
  std::vector<Reading> take_readings() override;
  NamedViews state() override { return own_.state(); }
  size_t planned_bytes() const override { return own_.planned_bytes(); }
  size_t unplanned_bytes() const override { return own_.unplanned_bytes(); }
  std::vector<std::pair<std::string, ConstView>> samples() const override;
  LogDensities log_densities(const std::vector<real> &examples) override;

 private:
  Backend &backend_;
  Learner &own_;
  bool state_is_shared_ = false;
};

// What another rank does until rank 0's Leader goes. `next` gives the batch of an iteration.
void follow(Backend &, Learner &own, const std::function<Batch(int64_t iteration)> &next);

}  // namespace coopnets
