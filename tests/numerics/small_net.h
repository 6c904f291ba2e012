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

}  // namespace coopnets
