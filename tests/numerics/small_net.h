// Nets of the tests: one input, one output.
#pragma once
#include "nets/network.h"

namespace coopnets {

inline NetFunction small_net(const std::function<Variable(Recorder &, Variable)> &body) {
  return [body](Recorder &r, const std::vector<Variable> &x) { return std::vector<Variable>{body(r, x.at(0))}; };
}

// y = a fully connected layer of x.
inline NetFunction linear_net(int64_t channels) {
  return small_net([=](Recorder &r, Variable x) { return r.fully_connected(x, channels); });
}
// The same as a generator's only layer.
inline NetFunction linear_generator(int64_t channels) {
  return small_net([=](Recorder &r, Variable z) { return r.deconv(z, channels, valid(1)); });
}

// y = a(batch_norm(deconv(x)))
inline Variable normalised_deconv(Recorder &r, Variable x, int64_t channels, const Sides &sides, Activation a) {
  return r.batch_norm(r.deconv(x, channels, sides, LayerOptions().without_bias()), a);
}

// f(x): responses on two scales, the second by a residual block.
inline std::vector<Variable> two_branches(Recorder &r, const std::vector<Variable> &x) {
  const Variable fine = r.conv(x[0], 4, same_side(3, 1), leaky_relu(0.2));
  Variable coarse = r.conv(r.downsample(x[0]), 3, same_side(3, 1), leaky_relu(0.2));
  coarse = r.add(coarse, r.conv(coarse, 3, same_side(3, 1), tanh_activation()));
  return {fine, r.fully_connected(coarse, 2)};
}

// g(z): noise of three sizes, seen at three levels.
inline std::vector<Variable> three_noises(Recorder &r, const std::vector<Variable> &z) {
  Variable h = r.conv(z[0], 4, same_side(3, 1), leaky_relu(0.2));
  for (size_t level = 1; level < 3; ++level) {
    const Variable fresh = r.conv(z[level], 4, same_side(3, 1));
    h = r.batch_norm(r.add(r.conv(r.upsample(h), 4, same_side(3, 1)), fresh), leaky_relu(0.2));
  }
  return {r.conv(h, 1, same_side(3, 1), tanh_activation())};
}
inline const std::vector<Shape> three_sizes = {{1, 1, 2, 2, 2}, {1, 1, 4, 4, 1}, {1, 1, 8, 8, 1}};

}  // namespace coopnets
