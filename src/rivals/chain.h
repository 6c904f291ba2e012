// What the rivals with a chain share: units that are numbers in [0, 1], layers that are matrices, and what is read.
#pragma once
#include "learning/kept_readings.h"
#include "learning/pass.h"
#include "rivals/rival.h"
#include "rivals/spread.h"

namespace coopnets {

// Two layers of units v [N,1,1,1,V] and h [N,1,1,1,H] with weights W [V,H] between them, b of v, c of h: a restricted
// Boltzmann machine of energy -v'W h - b'v - c'h, or an auto-encoder with tied weights.
struct TiedLayers {
  Tensor weights, visible_bias, hidden_bias;
  TiedLayers(Backend &, int64_t visible, int64_t hidden, RandomKey, int64_t index, double deviation);

  // h = sigmoid(W'v + c) and v = sigmoid(W h + b), which of a Boltzmann machine are P(h = 1 | v) and P(v = 1 | h).
  void up(ConstView v, View h) const;
  void down(ConstView h, View v) const;
  Shape visible(int64_t count) const { return {count, 1, 1, 1, weights.shape().w}; }
  Shape hidden(int64_t count) const { return {count, 1, 1, 1, weights.shape().c}; }
  NamedViews named(const std::string &layer) const;
};

// An update rule on tensors that belong to no net: Adam with beta1 0.9, or gradient descent with momentum as the
// average v = m v + (1 - m) g, m = 0.5.
class Descent {
 public:
  Descent(Backend &, bool adam, std::vector<View> parameters);
  void step(const std::vector<View> &gradients, double rate);
  NamedViews named(const std::string &name) const;

 private:
  Backend &backend_;
  const bool adam_;
  const std::vector<View> parameters_;
  std::vector<Tensor> first_, second_;  // moments, or velocities
};

// Parameters on a tape of their own, and the gradient in them of losses: the sum over k of weight k * (the sum of the
// elements of loss k).
class Taped {
 public:
  Taped(Backend &, const std::vector<View> &parameters);
  void add_loss(Variable loss, double weight);
  // The cross-entropy of units x in [0, 1] and the sigmoids of u: softplus(u) - x u.
  void add_cross_entropy(Variable x, Variable u, double weight);
  void plan();
  // Forwards and backwards; a gradient of each parameter. To be called after plan() where there are losses.
  std::vector<View> gradients();

 private:
  Arena arena_;

 public:
  Tape tape;
  std::vector<Variable> parameters;

 private:
  std::vector<Variable> losses_;
  std::vector<real> weights_;
  Tape::Gradient *gradient_ = nullptr;
};

// All of these, in their order.
NamedViews joined(const std::vector<NamedViews> &parts);

// Readings of a column whose value is factor * (the sum of squares of observed - made), and of the spread of what was
// made; and the numbers of a chain: each batch of samples is so many steps of the chain after the one before, the first
// after ten times as many. Where a batch's samples are all alike while they were not in the chain's first step, `warn`
// is told.
class OfChain : public ChainLearner {
 public:
  int64_t batch() const final { return observed_.shape().n; }
  std::vector<Column> columns() const final { return {column_, {"spread", ""}}; }
  void iterate(int64_t iteration, double rate, const Batch &) final;
  std::vector<Reading> take_readings() final;
  const Shape &example() const final { return example_; }
  int64_t at_a_time() const final { return batch(); }
  bool in_any_order() const final { return false; }
  void draw_range(const LearningSettings &, int64_t first, int64_t end, const Visit &visit) final;
  std::vector<std::pair<std::string, ConstView>> samples() const final { return {{"reconstruction", shown_}}; }

 protected:
  OfChain(const ChainParts &, Column, double factor);
  // The logits of the mean of the examples observed now, as the first visible bias (Hinton 2010): what is black
  // everywhere then need not be learned by the units.
  void begin_at_the_mean(View visible_bias) const;
  // The steps of an iteration; observed_ holds the examples as numbers in [0, 1], made_ gets what was made of them, or
  // of the chain.
  virtual void learn(int64_t iteration, double rate) = 0;
  // One step of the chain, which goes on from where learning left it. made_ gets the means of the visible units.
  virtual void step_chain() = 0;

  Backend &backend_;
  const Settings settings_;
  const uint64_t seed_;
  const double count_;
  Tensor observed_, made_;  // [batch,1,1,1,pixels]

 private:
  double variety() const;  // of made_: the root of the squared differences of neighbouring examples, summed
  const Shape example_;
  Tensor shown_;  // in [-1, 1]
  Column column_;
  double factor_;
  // Layers begin by reconstructing the mean, so that all are alike at first.
  Spread spread_{500, "what is learned", "another seed, or another generator_rate"};
  KeptReadings readings_;
};

// A rival of digits with such a learner; `learns` is what it learns, `uses` its own settings.
Rival rival_of_digits(const std::string &name, const std::string &title, const std::string &learns,
                      const std::string &uses, std::unique_ptr<ChainLearner> (*)(const ChainParts &));

}  // namespace coopnets
