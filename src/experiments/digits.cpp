// Experiment 4: handwritten digits, 28x28. [T] = the authors' TensorFlow code.
#include "experiments/experiment.h"

namespace coopnets {

namespace {

Settings settings(const std::string &preset) {
  Settings s;  // [T]
  s.size = 28;
  s.crop = "none";
  s.normalise = "fixed";  // not [T], which stretches each picture: Parzen windows need one scale for all
  s.batch = 100;
  s.chains = 144;
  s.held_out = 10000;    // not [T]: to choose the Parzen windows' width on pictures that were not learned
  s.iterations = 50000;  // 100 epochs of 50,000
  s.descriptor = s.generator = "paper";
  s.latent = 100;
  s.langevin_steps = 15;
  s.langevin_step_size = 0.002;
  s.reference_deviation = 0.016;
  s.optimizer = "adam";
  s.descriptor_rate = 0.007;
  s.generator_rate = 1e-4;
  s.generator_step_size = 0.1;
  s.sigma = 0.3;
  s.descriptor_init = 0.01;
  s.generator_init = 0.005;
  if (preset == "quick") {
    s.descriptor = s.generator = "quick";
    learn_quickly(s, 64, 6000);
  }
  return s;
}

std::vector<Layer> descriptor(const Settings &s) {
  const bool quick = s.descriptor == "quick";
  if (!quick && s.descriptor != "paper") unknown_net("descriptor", s.descriptor, {"paper", "quick"});
  const int64_t width = quick ? 32 : 64;
  const Side down = same_side(4, 2);  // 28 -> 14 -> 7 -> 4
  return {conv_layer(width, down, leaky_relu(0.2)), conv_layer(2 * width, down, leaky_relu(0.2)),
          conv_layer(4 * width, down, leaky_relu(0.2)), fully_connected(100, linear())};
}

std::vector<Layer> generator(const Settings &s) {
  const bool quick = s.generator == "quick";
  if (!quick && s.generator != "paper") unknown_net("generator", s.generator, {"paper", "quick"});
  const int64_t width = quick ? 64 : 128;
  const Activation leaky = leaky_relu(0.2);
  return {deconv_layer(4 * width, valid(4), leaky, true), deconv_layer(2 * width, same_side(4, 2, 7), leaky, true),
          deconv_layer(width, same_side(4, 2, 14), leaky, true),
          deconv_layer(1, same_side(4, 2, 28), tanh_activation(), false)};
}

Shape latent(const Settings &s) { return {1, 1, 1, 1, s.latent}; }

}  // namespace

Experiment digits_experiment() {
  return {"digits",
          "4: handwritten digits (MNIST) or garments (Fashion-MNIST), 28x28",
          DataKind::digits,
          "datasets/digits",
          1,
          settings,
          descriptor,
          generator,
          latent,
          false};
}

}  // namespace coopnets
