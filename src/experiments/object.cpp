// Experiment 2: object categories. [M] = the authors' MatConvNet code.
#include "experiments/experiment.h"

namespace coopnets {

namespace {

Settings settings(const std::string &preset) {
  Settings s;  // [M]
  s.size = 64;
  s.crop = "centre";
  s.normalise = "stretch";
  s.batch = 100;
  s.chains = 36;
  s.iterations = 3000;
  s.descriptor = s.generator = "paper";
  s.latent = 2;
  s.langevin_steps = 10;
  s.langevin_step_size = 0.005;
  s.reference_deviation = 0.016;
  s.optimizer = "capped-momentum";
  s.descriptor_rate = 0.07;
  s.descriptor_cap = 8;
  s.generator_rate = 3e-4;
  s.generator_cap = 8;
  s.sigma = 0.3;
  s.schedule_steps = 80;
  s.descriptor_init = 0.01;
  s.generator_init = 0.005;
  if (preset == "quick") {
    s.descriptor = s.generator = "quick";
    learn_quickly(s, 24, 12000);
  }
  return s;
}

std::vector<Layer> descriptor(const Settings &s) {
  if (s.descriptor == "quick") return halving({16, 32, 64, 128});
  if (s.descriptor != "paper") unknown_net("descriptor", s.descriptor, {"paper", "quick"});
  std::vector<Layer> layers = {conv_layer(64, padded(4, 2, 2), relu()),   // 33x33
                               conv_layer(128, padded(2, 1, 2), relu()),  // 36x36
                               fully_connected(2, linear())};
  layers[1].rate = 0.5;
  layers[2].rate = 0.2857;
  return layers;
}

std::vector<Layer> generator(const Settings &s) {
  if (s.generator == "quick") return doubling_quickly(s.size, {128, 64, 32, 16, 3});
  if (s.generator != "paper") unknown_net("generator", s.generator, {"paper", "quick"});
  return doubling({deconv_layer(512, valid(s.size / 16), leaky_relu(0.2), true)}, {256, 128, 64, 3},
                  padded(5, 2, 1, 2));
}

Shape latent(const Settings &s) { return {1, 1, 1, 1, s.latent}; }

}  // namespace

Experiment object_experiment() {
  return {"object", "2: one object category, 64x64", DataKind::pictures, "", 3, settings, descriptor, generator, latent,
          false};
}

}  // namespace coopnets
