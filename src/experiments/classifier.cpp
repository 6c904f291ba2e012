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

std::vector<Layer> classifier_layers(int64_t classes) {
  const Activation leaky = leaky_relu(0.1);
  std::vector<Layer> layers = {conv_layer(32, same_side(3, 1), leaky), conv_layer(64, same_side(4, 2), leaky),
                               conv_layer(128, same_side(4, 2), leaky), conv_layer(256, same_side(4, 2), leaky)};
  for (Layer &layer : layers) layer.batch_norm = true;
  layers.push_back(fully_connected(256, leaky));
  layers.push_back(fully_connected(classes, linear()));
  return layers;
}

}  // namespace coopnets
