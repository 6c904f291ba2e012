// The structure score of a texture that is being learned, or that was.
#pragma once
#include <optional>

#include "app/canvas.h"
#include "app/training_run.h"
#include "experiments/examples.h"
#include "metrics/structure.h"

namespace coopnets {

// What syntheses of a texture are compared with: none of other experiments, or where the photograph is too small to tell.
std::optional<StructureScore> texture_structure(const Experiment &, const Settings &, const Examples &);

// Has the run log and say the scores of the first of each kind of the learner's samples, every hundred iterations.
void measure_structure(TrainingRun &, const StructureScore &, Backend &, const Learner &, int64_t border, Progress &);

}  // namespace coopnets
