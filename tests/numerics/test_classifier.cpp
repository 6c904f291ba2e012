#include "learning/classifier.h"

#include <gtest/gtest.h>

#include "numerics/helpers.h"
#include "numerics/small_net.h"

namespace coopnets {
namespace {

TEST(CrossEntropy, value_and_gradient_agree_with_differences) {
  const std::vector<int64_t> labels = {2, 0};
  std::vector<real> logits = random_values(6, 1, 0, 2), gradient, ignored;
  const double loss = cross_entropy(logits, labels, gradient);
  double expected = 0;
  for (int n = 0; n < 2; ++n) {
    double sum = 0;
    for (int c = 0; c < 3; ++c) sum += std::exp(double(logits[3 * n + c]));
    expected -= std::log(std::exp(double(logits[3 * n + labels[n]])) / sum) / 2;
  }
  EXPECT_NEAR(loss, expected, 1e-6);
  const double h = sizeof(real) == 4 ? 1e-2 : 1e-5;
  for (size_t i = 0; i < logits.size(); ++i) {
    std::vector<real> up = logits, down = logits;
    up[i] += real(h);
    down[i] -= real(h);
    const double slope =
        (cross_entropy(up, labels, ignored) - cross_entropy(down, labels, ignored)) / (double(up[i]) - double(down[i]));
    EXPECT_NEAR(gradient[i], slope, sizeof(real) == 4 ? 1e-4 : 1e-9) << i;
  }
  // Large logits do not overflow.
  EXPECT_NEAR(cross_entropy({1000, 0}, {0}, gradient), 0, 1e-12);
  EXPECT_NEAR(cross_entropy({1000, 0}, {1}, gradient), 1000, 1e-9);
  EXPECT_THROW(cross_entropy({0, 0}, {2}, gradient), std::invalid_argument);
  EXPECT_THROW(cross_entropy({0, 0}, {-1}, gradient), std::invalid_argument);
  EXPECT_THROW(cross_entropy({}, {}, gradient), std::invalid_argument);
}

// Two kinds of pictures, bright on the left or on the right under noise.
TEST(Classifier, learns_to_tell_two_kinds_of_pictures_apart) {
  const auto layers = small_net([](Recorder &r, Variable x) {
    const Variable h = r.conv(x, 4, same_side(3, 1), LayerOptions().without_bias());
    return r.fully_connected(r.fully_connected(r.batch_norm(h, leaky_relu(0.1)), 6, leaky_relu(0.1)), 2);
  });
  Network net(test_backend(), "classifier", layers, {{1, 1, 4, 4, 1}}, {1, Purpose::descriptor_weights}, 0.3);
  ClassifierLearner learner(test_backend(), net, {OptimizerSettings::adam, 0.02, 0, false}, 8);
  const auto batch = [](unsigned seed, std::vector<int64_t> &labels) {
    std::vector<real> x = random_values(8 * 16, seed, 0, 0.5);
    labels.clear();
    for (int n = 0; n < 8; ++n) {
      labels.push_back((n + seed) % 2);
      for (int i = 0; i < 16; ++i) x[16 * n + i] += real((i % 4 < 2) == (labels.back() == 0) ? 1 : -1);
    }
    return x;
  };
  std::vector<int64_t> labels;
  double first = 0, last = 0;
  for (int i = 0; i < 80; ++i) {
    const std::vector<real> x = batch(unsigned(i), labels);
    learner.iterate(i, 1, {x, {}, labels});
    const std::vector<Reading> readings = learner.take_readings();
    ASSERT_EQ(readings.size(), 1u);
    EXPECT_EQ(readings[0].iteration, i + 1);
    last = readings[0].values.at(0);
    if (i == 0) first = last;
  }
  EXPECT_GT(first, 0.3);
  EXPECT_LT(last, 0.1);

  // Read singly or together, a picture has the same logits, and the largest is that of its kind.
  ClassifierReader reader(test_backend(), net, 8);
  const std::vector<real> x = batch(1000, labels);
  std::vector<real> logits, features, one_logits, one_features;
  reader.read(x, logits, features);
  ASSERT_EQ(logits.size(), 16u);
  ASSERT_EQ(features.size(), 48u);
  for (int n = 0; n < 8; ++n) {
    EXPECT_EQ(logits[2 * n + 1] > logits[2 * n], labels[n] == 1);
    reader.read({x.begin() + 16 * n, x.begin() + 16 * (n + 1)}, one_logits, one_features);
  }
  EXPECT_LE(relative_error(one_logits, logits), tolerance);
  EXPECT_LE(relative_error(one_features, features), tolerance);
  EXPECT_THROW(reader.read({}, logits, features), std::invalid_argument);
  EXPECT_THROW(reader.read(std::vector<real>(9 * 16), logits, features), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
