// Nets of experiments 2 to 6: pictures of things, from a latent vector.
#include "experiments/nets.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

namespace {

// ------------------------------------------------------------------------------------------------------ descriptors

// 64 -> 33 -> 36 -> 1 [M]
Variables object_descriptor(Recorder &r, const Variables &x, const Settings &) {
  Variable h = r.conv(x[0], 64, padded(4, 2, 2), relu());
  h = r.conv(h, 128, padded(2, 1, 2), LayerOptions(relu()).at_rate(0.5));
  return {r.fully_connected(h, 2, LayerOptions().at_rate(0.2857))};
}

// Halves the side with each of `strided`, keeps it with the last, and ends in 100 numbers.
Variables scene_like(Recorder &r, Variable h, const std::vector<int64_t> &strided, int64_t last) {
  const Activation leaky = leaky_relu(0.2);
  for (size_t i = 0; i < strided.size(); ++i) h = r.conv(h, strided[i], same_side(i == 0 ? 5 : 3, 2), leaky);
  return {r.fully_connected(r.conv(h, last, same_side(3, 1), leaky), 100)};
}

Variables scene_descriptor(Recorder &r, const Variables &x, const Settings &) {  // [T]
  return scene_like(r, x[0], {64, 128}, 256);
}

Variables celeba_descriptor(Recorder &r, const Variables &x, const Settings &) {
  return scene_like(r, x[0], {64, 128, 256}, 512);
}

Variables lsun_descriptor(Recorder &r, const Variables &x, const Settings &) {
  return scene_like(r, x[0], {64, 128, 256, 512}, 512);
}

// 4x4 convolutions that halve the side, and 100 numbers at the end.
Variables halving(Recorder &r, Variable h, const std::vector<int64_t> &channels) {
  for (const int64_t c : channels) h = r.conv(h, c, same_side(4, 2), leaky_relu(0.2));
  return {r.fully_connected(h, 100)};
}

Variables digits_descriptor(Recorder &r, const Variables &x, const Settings &) {  // 28 -> 14 -> 7 -> 4 [T]
  return halving(r, x[0], {64, 128, 256});
}

Variables small_descriptor_32(Recorder &r, const Variables &x, const Settings &) {
  return halving(r, x[0], {32, 64, 128});
}

Variables small_descriptor_64(Recorder &r, const Variables &x, const Settings &) {
  return halving(r, x[0], {16, 32, 64, 128});
}

Variables cifar_descriptor(Recorder &r, const Variables &x, const Settings &) {  // [P]
  r.conventions = pytorch;
  const Activation leaky = leaky_relu(0.01);
  Variable h = r.conv(x[0], 64, padded(5, 2, 1), leaky);
  h = r.conv(h, 128, padded(3, 2, 1), leaky);
  return {r.fully_connected(r.conv(h, 256, padded(3, 1, 1), leaky), 100)};
}

// ------------------------------------------------------------------------------------------------------ generators

Variable normalised(Recorder &r, Variable h, int64_t channels, const Sides &sides, Activation a = leaky_relu(0.2)) {
  return r.batch_norm(r.deconv(h, channels, sides, LayerOptions().without_bias()), a);
}

// A picture of side `first`, doubled by each of the further channels; the last are the picture's own.
Variables doubling(Recorder &r, Variable z, int64_t first, const std::vector<int64_t> &channels, const Side &side,
                   Activation a = leaky_relu(0.2)) {
  Variable h = normalised(r, z, channels[0], valid(first), a);
  for (size_t i = 1; i + 1 < channels.size(); ++i) h = normalised(r, h, channels[i], side, a);
  return {r.deconv(h, channels.back(), side, tanh_activation())};
}

Variables object_generator(Recorder &r, const Variables &z, const Settings &s) {  // [M]
  r.conventions = matconvnet;
  return doubling(r, z[0], s.size / 16, {512, 256, 128, 64, 3}, padded(5, 2, 1, 2));
}

Variables scene_generator(Recorder &r, const Variables &z, const Settings &s) {  // [T]
  r.conventions = tensorflow;
  return doubling(r, z[0], s.size / 16, {512, 256, 128, 64, 3}, same_side(5, 2));
}

Variables celeba_generator(Recorder &r, const Variables &z, const Settings &) {
  return doubling(r, z[0], 4, {512, 512, 256, 128, 64, 3}, same_side(5, 2));
}

Variables lsun_generator(Recorder &r, const Variables &z, const Settings &) {
  return doubling(r, z[0], 4, {512, 512, 512, 256, 128, 64, 3}, same_side(5, 2));
}

Variables cifar_generator(Recorder &r, const Variables &z, const Settings &s) {  // [P]
  r.conventions = pytorch;
  return doubling(r, z[0], s.size / 8, {256, 128, 64, 3}, padded(5, 2, 2, 1), leaky_relu(0.01));
}

Variables small_generator_32(Recorder &r, const Variables &z, const Settings &s) {
  return doubling(r, z[0], s.size >> 3, {128, 64, 32, 3}, same_side(4, 2));
}

Variables small_generator_64(Recorder &r, const Variables &z, const Settings &s) {
  return doubling(r, z[0], s.size >> 4, {128, 64, 32, 16, 3}, same_side(4, 2));
}

// 4 -> 7 -> 14 -> 28
Variables from_4_to_28(Recorder &r, Variable z, int64_t width) {
  Variable h = normalised(r, z, 4 * width, valid(4));
  h = normalised(r, h, 2 * width, same_side(4, 2, 7));
  h = normalised(r, h, width, same_side(4, 2, 14));
  return {r.deconv(h, 1, same_side(4, 2, 28), tanh_activation())};
}

Variables digits_generator(Recorder &r, const Variables &z, const Settings &) {  // [T]
  r.conventions = tensorflow;
  return from_4_to_28(r, z[0], 128);
}

Variables small_generator_28(Recorder &r, const Variables &z, const Settings &) { return from_4_to_28(r, z[0], 64); }

// From a first map, whose side is the size halved as often as it can be, bilinear doubling and 3x3 windows, which favour no
// pixel of a block. Throws std::invalid_argument where the first map would be larger than 16x16.
Variables smooth(Recorder &r, Variable z, int64_t size, int64_t colours) {
  int64_t side = size, channels = 16;
  for (; side % 2 == 0 && side > 4; side /= 2) channels = std::min<int64_t>(2 * channels, 128);
  if (side > 16)
    throw std::invalid_argument("it doubles a side of 16 or less, and " + std::to_string(size) +
                                " is none such doubled");
  Variable h = normalised(r, z, channels, valid(side));
  for (; side < size; side *= 2) {
    channels = std::max<int64_t>(channels / 2, 16);
    h = r.upsample(h);
    h = r.batch_norm(r.conv(h, channels, same_side(3, 1), LayerOptions().without_bias()), leaky_relu(0.2));
  }
  return {r.conv(h, colours, same_side(3, 1), tanh_activation())};
}

Variables smooth_generator(Recorder &r, const Variables &z, const Settings &s) { return smooth(r, z[0], s.size, 3); }

Variables smooth_grey_generator(Recorder &r, const Variables &z, const Settings &s) {
  return smooth(r, z[0], s.size, 1);
}

}  // namespace

std::vector<Net> picture_nets() {
  constexpr Net::Role d = Net::descriptor, g = Net::generator;
  const auto z = latent_vector;
  return {{d, "object", "object", "[M]'s, 64x64", object_descriptor, nullptr},
          {d, "scene", "scene", "[T]'s, 64x64", scene_descriptor, nullptr},
          {d, "digits", "digits", "[T]'s, 28x28", digits_descriptor, nullptr},
          {d, "cifar10", "cifar10", "[P]'s, 32x32", cifar_descriptor, nullptr},
          {d, "celeba", "celeba", "the scene's with one more stage", celeba_descriptor, nullptr},
          {d, "lsun", "lsun", "the scene's with two more stages", lsun_descriptor, nullptr},
          {d, "small-32", "digits", "three 4x4 convolutions that halve the side", small_descriptor_32, nullptr},
          {d, "small-64", "scene", "four 4x4 convolutions that halve the side", small_descriptor_64, nullptr},
          {g, "object", "object", "[M]'s, 64x64", object_generator, z},
          {g, "scene", "scene", "[T]'s, 64x64", scene_generator, z},
          {g, "digits", "digits", "[T]'s, 28x28", digits_generator, z},
          {g, "cifar10", "cifar10", "[P]'s, 32x32", cifar_generator, z},
          {g, "celeba", "celeba", "the scene's with one more stage", celeba_generator, z},
          {g, "lsun", "lsun", "the scene's with two more stages", lsun_generator, z},
          {g, "smooth", "scene", "bilinear doubling and 3x3 convolutions", smooth_generator, z},
          {g, "smooth-grey", "digits", "the same for one channel", smooth_grey_generator, z},
          {g, "small-28", "digits", "half the digits' filters", small_generator_28, z},
          {g, "small-32", "cifar10", "three 4x4 deconvolutions that double the side", small_generator_32, z},
          {g, "small-64", "scene", "four 4x4 deconvolutions that double the side", small_generator_64, z}};
}

}  // namespace coopnets
