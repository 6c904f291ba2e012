// Samples from whatever nets a checkpoint holds.
#pragma once
#include "app/leader.h"
#include "app/progress.h"
#include "app/saved_model.h"
#include "learning/sampler.h"

namespace coopnets {

// What tells this model and this program from others.
Alike alike_of(const Backend &, const SavedModel &);

// Where there are several ranks, all of them draw. The others make their sampler from the checkpoint, saved.settings
// and what is given here, and draw as sampling_settings() says (app/errands.h).
// A rival's chain, which the model gives away. Else samples of latent vectors of these shapes; where there is no
// generator, of chains of `example`: those that persistent-cd keeps, or ones from the reference distribution.
// `descriptor` revises them; null: nobody does. By settings.statistics the batch is that of training, or as large as
// memory suggests and `count` needs. Throws std::runtime_error naming `path` where it keeps no chains of that size.
std::unique_ptr<SampleSource> model_sampler(Backend &, SavedModel &, const std::string &path, Network *descriptor,
                                            const std::vector<Shape> &latent, const Shape &example, int64_t count);

// The settings' own: all nets, latent vectors and examples as in training.
std::unique_ptr<SampleSource> model_sampler(Backend &, SavedModel &, const std::string &path, int64_t count);

// Draws `count` samples as sampling_settings() says. The task is told of each that is done; where a device replays its
// recordings, of each batch.
void draw_samples(SampleSource &, const SavedModel &, int64_t seed, int64_t count, Task &, const SampleSource::Visit &);

}  // namespace coopnets
