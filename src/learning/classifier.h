// Learning to tell categories apart by softmax cross-entropy, for the features that scores compare.
#pragma once
#include "learning/optimizer.h"

namespace coopnets {

// Mean over examples of -log softmax(logits)[label], and its gradient (softmax - onehot) / count with respect to the
// logits [count, classes]. Throws std::invalid_argument for a label that is no class.
double cross_entropy(const std::vector<real> &logits, const std::vector<int64_t> &labels, std::vector<real> &gradient);

class ClassifierLearner {
 public:
  // The net's last layer has a logit for each class at a single position.
  ClassifierLearner(Backend &, Network &, const OptimizerSettings &, int64_t batch);

  // One step on `batch` examples [batch, ...]; returns their cross-entropy. `rate` multiplies the learning rate.
  double learn(int64_t iteration, double rate, const std::vector<real> &examples, const std::vector<int64_t> &labels);
  // Everything that the next step depends on, by name: parameters, statistics, moments.
  std::vector<std::pair<std::string, View>> state();

 private:
  Backend &backend_;
  Network &network_;
  Optimizer optimizer_;
  Tensor x_;
  Arena arena_;
  Tape tape_;
  std::unique_ptr<Network::Use> use_;
  Tape::Gradient *gradient_;
};

// What a learned net makes of examples, each for itself (running statistics): logits, and the responses of its last
// hidden layer.
class ClassifierReader {
 public:
  ClassifierReader(Backend &, Network &, int64_t batch);
  int64_t batch() const { return x_.shape().n; }
  // At most `batch` examples [count, ...] -> [count, classes] and [count, features], appended.
  void read(const std::vector<real> &examples, std::vector<real> &logits, std::vector<real> &features);

 private:
  Backend &backend_;
  Tensor x_;
  Arena arena_;
  Tape tape_;
  std::unique_ptr<Network::Use> use_;
};

}  // namespace coopnets
