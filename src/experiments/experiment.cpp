#include "experiments/experiment.h"

#include <stdexcept>

#include "experiments/text.h"
#include "tensor/file.h"

namespace coopnets {

Shape example_shape(const Experiment &experiment, const Settings &s) {
  return {1, experiment.data == DataKind::video ? s.frames : 1, s.size, s.size, experiment.channels};
}

std::vector<std::string> unused_settings(const Experiment &experiment) {
  std::vector<std::string> unused;
  if (experiment.data != DataKind::video) unused.push_back("frames");
  if (experiment.data == DataKind::video || experiment.data == DataKind::texture) unused.insert(unused.end(), {"held_out", "examples"});
  if (experiment.data != DataKind::digits) unused.push_back("parzen");
  if (experiment.data == DataKind::video)
    unused.insert(unused.end(), {"hidden_square", "inference_steps", "inference_restarts"});
  return unused;
}

const std::vector<Experiment> &experiments() {
  static const std::vector<Experiment> all = {
      texture_experiment(), object_experiment(),     scene_experiment(),
      digits_experiment(),  cifar10_experiment(),    celeba_experiment(),
      lsun_experiment(),    completion_experiment(), dynamic_texture_experiment()};
  return all;
}

const Experiment &find_experiment(const std::string &name) {
  std::vector<std::string> names;
  for (const Experiment &e : experiments()) {
    if (e.name == name) return e;
    names.push_back(e.name);
  }
  throw std::runtime_error("there is no experiment " + quoted(name) + "; did you mean '" + nearest(name, names) +
                           "'? (coopnets --list shows them all)");
}

std::vector<Layer> doubling(std::vector<Layer> layers, const std::vector<int64_t> &channels, const Side &side) {
  for (size_t i = 0; i < channels.size(); ++i) {
    const bool last = i + 1 == channels.size();
    layers.push_back(deconv_layer(channels[i], side, last ? tanh_activation() : leaky_relu(0.2), !last));
  }
  return layers;
}

void unknown_net(const std::string &what, const std::string &name, const std::vector<std::string> &known) {
  throw std::runtime_error("there is no " + what + " net " + quoted(name) + " in this experiment; there is " +
                           either(known));
}

}  // namespace coopnets
