// Experiment 7: dynamic textures, one clip (or a few) a model. [T] = the authors' TensorFlow code.
#include "experiments/experiment.h"

namespace coopnets {

namespace {

Settings settings(const std::string &preset) {
  Settings s;  // [T]
  s.size = 128;
  s.frames = 64;
  s.crop = "centre";
  s.normalise = "stretch";
  s.batch = 1;
  s.chains = 2;
  s.iterations = 1000;
  s.descriptor = "FC_S";
  s.generator = "FC_S_128";
  s.latent = 5;
  s.langevin_steps = 10;
  s.langevin_step_size = 0.002;
  s.reference_deviation = 0.016;
  s.optimizer = "adam";
  s.descriptor_rate = 0.01;
  s.generator_rate = 2e-4;
  s.sigma = 1;
  s.descriptor_init = 0.001;
  s.generator_init = 0.005;
  if (preset == "quick") {
    s.size = 64;
    s.frames = 32;
    s.descriptor = s.generator = "quick";
    s.chains = 1;
    s.iterations = 300;
    s.generator_rate = 1e-3;
    s.generator_init = 0.02;
  }
  return s;
}

std::vector<Layer> descriptor(const Settings &s) {
  if (s.descriptor == "FC_S" || s.descriptor == "quick")
    return {conv_layer(s.descriptor == "quick" ? 32 : 120, same_side(5, 2), same_side(5, 2), same_side(5, 2), relu()),
            conv_layer(30, padded(5, 2, 2), valid(0), valid(0), relu()),
            conv_layer(10, padded(5, 2, 2), valid(1), valid(1), linear())};
  unknown_net("descriptor", s.descriptor, {"FC_S", "quick"});
}

std::vector<Layer> generator(const Settings &s) {
  if (s.generator == "FC_S_128" || s.generator == "quick") {
    const int64_t width = s.generator == "quick" ? 16 : 64;
    return {deconv_layer(4 * width, valid(5), valid(1), valid(1), relu(), true),
            deconv_layer(2 * width, valid(5, 2, s.frames / 2), valid(s.size / 4), valid(s.size / 4), relu(), true),
            deconv_layer(width, same_side(5, 2), same_side(5, 2), same_side(5, 2), relu(), true),
            deconv_layer(3, same_side(2, 1), same_side(5, 2), same_side(5, 2), tanh_activation(), false)};
  }
  unknown_net("generator", s.generator, {"FC_S_128", "quick"});
}

// 10 x 1 x 1 for 64 frames: ((10 - 1) + 5 - 1) 2 + 5 = 31 and one frame of padding are doubled to 64.
Shape latent(const Settings &s) { return {1, s.frames / 4 - 6, 1, 1, s.latent}; }

}  // namespace

Experiment dynamic_texture_experiment() {
  return {"dynamic-texture",
          "7: dynamic textures, videos of 128x128",
          DataKind::video,
          "",
          3,
          settings,
          descriptor,
          generator,
          latent,
          false};
}

}  // namespace coopnets
