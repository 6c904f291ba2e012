#include "learning/classifier.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace coopnets {

double cross_entropy(const std::vector<real> &logits, const std::vector<int64_t> &labels, std::vector<real> &gradient) {
  const int64_t count = int64_t(labels.size()), classes = count ? int64_t(logits.size()) / count : 0;
  if (count < 1 || classes * count != int64_t(logits.size()))
    throw std::invalid_argument("cross-entropy needs the logits of one example or more, and a label for each");
  gradient.resize(logits.size());
  double loss = 0;
  for (int64_t n = 0; n < count; ++n) {
    const real *y = logits.data() + n * classes;
    if (labels[n] < 0 || labels[n] >= classes)
      throw std::invalid_argument("the label " + std::to_string(labels[n]) + " is none of the " +
                                  std::to_string(classes) + " classes");
    const double largest = *std::max_element(y, y + classes);
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(y[c] - largest);
    loss += largest + std::log(sum) - y[labels[n]];
    for (int64_t c = 0; c < classes; ++c)
      gradient[n * classes + c] = real((std::exp(y[c] - largest) / sum - (c == labels[n])) / double(count));
  }
  return loss / double(count);
}

ClassifierLearner::ClassifierLearner(Backend &backend, Network &network, const OptimizerSettings &settings,
                                     int64_t batch)
    : backend_(backend),
      network_(network),
      optimizer_(backend, network, settings),
      x_(backend, network.input().with_n(batch)),
      arena_(backend),
      tape_(backend, arena_) {
  use_ = network.apply(tape_, tape_.leaf(x_), Statistics::batch);
  tape_.keep(use_->output);
  gradient_ = &tape_.gradient(use_->output, use_->parameters);
  tape_.plan();
}

double ClassifierLearner::learn(int64_t iteration, double rate, const std::vector<real> &examples,
                                const std::vector<int64_t> &labels) {
  x_.set_values(examples);
  backend_.set_clock({iteration, rate});
  tape_.forward();
  std::vector<real> gradient;
  const double loss = cross_entropy(values(backend_, tape_.value(use_->output)), labels, gradient);
  backend_.upload(gradient.data(), tape_.seed(*gradient_).data, gradient.size() * sizeof(real));
  tape_.backward(*gradient_);
  optimizer_.step(tape_, *gradient_, *use_);
  network_.track(*use_);
  return loss;
}

std::vector<std::pair<std::string, View>> ClassifierLearner::state() {
  std::vector<std::pair<std::string, View>> all = network_.state();
  for (auto &moment : optimizer_.state()) all.push_back(std::move(moment));
  return all;
}

ClassifierReader::ClassifierReader(Backend &backend, Network &network, int64_t batch)
    : backend_(backend), x_(backend, network.input().with_n(batch)), arena_(backend), tape_(backend, arena_) {
  if (network.layers().size() < 2) throw std::invalid_argument("a classifier needs a hidden layer");
  use_ = network.apply(tape_, tape_.leaf(x_), Statistics::running);
  for (size_t i = use_->outputs.size() - 2; i < use_->outputs.size(); ++i) tape_.keep(use_->outputs[i]);
  tape_.plan();
}

void ClassifierReader::read(const std::vector<real> &examples, std::vector<real> &logits, std::vector<real> &features) {
  const int64_t count = int64_t(examples.size()) / x_.shape().example();
  if (count < 1 || count > batch() || count * x_.shape().example() != int64_t(examples.size()))
    throw std::invalid_argument("read() takes from 1 to " + std::to_string(batch()) + " examples");
  std::vector<real> all = examples;
  all.resize(x_.size());
  x_.set_values(all);
  tape_.forward();
  const auto append = [&](Variable from, std::vector<real> &to) {
    const std::vector<real> some = values(backend_, tape_.value(from).examples(0, count));
    to.insert(to.end(), some.begin(), some.end());
  };
  append(use_->output, logits);
  append(use_->outputs[use_->outputs.size() - 2], features);
}

}  // namespace coopnets
