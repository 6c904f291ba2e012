// Nets of experiment 1: stationary textures. Both are convolutional throughout, so that a trained model synthesises at
// any size.
#include "experiments/nets.h"

namespace coopnets {

namespace {

// 224 -> 75 -> 75 -> 75; f is the sum of all responses [M].
Variables descriptor(Recorder &r, const Variables &x, const Settings &) {
  Variable h = r.conv(x[0], 100, padded(15, 3, 7), relu());
  h = r.conv(h, 70, padded(9, 1, 4), relu());
  return {r.conv(h, 30, padded(7, 1, 3), relu())};
}

Variables small_descriptor(Recorder &r, const Variables &x, const Settings &) {
  Variable h = r.conv(x[0], 50, padded(15, 3, 7), leaky_relu(0.1));
  h = r.conv(h, 40, padded(9, 1, 4), leaky_relu(0.1));
  return {r.conv(h, 20, padded(7, 1, 3), leaky_relu(0.1))};
}

// 7 -> 14 -> 28 -> 56 -> 112 -> 224: 5x5, upsampling 2, crop 1 2 1 2.
Variable doubled(Recorder &r, Variable h, const std::vector<int64_t> &channels) {
  for (const int64_t c : channels)
    h = r.batch_norm(r.deconv(h, c, padded(5, 2, 1, 2), LayerOptions().without_bias()), leaky_relu(0.2));
  return r.deconv(h, 3, padded(5, 2, 1, 2), tanh_activation());
}

Variables generator(Recorder &r, const Variables &z, const Settings &) {
  r.conventions = matconvnet;
  return {doubled(r, z[0], {512, 256, 128, 64})};
}

Variables small_generator(Recorder &r, const Variables &z, const Settings &) {
  return {doubled(r, z[0], {128, 64, 32, 16})};
}

std::vector<Shape> latent(const Settings &s) { return {{1, 1, s.size / 32, s.size / 32, s.latent}}; }

}  // namespace

std::vector<Net> texture_nets() {
  return {
      {Net::descriptor, "texture", "texture", "[M]'s, 224x224", descriptor, nullptr},
      {Net::descriptor, "texture-small", "texture", "the same with half the filters, leaky", small_descriptor, nullptr},
      {Net::generator, "texture", "texture", "[M]'s, 224x224", generator, latent},
      {Net::generator, "texture-small", "texture", "the same with a quarter of the filters", small_generator, latent}};
}

}  // namespace coopnets
