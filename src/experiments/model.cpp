#include "experiments/model.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "experiments/text.h"

namespace coopnets {

std::vector<Shape> latent_shapes(const Settings &s) { return find_net(Net::generator, s.generator).latent(s); }

namespace {

// Throws std::invalid_argument where the nets do not fit the examples and each other.
void check_nets(const Experiment &experiment, const Settings &s) {
  const Net &d = find_net(Net::descriptor, s.descriptor), &g = find_net(Net::generator, s.generator);
  const Shape taken = example_shape(experiment, s);
  sketch(d.function(s), "descriptor", {taken});
  const Shape made = sketch(g.function(s), "generator", g.latent(s)).outputs.at(0);
  if (made != taken)
    throw std::invalid_argument("the generator makes " + made.str() + ", the descriptor takes " + taken.str());
}

// The values of a setting nearest to what it is with which the nets fit: one below and one above, at most.
std::vector<int64_t> values_that_fit(const Experiment &experiment, Settings s, int64_t Settings::*setting) {
  const int64_t near = s.*setting, most = std::min<int64_t>(2 * near + 256, 65536);
  const auto fit = [&](int64_t value) {
    s.*setting = value;
    return fits(experiment, s);
  };
  if (fit(near)) return {near};
  std::vector<int64_t> found;
  for (int64_t value = near - 1; value >= 1 && found.empty(); --value)
    if (fit(value)) found.push_back(value);
  const size_t below = found.size();
  for (int64_t value = near + 1; value <= most && found.size() == below; ++value)
    if (fit(value)) found.push_back(value);
  return found;
}

// "size=60 or size=64"
std::string assignments(const std::string &setting, const std::vector<int64_t> &values) {
  std::vector<std::string> words;
  for (const int64_t value : values) words.push_back(setting + "=" + std::to_string(value));
  return either(words);
}

// What to set instead, or "" where neither another size nor another number of frames helps.
std::string nearest_that_fit(const Experiment &experiment, Settings s) {
  const auto sizes = values_that_fit(experiment, s, &Settings::size);
  if (!sizes.empty()) return assignments("size", sizes);
  if (experiment.data != DataKind::video) return "";
  const auto frames = values_that_fit(experiment, s, &Settings::frames);
  if (!frames.empty()) return assignments("frames", frames);
  const int64_t wished = s.frames;
  s.frames = experiment.settings("paper").frames;  // which all nets of videos take
  const auto sizes_of_those = values_that_fit(experiment, s, &Settings::size);
  if (sizes_of_those.empty()) return "";
  s.size = sizes_of_those[0];
  s.frames = wished;
  return assignments("size", sizes_of_those) + ", with " +
         assignments("frames", values_that_fit(experiment, s, &Settings::frames));
}

}  // namespace

bool fits(const Experiment &experiment, const Settings &s) {
  try {
    check_nets(experiment, s);
    return true;
  } catch (const std::invalid_argument &) {
    return false;
  }
}

std::vector<int64_t> frames_that_fit(const Experiment &experiment, Settings s, int64_t frames) {
  s.frames = frames;
  return values_that_fit(experiment, s, &Settings::frames);
}

Model make_model(Backend &backend, const Experiment &experiment, const Settings &s, uint64_t seed) {
  if (experiment.data == DataKind::video && (s.border > 0 || s.crop == "random"))
    throw std::runtime_error(
        "border and crop=random are for nets that see all times of a clip alike (--algorithm cdrl): these nets pad in "
        "time");
  try {
    check_nets(experiment, s);
  } catch (const std::invalid_argument &error) {
    const std::string instead = nearest_that_fit(experiment, s);
    throw std::runtime_error("these settings fit no nets of the experiment '" + experiment.name + "': " + error.what() +
                             (instead.empty() ? "" : ". The nearest that fit: --set " + instead) +
                             (s.border > 0 ? ". Nets that pad have no border (--set border=0)" : ""));
  }
  Model model;
  const Net &d = find_net(Net::descriptor, s.descriptor), &g = find_net(Net::generator, s.generator);
  model.descriptor =
      std::make_unique<Network>(backend, "descriptor", d.function(s), std::vector<Shape>{example_shape(experiment, s)},
                                RandomKey{seed, Purpose::descriptor_weights}, s.descriptor_init);
  model.generator = std::make_unique<Network>(backend, "generator", g.function(s), g.latent(s),
                                              RandomKey{seed, Purpose::generator_weights}, s.generator_init);
  return model;
}

std::vector<std::string> algorithm_names() { return {"cooperative", "descriptor", "persistent-cd", "generator"}; }

Algorithm parse_algorithm(const std::string &name) {
  const std::vector<std::string> names = algorithm_names();  // in the order of the enumeration
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw std::runtime_error("there is no algorithm '" + name + "'");
  return Algorithm(found - names.begin());
}

Settings for_algorithm(Settings s, Algorithm algorithm) {
  if (algorithm == Algorithm::generator && s.generator_steps == 0) s.generator_steps = 20;
  const bool no_generator = algorithm == Algorithm::descriptor || algorithm == Algorithm::persistent_cd;
  if (no_generator && s.optimizer == "adam") s.descriptor_rate = std::min(s.descriptor_rate, 1e-3);
  if (no_generator && s.temperature == 0) {
    s.temperature = 1;
    s.langevin_steps = 10;
    s.langevin_step_size = 0.3 * s.reference_deviation;
  }
  return s;
}

Settings fitted_to(int64_t examples, Settings s) {
  if (s.crop != "random") s.batch = std::min(s.batch, examples);
  if (s.epochs == 0) return s;
  s.iterations = std::max<int64_t>(1, int64_t(std::ceil(double(s.epochs) * double(examples) / double(s.batch))));
  s.epochs = 0;
  return s;
}

OptimizerSettings::Rule optimizer_rule(const Settings &s) {
  return s.optimizer == "adam"       ? OptimizerSettings::adam
         : s.optimizer == "momentum" ? OptimizerSettings::momentum
                                     : OptimizerSettings::capped_momentum;
}

LearningSettings learning_settings(const Settings &s, Algorithm algorithm, uint64_t seed, int64_t examples) {
  if (s.mirror == "random" && (algorithm == Algorithm::generator || s.data_weight > 0))
    throw std::invalid_argument(
        "each example keeps a latent vector here, which a mirrored picture would not fit: "
        "--set mirror=never");
  LearningSettings l;
  l.algorithm = algorithm;
  l.batch = fitted_to(examples, s).batch;
  l.chains = s.chains;
  l.langevin_steps = s.langevin_steps;
  l.langevin_step_size = s.langevin_step_size;
  l.reference_deviation = s.reference_deviation;
  l.temperature = s.temperature;
  l.cold_steps = s.cold_steps;
  l.border = s.border;
  if (s.langevin_noise_until < 1) l.noise_until = std::llround(s.langevin_noise_until * double(s.iterations));
  if (s.temperature == 0) l.noise_until = 0;
  l.generator_steps = s.generator_steps;
  l.generator_step_size = s.generator_step_size;
  l.sigma = s.sigma;
  l.data_weight = s.data_weight;
  l.residual_mean = s.residual_mean == "batch"    ? ResidualMean::batch
                    : s.residual_mean == "values" ? ResidualMean::values
                                                  : ResidualMean::chains;
  const OptimizerSettings::Rule rule = optimizer_rule(s);
  const double half_life = s.averaging * double(s.iterations);
  l.descriptor = {rule, s.descriptor_rate, s.descriptor_cap, true, half_life};
  l.generator = {rule, s.generator_rate, s.generator_cap, false, half_life};
  l.seed = seed;
  return l;
}

double rate_factor(const Settings &s, int64_t iteration) {
  double factor = 1;
  // Which of so many equal parts of the run the iteration belongs to.
  const auto part = [&](int64_t parts) {
    return double(int64_t(__int128(std::min(iteration, s.iterations - 1)) * parts / s.iterations));
  };
  if (s.warm_up > 0) factor = std::min(1.0, double(iteration + 1) / double(s.warm_up));
  if (s.halvings > 0) factor *= std::pow(0.5, part(s.halvings + 1));
  if (s.schedule_steps > 1) factor *= std::pow(0.01, part(s.schedule_steps) / double(s.schedule_steps - 1));
  return factor;
}

}  // namespace coopnets
