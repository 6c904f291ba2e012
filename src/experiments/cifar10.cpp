// Experiment 5, CIFAR-10, 32x32. [P] = the PyTorch code that the authors' page links.
#include "experiments/experiment.h"

namespace coopnets {

namespace {

Settings settings(const std::string &preset) {
  Settings s;  // [P]
  s.size = 32;
  s.crop = "centre";
  s.normalise = "fixed";
  s.batch = 300;
  s.chains = 400;
  s.iterations = 83500;  // 500 epochs of 50,000
  s.descriptor = s.generator = "paper";
  s.latent = 100;
  s.langevin_steps = 10;
  s.langevin_step_size = 0.001;
  s.langevin_noise_until = 16700;  // the first 100 epochs
  s.sample_steps = 8;
  s.reference_deviation = 0.016;
  s.optimizer = "adam";
  s.descriptor_rate = 0.003;
  s.generator_rate = 1e-4;
  s.sigma = 0.3;
  s.descriptor_init = 0.01;
  s.generator_init = 0.005;
  if (preset == "quick") {
    s.descriptor = s.generator = "quick";
    learn_quickly(s, 64, 8000);
  }
  return s;
}

std::vector<Layer> descriptor(const Settings &s) {
  if (s.descriptor == "quick") return halving({32, 64, 128});
  if (s.descriptor != "paper") unknown_net("descriptor", s.descriptor, {"paper", "quick"});
  const Activation leaky = leaky_relu(0.01);
  return {conv_layer(64, padded(5, 2, 1), leaky), conv_layer(128, padded(3, 2, 1), leaky),
          conv_layer(256, padded(3, 1, 1), leaky), fully_connected(100, linear())};
}

std::vector<Layer> generator(const Settings &s) {
  if (s.generator == "quick") return doubling_quickly(s.size, {128, 64, 32, 3});
  if (s.generator != "paper") unknown_net("generator", s.generator, {"paper", "quick"});
  return doubling({deconv_layer(256, valid(s.size / 8), leaky_relu(0.2), true)}, {128, 64, 3}, same_side(5, 2));
}

Shape latent(const Settings &s) { return {1, 1, 1, 1, s.latent}; }

}  // namespace

Experiment cifar10_experiment() {
  return {
      "cifar10", "5: CIFAR-10, 32x32", DataKind::cifar, "datasets/cifar10", 3, settings, descriptor, generator, latent,
      false};
}

}  // namespace coopnets
