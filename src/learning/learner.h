// What the training loop needs of whoever learns, whatever it learns by.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace coopnets {

// Learning has failed; the sentence says how and what to try.
struct LearningFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// "WHAT is no longer a finite number", and what to try.
LearningFailed no_longer_finite(const std::string &what);

// Observed examples of one iteration: [count, ...] in [-1, 1], which of the training set they are, and their categories.
struct Batch {
  std::vector<real> examples;
  std::vector<int64_t> indices, labels;
};

// What is measured: "energy_observed" in the log. Columns that begin with the same word are shown together; those whose
// `symbol` is "" are left out first where a terminal is narrow.
struct Column {
  std::string name, symbol;
};

// What was measured in an iteration, counted from 1.
struct Reading {
  int64_t iteration = 0;
  std::vector<double> values;  // one for each of Learner::columns(); NaN where there is none
  std::string warning;         // what looks unhealthy, "" if nothing new does
};

// With several ranks (Backend::ranks) each has its learner, of the same nets and settings: iterate(), take_readings() and
// samples() are for all of them at once, and tell of all.
class Learner {
 public:
  virtual ~Learner() = default;
  virtual int64_t batch() const = 0;  // observed examples of an iteration, of all ranks
  virtual std::vector<Column> columns() const = 0;

  // One learning iteration, counted from 0; `rate` multiplies the learning rates (the schedule). It may return before
  // a device is done.
  virtual void iterate(int64_t iteration, double rate, const Batch &) = 0;
  // Of the iterations since the last call, in their order, the last `kept_readings` at most; waits for the device.
  // Throws LearningFailed at the first value that is not finite.
  virtual std::vector<Reading> take_readings() = 0;
  static constexpr int kept_readings = 64;

  // Everything that the next iteration depends on, by name: parameters, statistics, moments, chains.
  virtual NamedViews state() = 0;
  // Memory of activations and gradients, and what it would be without reuse; 0 where it is not known.
  virtual size_t planned_bytes() const { return 0; }
  virtual size_t unplanned_bytes() const { return 0; }
  // What the last iteration made, by the name of its file: "generator", "descriptor".
  virtual std::vector<std::pair<std::string, ConstView>> samples() const { return {}; }
  // The logarithms of the densities that it models, each but for a constant, at examples [count, ...], by the name of
  // the picture that shows them, of small letters, digits and hyphens: "energy".
  using LogDensities = std::vector<std::pair<std::string, std::vector<double>>>;
  virtual LogDensities log_densities(const std::vector<real> & /*examples*/) { return {}; }
};

}  // namespace coopnets
