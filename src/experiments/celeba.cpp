// Experiment 5, CelebA, 128x128: the scene nets with one more stride-2 stage and doubled widths to 512 at most (our
// choice: the authors' settings for this benchmark are not published).
#include "experiments/experiment.h"

namespace coopnets {

namespace {

Settings settings(const std::string &preset) {
  Settings s;
  s.size = 128;
  s.crop = "centre";
  s.normalise = "fixed";
  s.batch = 64;
  s.chains = 64;
  s.iterations = 50000;
  s.descriptor = s.generator = "paper";
  s.latent = 100;
  s.langevin_steps = 15;
  s.langevin_step_size = 0.002;
  s.reference_deviation = 0.016;
  s.optimizer = "adam";
  s.descriptor_rate = 0.003;
  s.generator_rate = 1e-4;
  s.sigma = 0.3;
  s.descriptor_init = 0.01;
  s.generator_init = 0.005;
  if (preset == "quick") {
    s.descriptor = s.generator = "quick";
    s.size = 64;
    learn_quickly(s, 24, 12000);
  }
  return s;
}

std::vector<Layer> descriptor(const Settings &s) {
  if (s.descriptor == "quick") return halving({16, 32, 64, 128});
  if (s.descriptor != "paper") unknown_net("descriptor", s.descriptor, {"paper", "quick"});
  const int64_t width = 64;
  const Activation leaky = leaky_relu(0.2);
  return {conv_layer(width, same_side(5, 2), leaky), conv_layer(2 * width, same_side(3, 2), leaky),
          conv_layer(4 * width, same_side(3, 2), leaky), conv_layer(8 * width, same_side(3, 1), leaky),
          fully_connected(100, linear())};
}

std::vector<Layer> generator(const Settings &s) {
  if (s.generator == "quick") return doubling_quickly(s.size, {128, 64, 32, 16, 3});
  if (s.generator != "paper") unknown_net("generator", s.generator, {"paper", "quick"});
  const int64_t width = 64;
  return doubling({deconv_layer(8 * width, valid(4), leaky_relu(0.2), true)},
                  {8 * width, 4 * width, 2 * width, width, 3}, same_side(5, 2));
}

Shape latent(const Settings &s) { return {1, 1, 1, 1, s.latent}; }

}  // namespace

Experiment celeba_experiment() {
  return {"celeba",
          "5: CelebA, 128x128 (quick: 64x64)",
          DataKind::pictures,
          "datasets/celeba",
          3,
          settings,
          descriptor,
          generator,
          latent,
          false};
}

}  // namespace coopnets
