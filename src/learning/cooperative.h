// Cooperative training of descriptor and generator (Xie, Lu, Gao, Zhu, Wu: PAMI 2018, algorithm 1), and the algorithms
// that it is made of: the descriptor alone (algorithm D, persistent contrastive divergence) and the generator alone
// (algorithm G).
//
// With a data weight w the generator also learns from the data, as in Dual-MCMC teaching (Cui, Han: NeurIPS 2023):
//   - each observed example has a latent vector, which step G1 infers beside those of the chains;
//   - step G2 lowers w |x - g(z)|^2 of the data beside 1 - w of that of the chains;
//   - step D2 comes last: its chains are redrawn from the generator of now, of the same z, and revised again.
// It is not the published algorithm in four things:
//   - there is no inference net: an example's latent vector is kept and goes on from where it was, as in algorithm G;
//   - the chains' latent vectors take step G1 too, as in algorithm 1;
//   - batch norm sees data and chains together;
//   - redrawn chains draw the noise that the first ones drew.
#pragma once
#include "learning/health.h"
#include "learning/latents.h"
#include "learning/learner.h"
#include "learning/optimizer.h"

namespace coopnets {

enum class Algorithm {
  cooperative,    // G0 D1 G1 D2 G2
  descriptor,     // chains start from the reference distribution each iteration: R D1 D2
  persistent_cd,  // chains are kept for the whole run: D1 D2
  generator       // one latent vector per training example, kept for the whole run: G1 G2 on the observed examples
};

// What step G2 divides |x - g(z)|^2 by: the chains, the observed batch ([M], process_epoch_dual.m) or every value of the
// chains ([V], CoopNets_video.py).
enum class ResidualMean { chains, batch, values };

struct LearningSettings {
  Algorithm algorithm = Algorithm::cooperative;
  int64_t batch = 1;            // observed examples of an iteration
  int64_t chains = 1;           // Langevin chains; the generator alone has one for each observed example of the batch
  int64_t langevin_steps = 10;  // L
  double langevin_step_size = 0.002;   // delta
  int64_t cold_steps = 0;              // so many of the L, the last, draw no noise: what noise is left dies away
  double reference_deviation = 0.016;  // s
  double temperature = 1;              // T: noise of deviation delta sqrt(T), so that the chains sample p^(1/T)
  int64_t border = 0;                  // of an example: step G2 leaves so many outermost rows and columns out
  int64_t noise_until = -1;            // iteration from which step D1 draws no noise; -1: it always does
  int64_t generator_steps = 0;         // Lz
  double generator_step_size = 0.1;    // delta_z
  double sigma = 0.3;                  // deviation of x from g(z)
  double data_weight = 0;              // w of step G2; of Dual-MCMC 1/51 or 1/71
  ResidualMean residual_mean = ResidualMean::chains;
  OptimizerSettings descriptor, generator;
  uint64_t seed = 1;
};

// The descriptor's Langevin step, of index 0.
LangevinStep langevin_step(const LearningSettings &, bool noise, Purpose);

class Cooperative final : public Learner {
 public:
  // The steps of algorithm 1; R: chains start from the reference distribution; take, keep: what is kept from one iteration
  // to another, latent vectors of the batch's examples or chains.
  enum Step { G0, D1, G1, D2, G2, R, take, keep };
  const std::vector<Step> &steps() const;  // of an iteration

  // descriptor may be null for the generator alone, generator for the descriptor alone. `examples` is the size of the
  // training set: a generator that learns from data keeps a latent vector for each. Throws std::invalid_argument where
  // the nets do not fit each other, there is no step D1, or the generator learns from data and has no step G1.
  Cooperative(Backend &, Network *descriptor, Network *generator, const LearningSettings &, int64_t examples);
  ~Cooperative() override;

  // With several ranks (Backend::ranks) each of them has such a learner of the same settings, is given the whole batch and
  // takes its share.
  int64_t batch() const override { return settings_.batch; }
  std::vector<Column> columns() const override { return monitoring_->columns(); }
  void iterate(int64_t iteration, double rate, const Batch &) override;  // observe(), then learn()
  void observe(const Batch &);                                           // brings the examples to the device
  void learn(int64_t iteration, double rate);                            // all else, from those that were brought last
  // One step by itself, on the device by the time that this returns: for measurements.
  void run(Step);
  // From now on what the nets compute runs inside `observer`: run() alone may follow, no iteration.
  void watch(const Observer &observer);

  Monitor monitor() const { return monitoring_->last(); }  // of the last iteration; waits for the device
  std::vector<Monitor> take_monitors() { return monitoring_->take(); }
  std::vector<Reading> take_readings() override;

  // This rank's x0 of step G0, [chains, ...]; of the generator alone g(z) after step G1, [batch, ...]; until the next
  // iteration.
  ConstView generated() const;
  ConstView revised() const;  // x after step D1, [chains, ...]
  std::vector<std::pair<std::string, ConstView>> samples() const override;
  LogDensities log_densities(const std::vector<real> &examples) override;
  NamedViews state() override;

  size_t planned_bytes() const override;
  size_t unplanned_bytes() const override;

 private:
  struct Descriptor;  // the net's passes and optimiser
  struct Generator;
  void step(Step);
  void step_g0();
  void step_d1();
  void step_g1();
  void step_d2();
  void step_g2();
  void check_ranks() const;
  void take_kept();
  void keep_taken();
  View chains() const;
  View taught() const;       // what the generator learns from: the chains, behind the data where these have a weight
  bool draws_noise() const;  // in step D1

  Backend &backend_;
  LearningSettings settings_;  // whose batch and chains are those of all ranks,
  Share batch_, chains_;       // and these this rank's
  int64_t iteration_ = 0;
  Tensor examples_;       // observed examples, then chains: step D2 sees them in one pass
  Latents latents_;       // z of taught()
  Tensor initial_;        // x0, where step G1 takes the generator's pass for other latent vectors
  Latents kept_latents_;  // of all training examples, and which of them the batch is of; where it learns from data
  Memory indices_;
  // Of all ranks, where there are others: persistent chains, the batch's latent vectors, samples.
  Tensor kept_chains_;
  std::vector<Tensor> whole_latents_;
  mutable Tensor whole_generated_, whole_revised_;
  std::unique_ptr<Descriptor> d_;
  std::unique_ptr<Generator> g_;
  std::unique_ptr<Monitoring> monitoring_;
  Health health_;
  Recording whole_[2];  // an iteration without and with Langevin noise
};

}  // namespace coopnets
