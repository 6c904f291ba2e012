// The rivals that learn to make pictures. Each is one file of this folder: its nets, its presets and its steps. Most
// learn a generator x = g(z) beside a second net; three for digits make their samples by a chain.
#pragma once
#include <memory>

#include "experiments/experiment.h"
#include "learning/learner.h"
#include "learning/sampler.h"
#include "nets/network.h"

namespace coopnets {

struct RivalParts {
  Backend &backend;
  Network &generator, &partner;
  const Settings &settings;  // fitted to the examples
  uint64_t seed;
};

struct ChainParts {
  Backend &backend;
  Shape example;
  const Settings &settings;
  uint64_t seed;
};

struct Rival {
  std::string name;             // as --algorithm takes it
  std::string title;            // "DCGAN (Radford, Metz, Chintala 2016)"
  std::string partner;          // what its second net is: "discriminator"; of a learner with a chain what it learns
  std::string uses;             // "width clip": the settings that it uses of those that not every algorithm does
  std::vector<Preset> presets;  // of its own quick and paper: what differs from the experiment's of that name
  NetFunction (*partner_net)(const Settings &, uint64_t seed);
  std::vector<Shape> (*partner_inputs)(const Shape &example, const Settings &);
  std::unique_ptr<Learner> (*learner)(const RivalParts &);
  // The generator, made of the experiment's own; null: that very one.
  NetFunction (*generator)(const NetFunction &own, const Settings &, const Shape &example) = nullptr;
  // What it does in an iteration depends on the length of the whole run, so that a longer one is another.
  bool laid_over_run = false;
  // Instead of all that, a learner with a chain.
  std::unique_ptr<ChainLearner> (*chain)(const ChainParts &) = nullptr;
  bool of_digits = false;  // its units are black or white
  bool one_rank = false;   // one rank needs the whole batch: it compares all examples, or has one chain for all
  // The nets of that learner; null where it has layers of another kind.
  std::vector<Sketch> (*chain_nets)(const Shape &example, const Settings &) = nullptr;
  // Of a stack that learns layer by layer: how many of the run's iterations are over when the last layer, from which
  // samples come, begins.
  int64_t (*last_layer_begins)(int64_t iterations) = nullptr;
};

Rival dcgan();
Rival wgan();
Rival ebgan();
Rival vae();
Rival infogan();
Rival ddgm();
Rival gan();
Rival dbn();
Rival cae();
Rival gsn();
Rival cdrl();

// WGAN: whether the generator steps after this critic step, counted from 0; `steps` critic steps are a turn.
bool critic_turn_ends(int64_t iteration, int64_t steps);

const std::vector<Rival> &rivals();
// Null where there is none of that name.
const Rival *find_rival(const std::string &name);

// "CoopNets", "algorithm G", a rival's title. Throws std::runtime_error for what is no algorithm.
std::string algorithm_title(const std::string &algorithm);

// Names of the settings that other algorithms use and this one does not. Throws std::runtime_error for what is no
// algorithm.
std::vector<std::string> unused_settings(const std::string &algorithm);
// Throws std::invalid_argument, a sentence that names the algorithms that use it and a near name, for the first such
// setting whose value is not that of `before`.
void refuse_unused(const std::string &algorithm, const Settings &, const Settings &before);

// The experiment's preset changed by the rival's of that name. Throws std::runtime_error where the rival learns none of
// the experiment's examples.
Settings rival_settings(const Rival &, const Experiment &, const std::string &preset);

// Both nets, the second named by its role.
struct RivalModel {
  std::unique_ptr<Network> generator, partner;
};
RivalModel make_rival(Backend &, const Rival &, const Experiment &, const Settings &, uint64_t seed);
// The generator alone, as samples need it.
NetFunction rival_generator(const Rival &, const Experiment &, const Settings &);

}  // namespace coopnets
