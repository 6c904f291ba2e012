// Experiment 6: pattern completion with the scene nets, trained on fully observed pictures.
#include "experiments/experiment.h"

namespace coopnets {

namespace {

Settings settings(const std::string &preset) {
  Settings s = scene_experiment().settings(preset);
  s.normalise = "fixed";  // errors are measured on the pictures' own range
  s.held_out = 1000;
  return s;
}

}  // namespace

Experiment completion_experiment() {
  Experiment e = scene_experiment();
  e.name = "completion";
  e.title = "6: completion of pictures with a hidden square, 64x64";
  e.settings = settings;
  return e;
}

}  // namespace coopnets
