#include "rivals/rival.h"

#include <algorithm>
#include <iterator>
#include <sstream>
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

namespace {

// What both nets and each of them alone use, which may be learned by turns with the same settings.
constexpr char of_both_nets[] =
    "descriptor generator latent chains descriptor_init generator_init langevin_steps langevin_step_size "
    "reference_deviation temperature cold_steps langevin_noise_until sample_steps statistics generator_steps "
    "generator_step_size sigma residual_mean data_weight optimizer descriptor_rate generator_rate descriptor_cap "
    "generator_cap "
    "averaging inference_steps inference_restarts";

std::vector<std::string> words(const std::string &text) {
  std::istringstream all(text);
  return {std::istream_iterator<std::string>(all), {}};
}

bool contains(const std::vector<std::string> &all, const std::string &one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::vector<std::string> used_settings(const std::string &algorithm) {
  if (const Rival *const rival = find_rival(algorithm)) return words(rival->uses);
  parse_algorithm(algorithm);
  return words(of_both_nets);
}

}  // namespace

std::vector<std::string> unused_settings(const std::string &algorithm) {
  const std::vector<std::string> used = used_settings(algorithm);
  std::vector<std::string> unused;
  const auto add = [&](const std::vector<std::string> &others) {
    for (const std::string &name : others)
      if (!contains(used, name) && !contains(unused, name)) unused.push_back(name);
  };
  add(words(of_both_nets));
  for (const Rival &rival : rivals()) add(words(rival.uses));
  return unused;
}

void refuse_unused(const std::string &algorithm, const Settings &settings, const Settings &before) {
  constexpr size_t most_named = 3;
  const std::vector<std::string> unused = unused_settings(algorithm);
  for (const std::string &name : unused) {
    if (settings.get(name) == before.get(name)) continue;
    std::vector<std::string> with, near;
    if (contains(words(of_both_nets), name)) with.push_back("cooperative");
    for (const Rival &rival : rivals())
      if (contains(words(rival.uses), name)) with.push_back(rival.name);
    for (const Field<Settings> &field : setting_fields())
      if (!contains(unused, field.name)) near.push_back(field.name);
    if (with.size() > most_named) with.resize(most_named);
    throw std::invalid_argument("the setting " + name + " does nothing with --algorithm " + algorithm +
                                ", as it does with " + either(with) + did_you_mean(name, near));
  }
}

Settings rival_settings(const Rival &rival, const Experiment &experiment, const std::string &preset) {
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
    if (own.name == preset && contains(words(own.experiment), experiment.name)) s.set_all(own.settings);
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
