// Experiment 7: dynamic textures, one clip (or a few) a model. [T] = the authors' TensorFlow code.
#include "experiments/experiment.h"

namespace coopnets {

namespace {

Settings settings(const std::string &preset) {
  Settings s;  // [T]
  s.size = 128;
  s.frames = 64;
  s.crop = "centre";
  s.normalise = "frame";
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
  return s;
}

std::vector<Layer> descriptor(const Settings &s) {
  if (s.descriptor == "FC_S")
    return {conv_layer(120, same_side(5, 2), same_side(5, 2), same_side(5, 2), relu()),
            conv_layer(30, padded(5, 2, 2), valid(0), valid(0), relu()),
            conv_layer(10, padded(5, 2, 2), valid(1), valid(1), linear())};
  unknown_net("descriptor", s.descriptor, {"FC_S"});
}

std::vector<Layer> generator(const Settings &s) {
  if (s.generator == "FC_S_128")
    return {deconv_layer(256, valid(5), valid(1), valid(1), relu(), true),
            deconv_layer(128, valid(5, 2, s.frames / 2), valid(s.size / 4), valid(s.size / 4), relu(), true),
            deconv_layer(64, same_side(5, 2), same_side(5, 2), same_side(5, 2), relu(), true),
            deconv_layer(3, same_side(2, 1), same_side(5, 2), same_side(5, 2), tanh_activation(), false)};
  unknown_net("generator", s.generator, {"FC_S_128"});
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
