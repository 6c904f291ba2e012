// Experiment 7: dynamic textures, one clip (or a few) a model. [T] = the authors' TensorFlow code
// (github.com/jianwen-xie/Spatial-Temporal-CoopNets), after which the nets are named.
#include <algorithm>

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
    s.generator_rate = 1e-3;
    s.generator_init = 0.02;
  }
  return s;
}

// FC_S is fully connected in space and a convolution in time: stationary in time alone, it takes clips of any length.
// FRAME_2 and FRAME_3 have a last layer as large as the clip.
std::vector<Layer> descriptor(const Settings &s) {
  if (s.descriptor == "FC_S" || s.descriptor == "quick")
    return {conv_layer(s.descriptor == "quick" ? 32 : 120, same_side(5, 2), same_side(5, 2), same_side(5, 2), relu()),
            conv_layer(30, padded(5, 2, 2), valid(0), valid(0), relu()),
            conv_layer(10, padded(5, 2, 2), valid(1), valid(1), linear())};
  if (s.descriptor == "FRAME_2")
    return {conv_layer(200, same_side(3, 1), same_side(7, 2), same_side(7, 2), relu()), fully_connected(10, linear())};
  if (s.descriptor == "FRAME_3")
    return {conv_layer(120, same_side(1, 1), same_side(3, 2), same_side(3, 2), relu()),
            conv_layer(200, same_side(3, 2), same_side(3, 2), same_side(3, 2), relu()), fully_connected(1, linear())};
  unknown_net("descriptor", s.descriptor, {"FC_S", "FRAME_2", "FRAME_3", "quick"});
}

Layer cube_deconv(int64_t channels, int64_t kernel, int64_t stride, Activation activation) {
  const Side side = same_side(kernel, stride);
  return deconv_layer(channels, side, side, side, activation, activation.kind != Activation::tanh);
}

// The FC nets see a latent frame as one vector: their second layer fully connects it with a picture, a quarter
// (FC_S_128) or half (FC_S_64) as wide as the video's. In time all are convolutions: a longer latent sequence is a
// longer video.
std::vector<Layer> generator(const Settings &s) {
  const int64_t width = s.generator == "quick" ? 16 : 64, shrink = s.generator == "FC_S_64" ? 2 : 4;
  std::vector<Layer> layers = {
      deconv_layer(4 * width, valid(5), valid(1), valid(1), relu(), true),
      deconv_layer(2 * width, padded(5, 2, 0, -1), valid(s.size / shrink), valid(s.size / shrink), relu(), true)};
  if (s.generator == "FC_S_64") {
    layers.push_back(cube_deconv(3, 5, 2, tanh_activation()));
    return layers;
  }
  if (s.generator == "FC_S_128" || s.generator == "quick") {
    layers.push_back(cube_deconv(width, 5, 2, relu()));
    layers.push_back(deconv_layer(3, same_side(2, 1), same_side(5, 2), same_side(5, 2), tanh_activation(), false));
    return layers;
  }
  if (s.generator == "ST")
    return {cube_deconv(512, 4, 1, relu()), cube_deconv(256, 4, 2, relu()), cube_deconv(128, 4, 2, relu()),
            cube_deconv(64, 4, 2, relu()), cube_deconv(3, 4, 2, tanh_activation())};
  unknown_net("generator", s.generator, {"FC_S_64", "FC_S_128", "ST", "quick"});
}

// The shortest latent sequence that makes at least `frames` frames. FC nets make 2 (2 ((L + 4) - 1) + 5 + 1) = 4 L + 24
// of L, so that L = 10 makes the published 64; ST makes 16 of one latent frame, 16 x 16 pixels of one latent position.
Shape latent(const Settings &s) {
  if (s.generator == "ST") return {1, (s.frames + 15) / 16, s.size / 16, s.size / 16, s.latent};
  return {1, std::max<int64_t>((s.frames - 24 + 3) / 4, 1), 1, 1, s.latent};
}

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
