// An experiment's nets and learning settings, made from its Settings.
#pragma once
#include <memory>

#include "experiments/experiment.h"
#include "experiments/nets.h"
#include "learning/cooperative.h"

namespace coopnets {

struct Model {
  std::unique_ptr<Network> descriptor, generator;
};
// Shapes of the inputs of one latent vector.
std::vector<Shape> latent_shapes(const Settings &);

// Throws std::runtime_error that names the nearest sizes, or numbers of frames, that fit, where these nets do not fit
// their pictures and each other: before any memory is taken.
Model make_model(Backend &, const Experiment &, const Settings &, uint64_t seed);

// Whether make_model() can make these nets.
bool fits(const Experiment &, const Settings &);
// The numbers of frames nearest to `frames` that fit, the other settings as they are: itself, or one below, one above
// where there are such.
std::vector<int64_t> frames_that_fit(const Experiment &, Settings, int64_t frames);

Algorithm parse_algorithm(const std::string &);  // as --algorithm spells it
std::vector<std::string> algorithm_names();

// What a preset, which is made for the cooperative algorithm, is for another. Algorithm G infers its latent vectors by
// nothing else than step G1: 20 steps. Chains without a generator move by Langevin dynamics alone: a preset without its
// noise gets it, in ten steps of the paper's ratio delta = 0.3 s; and no initial samples follow the descriptor, whose
// energies oscillate at Adam rates above 1e-3.
Settings for_algorithm(Settings preset, Algorithm);

// With a batch of no more than the examples there are (of parts of pictures there are always enough), and with the
// iterations that settings.epochs passes over them take, if it says so: the last batch of a pass is filled up by the next.
Settings fitted_to(int64_t examples, Settings);

OptimizerSettings::Rule optimizer_rule(const Settings &);

// Of settings fitted to the examples.
LearningSettings learning_settings(const Settings &, Algorithm, uint64_t seed, int64_t examples);

// The factor of both learning rates at an iteration: halved `halvings` times, after equal parts of the run, and falling
// from 1 to 0.01 in `schedule_steps` equal steps of the logarithm over the run ([M], train_model_dual.m); at first it
// rises over `warm_up` iterations.
double rate_factor(const Settings &, int64_t iteration);

}  // namespace coopnets
