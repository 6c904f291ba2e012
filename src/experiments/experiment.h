// The experiments of the paper: the data, nets and settings of each.
#pragma once
#include "experiments/settings.h"
#include "tensor/shape.h"

namespace coopnets {

// How the observed examples of an experiment come.
enum class DataKind {
  texture,   // one picture
  pictures,  // a folder of pictures
  digits,    // idx files (MNIST, Fashion-MNIST), or a folder of pictures
  cifar,     // CIFAR binary records, or a folder of pictures
  video,     // one clip or a few
  points     // none: points of the plane, drawn from settings.density
};

// Settings that somebody found, in the language of --set.
struct Preset {
  std::string name;             // as --preset takes it
  std::string source;           // who published them, or that they are ours
  std::string settings;         // "size=64 chains=144": what differs from the defaults of struct Settings
  std::string experiment = {};  // of a rival's: those that it is for, "object scene"; "" is any
};

struct Experiment {
  std::string name;   // "texture", as --exp takes it
  std::string title;  // one line for --list
  DataKind data;
  std::string default_data;  // used when --data is not given; "" for points alone
  int64_t channels;          // of the pictures; of points their coordinates
  bool any_size;             // both nets are convolutional throughout: a trained model synthesises at any size
  std::vector<Preset> presets;
  std::string learned_by = "cooperative";  // see algorithm()

  // Throws std::runtime_error naming the nearest one.
  const Preset &preset(const std::string &name) const;
  Settings settings(const std::string &preset) const;
  // Who learns the preset where --algorithm names nobody: the published ones are of the paper's own algorithm.
  std::string algorithm(const std::string &preset) const { return preset == "paper" ? "cooperative" : learned_by; }
};

Shape example_shape(const Experiment &, const Settings &);
// Syntheses of nets that make any size are judged, and shown, at 128 pixels or 32 frames at least: smaller parts of one
// photograph differ nearly as much as noise does, and a shorter clip shows no motion.
Settings as_judged(const Experiment &, Settings);
// What is shown, with the border around it: frames before and after a clip, else pixels on all four sides.
Shape bordered(const Experiment &, Shape shown, int64_t border);

// Names of the settings that have no effect on the experiment's training or on what is done with its nets.
std::vector<std::string> unused_settings(const Experiment &);

const std::vector<Experiment> &experiments();
// Throws std::runtime_error naming the nearest one.
const Experiment &find_experiment(const std::string &name);
// The names of all presets of all experiments, each once.
std::vector<std::string> preset_names();

}  // namespace coopnets
