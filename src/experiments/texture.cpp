// Experiment 1: stationary textures, one picture a model. [M] = the authors' MatConvNet code.
#include "experiments/experiment.h"

namespace coopnets {

namespace {

Settings settings(const std::string &preset) {
  Settings s;
  s.batch = 1;
  s.chains = 1;
  s.crop = "centre";
  s.normalise = "stretch";
  s.descriptor_init = 0.01;
  s.sigma = 0.3;
  if (preset == "paper") {  // [M]
    s.size = 224;
    s.iterations = 5000;
    s.descriptor = s.generator = "paper";
    s.latent = 1;
    s.langevin_steps = 30;
    s.langevin_step_size = 0.0023;
    s.reference_deviation = 0.0023 / 0.3;
    s.optimizer = "capped-momentum";
    s.descriptor_rate = 0.02;
    s.descriptor_cap = 20.0 / 255;
    s.generator_rate = 1e-6;
    s.generator_cap = 30;
    s.schedule_steps = 80;
    s.generator_init = 0.005;
  } else {
    // Weights and s are such that the energy's gradient balances the reference distribution's pull x / s^2 from the
    // first iterations on: from the paper's small weights it must grow 10^5-fold first, in which Adam's aligned steps
    // make all filters alike. As in the paper delta = 0.3 s, so that a revision moves a picture visibly; with shorter
    // steps learning is a game between two nets and swings.
    s.size = 128;
    s.crop = "size";
    s.iterations = 600;
    s.descriptor = s.generator = "quick";
    s.latent = 8;
    s.langevin_steps = 10;
    s.langevin_step_size = 0.02;
    s.reference_deviation = 0.066;
    s.optimizer = "adam";
    s.descriptor_rate = 0.0005;
    s.generator_rate = 0.005;
    s.halve_every = 250;
    s.descriptor_init = 0.1;
    s.generator_init = 0.02;
  }
  return s;
}

std::vector<Layer> descriptor(const Settings &s) {
  if (s.descriptor == "paper")  // 224 -> 75 -> 75 -> 75; f is the sum of all responses
    return {conv_layer(100, padded(15, 3, 7), relu()), conv_layer(70, padded(9, 1, 4), relu()),
            conv_layer(30, padded(7, 1, 3), relu())};
  if (s.descriptor == "quick")
    return {conv_layer(50, padded(15, 3, 7), leaky_relu(0.1)), conv_layer(40, padded(9, 1, 4), leaky_relu(0.1)),
            conv_layer(20, padded(7, 1, 3), leaky_relu(0.1))};
  unknown_net("descriptor", s.descriptor, {"paper", "quick"});
}

std::vector<Layer> generator(const Settings &s) {
  const Side crop = padded(5, 2, 1, 2);  // 5x5, upsampling 2, crop 1 2 1 2: doubles the side
  if (s.generator == "paper") return doubling({}, {512, 256, 128, 64, 3}, crop);
  if (s.generator == "quick") return doubling({}, {128, 64, 32, 16, 3}, crop);
  unknown_net("generator", s.generator, {"paper", "quick"});
}

Shape latent(const Settings &s) { return {1, 1, s.size / 32, s.size / 32, s.latent}; }

}  // namespace

Experiment texture_experiment() {
  return {"texture",
          "1: stationary textures from one picture",
          DataKind::texture,
          "datasets/texture/brick.png",
          3,
          settings,
          descriptor,
          generator,
          latent,
          true};
}

}  // namespace coopnets
