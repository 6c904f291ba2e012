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
  if (experiment.data == DataKind::video || experiment.data == DataKind::texture)
    unused.insert(unused.end(), {"held_out", "examples"});
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

std::vector<Layer> halving(const std::vector<int64_t> &channels) {
  std::vector<Layer> layers;
  for (const int64_t c : channels) layers.push_back(conv_layer(c, same_side(4, 2), leaky_relu(0.2)));
  layers.push_back(fully_connected(100, linear()));
  return layers;
}

std::vector<Layer> doubling_quickly(int64_t size, const std::vector<int64_t> &channels) {
  const std::vector<int64_t> rest(channels.begin() + 1, channels.end());
  const Side first = valid(size >> rest.size());
  return doubling({deconv_layer(channels[0], first, leaky_relu(0.2), true)}, rest, same_side(4, 2));
}

void learn_quickly(Settings &s, int64_t chains, int64_t iterations) {
  s.batch = s.chains = chains;
  s.iterations = iterations;
  s.halve_every = iterations / 4;
  s.latent = 100;
  s.optimizer = "adam";
  s.langevin_steps = 2;
  s.langevin_step_size = 0.042;
  s.langevin_noise = false;
  s.langevin_noise_until = s.sample_steps = -1;
  s.reference_deviation = 0.066;
  s.descriptor_rate = 0.002;
  s.generator_rate = 0.003;
  s.descriptor_init = 0.1;
  s.generator_init = 0.02;
  s.descriptor_cap = s.generator_cap = 0;
  s.schedule_steps = 0;
}

void unknown_net(const std::string &what, const std::string &name, const std::vector<std::string> &known) {
  throw std::runtime_error("there is no " + what + " net " + quoted(name) + " in this experiment; there is " +
                           either(known));
}

}  // namespace coopnets
