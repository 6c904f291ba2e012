// Cooperative training of descriptor and generator (Xie, Lu, Gao, Zhu, Wu: PAMI 2018, algorithm 1), and the algorithms
// that it is made of: the descriptor alone (algorithm D, persistent contrastive divergence) and the generator alone
// (algorithm G).
#pragma once
#include <array>

#include "learning/optimizer.h"

namespace coopnets {

enum class Algorithm {
  cooperative,    // G0 D1 G1 D2 G2
  descriptor,     // chains start from the reference distribution each iteration: D1 D2
  persistent_cd,  // chains are kept for the whole run: D1 D2
  generator       // one latent vector a training example, kept for the whole run: G1 G2 on the observed examples
};

struct LearningSettings {
  Algorithm algorithm = Algorithm::cooperative;
  int64_t batch = 1;            // observed examples an iteration
  int64_t chains = 1;           // Langevin chains; the generator alone has one for each observed example of the batch
  int64_t langevin_steps = 10;  // L
  double langevin_step_size = 0.002;   // delta
  double reference_deviation = 0.016;  // s
  int64_t noise_until = -1;            // iteration from which step D1 draws no noise; -1: it always does
  int64_t generator_steps = 0;         // Lz
  double generator_step_size = 0.1;    // delta_z
  double sigma = 0.3;                  // deviation of x from g(z)
  OptimizerSettings descriptor, generator;
  uint64_t seed = 1;
};

// What an iteration looked like. Energies are means of f over examples. Without a descriptor there are no energies,
// without a generator no reconstruction: they are NaN then.
struct Monitor {
  bool has_descriptor, has_generator;
  double energy_observed, energy_initial, energy_revised;
  double gradient;        // mean |df/dx| in the last Langevin step
  double reconstruction;  // root mean square of x - g(z)
  // Largest |response| of each descriptor layer to observed and revised examples, of each generator layer to the
  // latents.
  std::vector<double> layer_maximum, generator_layer_maximum;
};

class Cooperative {
 public:
  enum Step { G0, D1, G1, D2, G2 };
  using StepSeconds = std::array<double, 5>;

  // descriptor may be null for the generator alone, generator for the descriptor alone. `examples` is the size of the
  // training set: the generator alone keeps a latent vector for each. Throws std::invalid_argument where the nets do not
  // fit each other, there is no step D1, or the generator alone has no step G1.
  Cooperative(Backend &, Network *descriptor, Network *generator, const LearningSettings &, int64_t examples);
  ~Cooperative();

  // One learning iteration. `observed` holds settings.batch examples in [-1, 1], `indices` says which of the training
  // set they are; `rate` multiplies the learning rates (the schedule).
  void iterate(int64_t iteration, double rate, const std::vector<real> &observed, const std::vector<int64_t> &indices);

  // From now on the seconds of each step are written here; the device is waited for in between. Null: no longer.
  void time_steps(StepSeconds *seconds) { seconds_ = seconds; }

  Monitor monitor() const;  // of the last iteration; waits for the device
  // Of the iterations since the last call, in their order, the last kept_monitors of them at most; waits for the device.
  static constexpr int kept_monitors = 64;
  std::vector<Monitor> take_monitors();
  // x0 of step G0, [chains, ...]; of the generator alone g(z) after step G1, [batch, ...]; until the next iteration.
  ConstView generated() const;
  ConstView revised() const;  // x after step D1, [chains, ...]
  // Everything that the next iteration depends on, by name: parameters, statistics, moments, kept chains and latent
  // vectors.
  std::vector<std::pair<std::string, View>> state();
  size_t planned_bytes() const;    // activations and gradients of all tapes
  size_t unplanned_bytes() const;  // what they would take without reuse

 private:
  int generator_layers() const;
  Monitor monitor_of(const std::vector<double> &readings) const;
  void steps(int64_t iteration);
  bool draws_noise(int64_t iteration) const;  // in step D1
  void timed(Step, const std::function<void()> &body);
  void step_g0();
  void step_d1(int64_t iteration);
  void step_g1();
  void step_d2();
  void step_g2();

  struct Descriptor;  // the net's tapes and optimiser
  struct Generator;
  Backend &backend_;
  LearningSettings settings_;
  Tensor examples_;      // observed examples, then chains: step D2 sees them in one pass
  Tensor latents_;       // z of the chains
  Tensor initial_;       // x0, where step G1 takes the generator's tape for other latent vectors
  Tensor kept_latents_;  // of all training examples, and which of them the batch is of (generator alone)
  Memory indices_;
  std::unique_ptr<Descriptor> d_;
  std::unique_ptr<Generator> g_;
  Readings readings_;
  int64_t monitored_ = 0, taken_ = 0;  // iterations whose readings were kept, and those that were taken
  Recording whole_[2];                 // an iteration without and with Langevin noise
  StepSeconds *seconds_ = nullptr;
};

}  // namespace coopnets
