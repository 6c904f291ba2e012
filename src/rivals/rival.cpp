#include "rivals/rival.h"

#include <stdexcept>

#include "experiments/model.h"
#include "experiments/nets.h"
#include "experiments/text.h"

namespace coopnets {

const std::vector<Rival> &rivals() {
  static const std::vector<Rival> all = {dcgan(), wgan(), ebgan(), vae(), infogan(), ddgm(),
                                         gan(),   dbn(),  cae(),   gsn(), cdrl()};
  return all;
}

const Rival *find_rival(const std::string &name) {
  for (const Rival &rival : rivals())
    if (rival.name == name) return &rival;
  return nullptr;
}

std::string algorithm_title(const std::string &algorithm) {
  if (const Rival *const rival = find_rival(algorithm)) return rival->title;
  switch (parse_algorithm(algorithm)) {
    case Algorithm::cooperative:
      return "CoopNets";
    case Algorithm::descriptor:
      return "descriptor alone";
    case Algorithm::persistent_cd:
      return "persistent CD";
    case Algorithm::generator:
      return "algorithm G";
  }
  return algorithm;
}

Settings rival_settings(const Rival &rival, const Experiment &experiment, const std::string &preset) {
  if (experiment.data == DataKind::video && rival.chain)
    throw std::runtime_error(rival.title + " learns single pictures: it has no experiment '" + experiment.name + "'");
  if (!rival.chain && (experiment.data == DataKind::video || experiment.data == DataKind::texture ||
                       experiment.data == DataKind::points))
    throw std::runtime_error(rival.title + " learns pictures of one size from a latent vector: it has no experiment '" +
                             experiment.name + "'");
  if (rival.of_digits && experiment.data != DataKind::digits)
    throw std::runtime_error(rival.title + " has units that are black or white: it learns digits, not pictures of '" +
                             experiment.name + "'");
  Settings s = experiment.settings(preset);
  for (const Preset &own : rival.presets)
    if (own.experiment.empty() && (own.name == preset || (preset != "paper" && own.name == "quick")))
      s.set_all(own.settings);
  for (const Preset &own : rival.presets)
    if (own.experiment == experiment.name && own.name == preset) s.set_all(own.settings);
  return s;
}

NetFunction rival_generator(const Rival &rival, const Experiment &experiment, const Settings &s) {
  const NetFunction own = find_net(Net::generator, s.generator).function(s);
  return rival.generator ? rival.generator(own, s, example_shape(experiment, s)) : own;
}

RivalModel make_rival(Backend &backend, const Rival &rival, const Experiment &experiment, const Settings &s,
                      uint64_t seed) {
  const Shape example = example_shape(experiment, s);
  const NetFunction generator = rival_generator(rival, experiment, s);
  const Shape made = sketch(generator, "generator", latent_shapes(s)).outputs.at(0);
  if (made != example)
    throw std::runtime_error("these settings fit no nets of " + rival.title + ": the generator makes " + made.str() +
                             ", the examples are " + example.str());
  RivalModel model;
  model.partner =
      std::make_unique<Network>(backend, rival.partner, rival.partner_net(s, seed), rival.partner_inputs(example, s),
                                RandomKey{seed, Purpose::descriptor_weights}, s.descriptor_init);
  model.generator = std::make_unique<Network>(backend, "generator", generator, latent_shapes(s),
                                              RandomKey{seed, Purpose::generator_weights}, s.generator_init);
  return model;
}

}  // namespace coopnets
