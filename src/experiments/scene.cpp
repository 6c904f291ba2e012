// Experiment 3: scene categories, and interpolation between latent vectors. [T] = the authors' TensorFlow code.
#include "experiments/experiment.h"

namespace coopnets {

namespace {

Settings settings(const std::string &preset) {
  Settings s;  // [T]
  s.size = 64;
  s.crop = "centre";
  s.normalise = "stretch";
  s.batch = 100;
  s.chains = 144;
  s.iterations = 11000;  // 1000 epochs of 1100 pictures
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
    learn_quickly(s, 24, 12000);
  }
  return s;
}

std::vector<Layer> descriptor(const Settings &s) {
  const Activation leaky = leaky_relu(0.2);
  if (s.descriptor == "paper")
    return {conv_layer(64, same_side(5, 2), leaky), conv_layer(128, same_side(3, 2), leaky),
            conv_layer(256, same_side(3, 1), leaky), fully_connected(100, linear())};
  if (s.descriptor == "quick") return halving({16, 32, 64, 128});
  unknown_net("descriptor", s.descriptor, {"paper", "quick"});
}

std::vector<Layer> generator(const Settings &s) {
  if (s.generator == "paper")
    return doubling({deconv_layer(512, valid(s.size / 16), leaky_relu(0.2), true)}, {256, 128, 64, 3}, same_side(5, 2));
  if (s.generator == "quick") return doubling_quickly(s.size, {128, 64, 32, 16, 3});
  unknown_net("generator", s.generator, {"paper", "quick"});
}

Shape latent(const Settings &s) { return {1, 1, 1, 1, s.latent}; }

}  // namespace

Experiment scene_experiment() {
  return {"scene",
          "3: one or several scene categories, 64x64, with interpolation",
          DataKind::pictures,
          "",
          3,
          settings,
          descriptor,
          generator,
          latent,
          false};
}

}  // namespace coopnets
