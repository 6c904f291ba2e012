#include "experiments/classifier.h"

namespace coopnets {

Settings classifier_settings() {
  Settings s;
  s.size = 32;
  s.crop = "centre";
  s.normalise = "fixed";
  s.batch = 64;
  s.iterations = 1500;
  s.descriptor_rate = 0.002;
  s.schedule_steps = 20;
  s.descriptor_init = 0.02;
  s.held_out = 1000;
  return s;
}

NetFunction classifier_net(int64_t classes) {
  return [classes](Recorder &r, const std::vector<Variable> &x) {
    const Activation leaky = leaky_relu(0.1);
    const auto layer = [&](Variable h, int64_t channels, const Side &side) {
      return r.batch_norm(r.conv(h, channels, side, LayerOptions().without_bias()), leaky);
    };
    Variable h = layer(x[0], 32, same_side(3, 1));
    for (const int64_t channels : {64, 128, 256}) h = layer(h, channels, same_side(4, 2));
    return std::vector<Variable>{r.fully_connected(r.fully_connected(h, 256, leaky), classes)};
  };
}

}  // namespace coopnets
