// What cooperative learning shows of itself, measured on the device and fetched now and then.
#pragma once
#include <optional>

#include "learning/kept_readings.h"
#include "learning/metropolis.h"

namespace coopnets {

// What an iteration looked like. Energies are means of f over examples. Without a descriptor there are no energies,
// without a generator no reconstruction: they are NaN then.
struct Monitor {
  int64_t iteration;  // from 1
  bool has_descriptor, has_generator;
  double energy_observed, energy_initial, energy_revised;
  double gradient;        // mean |df/dx| in the last Langevin step
  double reconstruction;  // root mean square of x - g(z)
  double amplitude;       // mean |x| of the revised samples; the data are in [-1, 1]
  double acceptance;      // of a Metropolis test of the last Langevin step but one that draws noise; NaN without noise
  double drift;           // of the revision x - g(z)
  // Largest |response| of each descriptor layer to observed and revised examples, of each generator layer to the
  // latents.
  std::vector<double> layer_maximum, generator_layer_maximum;
  // That of the observed examples, where the generator learns from them.
  std::optional<double> data_reconstruction = {};
};

// Step D1 where it draws noise: its step, how many of its first steps draw any, and all; in so many iterations, the
// first, or where that is -1 in each.
struct NoisySteps {
  LangevinStep step;
  int64_t count = 0, all = 0, iterations = -1;
};

// The share of a squared revision |x' - x|^2 of so many elements that is more than its noise alone would make: what a
// step draws shrinks by 1 - d^2 / (2 s^2) in each later one.
double drift(const NoisySteps &, double squared_revision, double elements);

class Monitoring {
 public:
  // `descriptor` and `generator` are null where there is none; `batch` observed examples and `chains` revised ones on all
  // ranks together, of which `own` are this rank's. `of_data`: there is also a residual of the data.
  Monitoring(Backend &, const Pass *descriptor, const Pass *generator, int64_t batch, int64_t chains, ConstView own,
             const NoisySteps &, bool of_data);
  // As the log has them, and one row of it.
  std::vector<Column> columns() const;
  std::vector<double> row(const Monitor &) const;

  // Recorded with the steps of an iteration.
  enum Energy { observed, initial, revised };
  void energy(Energy, const Pass &f, int64_t first, int64_t count);  // of these examples of its own
  void gradient(ConstView df_dx) { backend_.sum_absolute(df_dx, readings_, gradient_); }
  void amplitude(ConstView x) { backend_.sum_absolute(x, readings_, amplitude_); }
  // Before step k of D1, df/dx known.
  void langevin(const Pass &f, int64_t k, const LangevinStep &);
  // Whether that reads outputs of f.
  bool reads_energies(int64_t k) const { return test_ && k >= noisy_.count - 2 && k < noisy_.count; }
  void revision(ConstView x, ConstView x0) { backend_.sum_squared_difference(x, x0, readings_, revision_); }
  void residual(ConstView x, ConstView g) { backend_.sum_squared_difference(x, g, readings_, residual_); }
  void data_residual(ConstView x, ConstView g) { backend_.sum_squared_difference(x, g, readings_, data_residual_); }
  void layers(const Pass &);  // of either net

  // Keeps what was recorded in an iteration, counted from 1, without waiting for the device.
  void keep(int64_t iteration) { readings_.keep(iteration); }
  Monitor last() const { return from(readings_.last()); }  // waits for the device
  std::vector<Monitor> take();  // of those kept since the last call, the last Learner::kept_readings at most

 private:
  Monitor from(const KeptReadings::Moment &) const;
  Backend &backend_;
  const Pass *descriptor_, *generator_;
  double batch_, chains_, elements_;
  NoisySteps noisy_;
  bool of_data_;
  // Slots: three energies of each output, then these, the Metropolis test's, and the layers of either net.
  int outputs_, gradient_, amplitude_, residual_, data_residual_, revision_, metropolis_, descriptor_layers_,
      generator_layers_, count_;
  std::optional<MetropolisTest> test_;
  KeptReadings readings_;
};

}  // namespace coopnets
