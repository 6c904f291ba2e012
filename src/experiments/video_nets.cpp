// Nets of experiment 7: dynamic textures, named as in [V].
#include <algorithm>

#include "experiments/nets.h"

namespace coopnets {

namespace {

// ------------------------------------------------------------------------------------------------------ descriptors

// Fully connected in space and a convolution in time: stationary in time alone, it takes clips of any length.
Variables fully_connected_in_space(Recorder &r, Variable x, int64_t width) {
  Variable h = r.conv(x, width, {same_side(5, 2), same_side(5, 2), same_side(5, 2)}, relu());
  h = r.conv(h, 30, {padded(5, 2, 2), valid(0), valid(0)}, relu());
  return {r.conv(h, 10, {padded(5, 2, 2), valid(1), valid(1)})};
}

Variables fc_s(Recorder &r, const Variables &x, const Settings &) { return fully_connected_in_space(r, x[0], 120); }
Variables small_fc_s(Recorder &r, const Variables &x, const Settings &) {
  return fully_connected_in_space(r, x[0], 32);
}

// The last layer of these is as large as the clip.
Variables frame_2(Recorder &r, const Variables &x, const Settings &) {
  return {r.fully_connected(r.conv(x[0], 200, {same_side(3, 1), same_side(7, 2), same_side(7, 2)}, relu()), 10)};
}
Variables frame_3(Recorder &r, const Variables &x, const Settings &) {
  const Variable h = r.conv(x[0], 120, {same_side(1, 1), same_side(3, 2), same_side(3, 2)}, relu());
  return {r.fully_connected(r.conv(h, 200, {same_side(3, 2), same_side(3, 2), same_side(3, 2)}, relu()), 1)};
}

// ------------------------------------------------------------------------------------------------------ generators

Variable normalised(Recorder &r, Variable h, int64_t channels, const Sides &sides) {
  return r.batch_norm(r.deconv(h, channels, sides, LayerOptions().without_bias()), relu());
}

Sides cube(int64_t kernel, int64_t stride) {
  const Side side = same_side(kernel, stride);
  return {side, side, side};
}

// A latent frame is one vector: the second layer fully connects it with a picture, `shrink` times narrower than the
// video's. In time all are convolutions: a longer latent sequence is a longer video.
Variable from_latent_frames(Recorder &r, Variable z, int64_t width, int64_t side) {
  const Variable h = normalised(r, z, 4 * width, {valid(5), valid(1), valid(1)});
  return normalised(r, h, 2 * width, {padded(5, 2, 0, -1), valid(side), valid(side)});
}

Variables fc_s_64(Recorder &r, const Variables &z, const Settings &s) {
  r.conventions = tensorflow;
  return {r.deconv(from_latent_frames(r, z[0], 64, s.size / 2), 3, cube(5, 2), tanh_activation())};
}

Variables four_times_wider(Recorder &r, Variable z, int64_t width, const Settings &s) {
  const Variable h = normalised(r, from_latent_frames(r, z, width, s.size / 4), width, cube(5, 2));
  return {r.deconv(h, 3, {same_side(2, 1), same_side(5, 2), same_side(5, 2)}, tanh_activation())};
}
Variables fc_s_128(Recorder &r, const Variables &z, const Settings &s) {
  r.conventions = tensorflow;
  return four_times_wider(r, z[0], 64, s);
}
Variables small_fc_s_128(Recorder &r, const Variables &z, const Settings &s) {
  return four_times_wider(r, z[0], 16, s);
}

Variables st(Recorder &r, const Variables &z, const Settings &) {
  r.conventions = tensorflow;
  Variable h = normalised(r, z[0], 512, cube(4, 1));
  for (const int64_t channels : {256, 128, 64}) h = normalised(r, h, channels, cube(4, 2));
  return {r.deconv(h, 3, cube(4, 2), tanh_activation())};
}

// The shortest latent sequence that makes at least `frames` frames: 2 (2 ((L + 4) - 1) + 5 + 1) = 4 L + 24 of L, so that
// L = 10 makes the published 64.
std::vector<Shape> latent_frames(const Settings &s) {
  return {{1, std::max<int64_t>((s.frames - 24 + 3) / 4, 1), 1, 1, s.latent}};
}
// 16 frames of a latent frame, 16 x 16 pixels of a latent position.
std::vector<Shape> latent_cubes(const Settings &s) {
  return {{1, (s.frames + 15) / 16, s.size / 16, s.size / 16, s.latent}};
}

}  // namespace

std::vector<Net> video_nets() {
  return {
      {Net::descriptor, "FC_S", "dynamic-texture", "[V]'s, fully connected in space", fc_s, nullptr},
      {Net::descriptor, "FRAME_2", "dynamic-texture", "[V]'s, two layers, as large as the clip", frame_2, nullptr},
      {Net::descriptor, "FRAME_3", "dynamic-texture", "[V]'s, three layers, as large as the clip", frame_3, nullptr},
      {Net::descriptor, "FC_S-small", "dynamic-texture", "FC_S with a quarter of the filters", small_fc_s, nullptr},
      {Net::generator, "FC_S_64", "dynamic-texture", "[V]'s, fully connected in space, 64x64", fc_s_64, latent_frames},
      {Net::generator, "FC_S_128", "dynamic-texture", "[V]'s, fully connected in space, 128x128", fc_s_128,
       latent_frames},
      {Net::generator, "ST", "dynamic-texture", "[V]'s, convolutional in space and time", st, latent_cubes},
      {Net::generator, "FC_S_128-small", "dynamic-texture", "FC_S_128 with a quarter of the filters", small_fc_s_128,
       latent_frames}};
}

}  // namespace coopnets
