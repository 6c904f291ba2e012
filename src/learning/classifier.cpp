#include "learning/classifier.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

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
      optimizer_(backend, network, settings),
      x_(backend, network.input().with_n(batch)),
      arena_(backend),
      pass_(network, {x_}, Statistics::batch, arena_, arena_, {Wrt::parameters}) {}

void ClassifierLearner::iterate(int64_t iteration, double rate, const Batch &batch) {
  x_.set_values(batch.examples);
  backend_.set_clock({iteration, rate});
  pass_.forward();
  std::vector<real> gradient;
  const double loss = cross_entropy(values(backend_, pass_.output()), batch.labels, gradient);
  backend_.upload(gradient.data(), pass_.seed(Wrt::parameters).data, gradient.size() * sizeof(real));
  pass_.backward(Wrt::parameters);
  optimizer_.step(pass_);
  pass_.track();
  readings_.push_back({iteration + 1, {loss}, ""});
}

std::vector<Reading> ClassifierLearner::take_readings() {
  for (const Reading &reading : readings_)
    if (!std::isfinite(reading.values[0]))
      throw no_longer_finite("iteration " + std::to_string(reading.iteration) + ": the cross-entropy");
  return std::exchange(readings_, {});
}

NamedViews ClassifierLearner::state() {
  NamedViews all = pass_.net().state();
  for (auto &moment : optimizer_.state()) all.push_back(std::move(moment));
  return all;
}

ClassifierReader::ClassifierReader(Backend &backend, Network &network, int64_t batch)
    : backend_(backend),
      x_(backend, network.input().with_n(batch)),
      arena_(backend),
      pass_(network, {x_}, Statistics::running, arena_, arena_, {}) {
  if (pass_.layers() < 2) throw std::invalid_argument("a classifier needs a hidden layer");
}

void ClassifierReader::read(const std::vector<real> &examples, std::vector<real> &logits, std::vector<real> &features) {
  const int64_t count = int64_t(examples.size()) / x_.shape().example();
  if (count < 1 || count > batch() || count * x_.shape().example() != int64_t(examples.size()))
    throw std::invalid_argument("read() takes from 1 to " + std::to_string(batch()) + " examples");
  std::vector<real> all = examples;
  all.resize(x_.size());
  x_.set_values(all);
  pass_.forward();
  const auto append = [&](View from, std::vector<real> &to) {
    const std::vector<real> some = values(backend_, from.examples(0, count));
    to.insert(to.end(), some.begin(), some.end());
  };
  append(pass_.output(), logits);
  append(pass_.layer(pass_.layers() - 2), features);
}

}  // namespace coopnets
