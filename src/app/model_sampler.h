// Samples from whatever nets a checkpoint holds.
#pragma once
#include "app/saved_model.h"
#include "learning/sampler.h"

namespace coopnets {

// A rival's chain, which the model gives away; else of latent vectors of these shapes, or of chains of `example` where there is no generator: those that persistent-cd
// keeps, or ones from the reference distribution. `descriptor` revises them; null: nobody does. By settings.statistics
// the batch is that of training, or as large as memory suggests and `count` needs. Throws std::runtime_error naming
// `path` where it keeps no chains of that size.
std::unique_ptr<SampleSource> model_sampler(Backend &, SavedModel &, const std::string &path, Network *descriptor,
                                            const std::vector<Shape> &latent, const Shape &example, int64_t count);

// The settings' own: all nets, latent vectors and examples as in training.
std::unique_ptr<SampleSource> model_sampler(Backend &, SavedModel &, const std::string &path, int64_t count);

}  // namespace coopnets
