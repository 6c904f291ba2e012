// What the rivals that learn a generator share: the passes of both nets, their optimisers, and what is read of them.
#pragma once
#include "experiments/nets.h"
#include "learning/kept_readings.h"
#include "learning/latents.h"
#include "learning/optimizer.h"
#include "rivals/rival.h"
#include "rivals/spread.h"

namespace coopnets {

// Rival::uses of one of them, beside its own. Those that infer latent vectors are for completion.
inline std::string two_nets_use(const std::string &own = "") {
  return "generator latent chains statistics width descriptor_init generator_init descriptor_rate generator_rate sigma "
         "inference_steps inference_restarts" +
         (own.empty() ? "" : " " + own);
}

class TwoNets : public Learner {
 public:
  // Whence the generator's gradient comes: from the second net, which sees what is made, and its latent vectors where it
  // takes them; or from what it reconstructs, where the second net makes the latent vectors of what is observed and a
  // noise of their shape.
  enum class Learns { from_second_net, from_reconstruction };
  int64_t batch() const final { return settings_.batch; }
  std::vector<Column> columns() const final { return columns_; }
  void iterate(int64_t iteration, double rate, const Batch &) final;
  std::vector<Reading> take_readings() final;
  NamedViews state() final;
  size_t planned_bytes() const final { return values_.bytes() + observed_arena_.bytes() + made_arena_.bytes(); }
  size_t unplanned_bytes() const final {
    return g_.bytes_unplanned() + on_observed_.bytes_unplanned() + on_made_.bytes_unplanned();
  }
  std::vector<std::pair<std::string, ConstView>> samples() const override;

 protected:
  // `columns` are what an iteration's losses are called; the last of all is the spread: the deviation of what was made,
  // between examples, over that of what was observed.
  TwoNets(const RivalParts &, std::vector<Column> columns, const OptimizerSettings &partner,
          const OptimizerSettings &generator, Learns = Learns::from_second_net);

  // The steps of one iteration, which is counted from 0.
  virtual void learn(int64_t iteration) = 0;
  // Which sequence of kernels learn() enqueues in this iteration; below 0: one that no other repeats.
  virtual int sequence(int64_t) const { return 0; }
  // A schedule of the rival's own, beside that of the settings.
  virtual double rate_factor(int64_t) const { return 1; }
  // What is added to the gradient of the generator's parameters before its step.
  virtual void add_to_generator_gradient() {}
  // What looks unhealthy in the values of columns(), "" if nothing does.
  virtual std::string unhealthy(const std::vector<double> &) { return ""; }

  // To be told of the discriminator's loss in each iteration: what to say where it has been certain for long, else "".
  std::string certain(double loss);

  // Of the random numbers of this rank's examples.
  RandomKey key(Purpose purpose) const { return {seed_, purpose, share_.first}; }
  // z ~ N(0, I), x = g(z).
  void generate(Purpose = Purpose::latent);
  View made() const { return g_.output(); }
  // Seeds for the scalar sum over k of weights[k] * (the sum of all elements of output k).
  void seed(Pass &, Wrt, const std::vector<double> &weights);
  // The gradient of <weights, outputs of the second net on what was made> in the generator's parameters, and its step.
  // on_made_ is swept for it, and where it is swept again without another forward(), for partner_step(), after this.
  void generator_step(const std::vector<double> &weights);
  // Of <observed, outputs on the observed> + <made, outputs on what was made> in the second net's parameters, and its
  // step. Batch norm sees the two apart.
  void partner_step(const std::vector<double> &observed, const std::vector<double> &made);
  // Adds factor * (sum of x's elements) to column number `column`. To be called in the same order in each iteration; one
  // that has fewer calls keeps what the others were.
  void measure(size_t column, ConstView x, double factor);
  // Of outputs softplus(l) and l: -ln D(observed) - ln(1 - D(made)) to column 0, -ln D(made) to column 1, means over examples.
  void measure_logistic_losses();
  void measure_squares(size_t column, ConstView a, ConstView b, double factor);  // of a - b

  Backend &backend_;
  const Settings settings_;
  const uint64_t seed_;
  const double count_;  // examples of a batch
  const Share share_;   // this rank's
  Tensor observed_;
  Latents latents_, noise_;  // noise_: where the second net makes latents_
  Tensor made_;              // copied, so that the second net's pass may read it
  Arena values_, observed_arena_, made_arena_;
  Pass g_, on_observed_, on_made_;
  Optimizer partner_, generator_;

 private:
  struct Term {
    size_t column;
    double factor;
  };
  int next_slot(size_t column, double factor);
  std::vector<Column> columns_;
  std::vector<Term> terms_;
  int slots_used_ = 0;
  KeptReadings readings_;
  Spread spread_{100, "the generator", "another seed, or smaller learning rates"};
  int64_t certain_ = 0;
  bool warned_ = false;
  mutable Tensor whole_made_;  // of all ranks
  Recording recordings_[2];
};

// 4x4 convolutions that halve the side to 4 or less, `width` channels first and twice as many each time, batch norm after
// all but the first; its channels then double no further than 8 width.
Variable discriminator_trunk(Recorder &, Variable x, int64_t width);

// The example alone, and with the latent vectors.
std::vector<Shape> sees_examples(const Shape &example, const Settings &);
std::vector<Shape> sees_latents_too(const Shape &example, const Settings &);

}  // namespace coopnets
