// Experiment 5, LSUN, 256x256: the scene nets with two more stride-2 stages and doubled widths to 512 at most (our
// choice: the authors' settings for this benchmark are not published).
#include "experiments/experiment.h"

namespace coopnets {

namespace {

// CelebA's; the published ones at twice the side and half the examples at a time.
Settings settings(const std::string &preset) {
  Settings s = celeba_experiment().settings(preset);
  if (preset == "quick") return s;
  s.size = 256;
  s.batch = s.chains = 32;
  return s;
}

std::vector<Layer> descriptor(const Settings &s) {
  if (s.descriptor == "quick") return halving({16, 32, 64, 128});
  if (s.descriptor != "paper") unknown_net("descriptor", s.descriptor, {"paper", "quick"});
  const int64_t width = 64;
  const Activation leaky = leaky_relu(0.2);
  return {conv_layer(width, same_side(5, 2), leaky),     conv_layer(2 * width, same_side(3, 2), leaky),
          conv_layer(4 * width, same_side(3, 2), leaky), conv_layer(8 * width, same_side(3, 2), leaky),
          conv_layer(8 * width, same_side(3, 1), leaky), fully_connected(100, linear())};
}

std::vector<Layer> generator(const Settings &s) {
  if (s.generator == "quick") return doubling_quickly(s.size, {128, 64, 32, 16, 3});
  if (s.generator != "paper") unknown_net("generator", s.generator, {"paper", "quick"});
  const int64_t width = 64;
  return doubling({deconv_layer(8 * width, valid(4), leaky_relu(0.2), true)},
                  {8 * width, 8 * width, 4 * width, 2 * width, width, 3}, same_side(5, 2));
}

Shape latent(const Settings &s) { return {1, 1, 1, 1, s.latent}; }

}  // namespace

Experiment lsun_experiment() {
  return {"lsun",
          "5: LSUN, 256x256 (quick: 64x64)",
          DataKind::pictures,
          "datasets/lsun",
          3,
          settings,
          descriptor,
          generator,
          latent,
          false};
}

}  // namespace coopnets
