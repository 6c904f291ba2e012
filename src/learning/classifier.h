// Learning to tell categories apart by softmax cross-entropy, for the features that scores compare.
#pragma once
#include "learning/learner.h"
#include "learning/optimizer.h"

namespace coopnets {

// Mean over examples of -log softmax(logits)[label], and its gradient (softmax - onehot) / count with respect to the
// logits [count, classes]. Throws std::invalid_argument for a label that is no class.
double cross_entropy(const std::vector<real> &logits, const std::vector<int64_t> &labels, std::vector<real> &gradient);

class ClassifierLearner final : public Learner {
 public:
  // The net's output has a logit for each class at a single position.
  ClassifierLearner(Backend &, Network &, const OptimizerSettings &, int64_t batch);

  int64_t batch() const override { return x_.shape().n; }
  std::vector<Column> columns() const override { return {{"cross_entropy", "loss"}}; }
  void iterate(int64_t iteration, double rate, const Batch &) override;
  std::vector<Reading> take_readings() override;
  NamedViews state() override;

 private:
  Backend &backend_;
  Optimizer optimizer_;
  Tensor x_;
  Arena arena_;
  Pass pass_;
  std::vector<Reading> readings_;
};

// What a learned net makes of examples, each for itself (running statistics): logits, and the responses of its last
// hidden layer.
class ClassifierReader {
 public:
  ClassifierReader(Backend &, Network &, int64_t batch);
  int64_t batch() const { return x_.shape().n; }
  int64_t features() const { return pass_.layer(pass_.layers() - 2).shape.example(); }
  // At most `batch` examples [count, ...] -> [count, classes] and [count, features], appended.
  void read(const std::vector<real> &examples, std::vector<real> &logits, std::vector<real> &features);

 private:
  Backend &backend_;
  Tensor x_;
  Arena arena_;
  Pass pass_;
};

}  // namespace coopnets
