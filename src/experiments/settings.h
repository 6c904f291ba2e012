// Everything about a run that --set name=value can change. An experiment's preset gives the values; these defaults are
// those that most experiments share.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "experiments/field.h"

namespace coopnets {

struct Settings {
  int64_t iterations = 1000, epochs = 0;
  int64_t chains = 100;
  int64_t batch = 100;
  int64_t size = 64;
  int64_t border = 0;
  int64_t frames = 1;
  std::string short_clips = "refuse";  // --set short=...; that word is C++'s own
  std::string crop = "centre", resize = "average", alpha = "black", mirror = "never";
  std::string normalise = "stretch";
  std::string category;
  std::string density = "checkerboard";
  int64_t held_out = 0;
  int64_t examples = 0;

  std::string descriptor, generator;  // names of nets; "" is the experiment's own
  int64_t latent = 100;
  double descriptor_init = 0.01, generator_init = 0.005;

  int64_t langevin_steps = 15;         // L
  double langevin_step_size = 0.002;   // delta
  double reference_deviation = 0.016;  // s
  double temperature = 1;              // T
  int64_t cold_steps = 0;
  double langevin_noise_until = 1;  // part of the run
  int64_t sample_steps = -1;
  std::string statistics = "batch";
  int64_t generator_steps = 0;       // Lz
  double generator_step_size = 0.1;  // delta_z
  double sigma = 0.3;
  std::string residual_mean = "chains";

  std::string optimizer = "adam";
  double descriptor_rate = 0.007, generator_rate = 0.0001;
  double descriptor_cap = 0, generator_cap = 0;
  int64_t halvings = 0;
  double averaging = 0;  // part of the run
  int64_t schedule_steps = 0;

  int64_t width = 64;
  int64_t critic_steps = 5;
  double clip = 0.01;
  double margin = 0.2, pulling_away = 0.1;
  double divergence_weight = 2;
  double information_weight = 1;
  int64_t categories = 10, numbers = 2;
  int64_t levels = 6, blocks = 1, block_side = 32, whole_units = 0, classes = 0;
  double data_weight = 0, guidance = 0;
  std::string colours = "given", steepness = "learned", start = "noise";
  int64_t warm_up = 0;
  double gradient_bound = 0;

  std::string parzen = "clean";
  int64_t hidden_square = 0;
  int64_t inference_steps = 300, inference_restarts = 4;

  // Changes one by name. Throws std::invalid_argument, one sentence, naming the nearest name or the allowed values.
  void set(const std::string &name, const std::string &value);
  // Of words "size=64 chains=144".
  void set_all(const std::string &words);
  std::string get(const std::string &name) const;  // reads back exactly; throws as set()
};

// One row a setting, in the order in which they are listed.
const std::vector<Field<Settings>> &setting_fields();

// "name=value" lines, every setting.
std::string print(const Settings &);

}  // namespace coopnets
