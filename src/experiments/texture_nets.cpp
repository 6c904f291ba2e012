// Nets of experiment 1: stationary textures. Both are convolutional throughout, so that a trained model synthesises at
// any size.
#include <cmath>

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

// f sums the responses of small nets, one on each of four scales (fewer where they do not fit). Nothing is padded, so no
// place differs from another.
Variables scales_descriptor(Recorder &r, const Variables &x, const Settings &s) {
  Variables responses;
  Variable seen = x[0];
  int64_t side = s.size + 2 * s.border;
  for (int scale = 0; scale < 4 && side >= 13; ++scale, side = side / 2 - 1) {
    if (scale > 0) seen = r.downsample(seen, Resampling::valid(Resampling::binomial));
    const Variable h = r.conv(seen, 32, valid(9), leaky_relu(0.1));
    responses.push_back(r.conv(h, 32, valid(5), leaky_relu(0.1)));
  }
  return responses;
}

// First filters that keep the variance of what leaky ReLUs hand on (He and others 2015), or a share of it.
LayerOptions scaled(Recorder &r, Variable x, double share, Activation a = {}) {
  LayerOptions options(a);
  options.deviation = std::sqrt(share * 2 / (9. * double(r.shape(x).c)));
  return options;
}

// From coarse to fine, at each level: what is known so far, doubled, and fresh noise, seen by 3x3 windows.
Variables noise_generator(Recorder &r, const Variables &z, const Settings &) {
  const int64_t channels = 24;
  Variable h = r.batch_norm(r.conv(z[0], channels, valid(3), scaled(r, z[0], 1).without_bias()), leaky_relu(0.2));
  for (size_t level = 1; level < z.size(); ++level) {
    h = r.upsample(h, Resampling::inner_doubling());
    h = r.conv(h, channels, valid(3), scaled(r, h, 0.5).without_bias());
    const Variable fresh = r.conv(z[level], channels, valid(3), scaled(r, z[level], 0.5).without_bias());
    h = r.batch_norm(r.add(h, fresh), leaky_relu(0.2));
  }
  return {r.conv(h, 3, valid(3), scaled(r, h, 0.05, tanh_activation()))};
}

// A level of n x n pixels becomes one of 2n - 4: doubling inside makes 2n - 2 of them, 3x3 windows take 2. The last windows
// take 2 from the finest level. So from the picture backwards each side is ceil((n + 4) / 2) of the one after it.
std::vector<Shape> noise_latent(const Settings &s) {
  const int levels = 5;
  int64_t n = s.size + 2 * s.border + 2;
  for (int level = 1; level < levels; ++level) n = (n + 5) / 2;
  std::vector<Shape> shapes;
  for (int level = 0; level < levels; ++level) {
    shapes.push_back({1, 1, n + 2, n + 2, s.latent});
    n = 2 * n - 4;
  }
  return shapes;
}

std::vector<Shape> latent(const Settings &s) { return {{1, 1, s.size / 32, s.size / 32, s.latent}}; }

}  // namespace

std::vector<Net> texture_nets() {
  return {
      {Net::descriptor, "texture", "texture", "[M]'s, 224x224", descriptor, nullptr},
      {Net::descriptor, "texture-small", "texture", "the same with half the filters, leaky", small_descriptor, nullptr},
      {Net::descriptor, "texture-scales", "texture", "ours, the sum over four scales, unpadded", scales_descriptor,
       nullptr},
      {Net::generator, "texture", "texture", "[M]'s, 224x224", generator, latent},
      {Net::generator, "texture-noise", "texture", "ours, noise at five scales, unpadded", noise_generator,
       noise_latent},
      {Net::generator, "texture-small", "texture", "[M]'s with a quarter of the filters", small_generator, latent}};
}

}  // namespace coopnets
