// What cooperative learning shows of itself, measured on the device and fetched now and then.
#pragma once
#include <memory>

#include "learning/learner.h"
#include "learning/pass.h"

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
  // Largest |response| of each descriptor layer to observed and revised examples, of each generator layer to the
  // latents.
  std::vector<double> layer_maximum, generator_layer_maximum;
};

class Monitoring {
 public:
  // `descriptor` and `generator` are null where there is none; `batch` observed examples, `chains` revised ones.
  Monitoring(Backend &, const Pass *descriptor, const Pass *generator, int64_t batch, ConstView chains);

  // Recorded with the steps of an iteration.
  enum Energy { observed, initial, revised };
  void energy(Energy, const Pass &f, int64_t first, int64_t count);  // of these examples
  void gradient(ConstView df_dx) { backend_.sum_absolute(df_dx, *readings_, gradient_); }
  void amplitude(ConstView x) { backend_.sum_absolute(x, *readings_, amplitude_); }
  void residual(ConstView x, ConstView g) { backend_.sum_squared_difference(x, g, *readings_, residual_); }
  void layers(const Pass &);  // of either net

  // Keeps what was recorded, without waiting for the device.
  void keep(int64_t iteration);
  Monitor last() const;         // waits for the device
  std::vector<Monitor> take();  // of those kept since the last call, the last Learner::kept_readings at most

 private:
  Monitor from(int64_t iteration, const std::vector<double> &readings) const;
  Backend &backend_;
  const Pass *descriptor_, *generator_;
  double batch_, chains_, elements_;
  // Slots: three energies of each output, then these, then the layers of either net.
  int outputs_, gradient_, amplitude_, residual_, descriptor_layers_, generator_layers_, count_;
  std::unique_ptr<Readings> readings_;
  int64_t iterations_[Learner::kept_readings] = {};
  int64_t kept_ = 0, taken_ = 0;  // in all
};

}  // namespace coopnets
