// The structure score of a texture that is being learned, or that was.
#pragma once
#include <optional>

#include "app/canvas.h"
#include "experiments/examples.h"
#include "learning/learner.h"
#include "metrics/structure.h"

namespace coopnets {

// What syntheses of a texture are compared with: none of other experiments, or where the photograph is too small to tell.
std::optional<StructureScore> texture_structure(const Experiment &, const Settings &, const Examples &);

// The scores of the first of each kind of the learner's samples, as columns of a log.
std::vector<Column> structure_columns(const Learner &);
std::vector<double> structure_scores(const StructureScore &, Backend &, const Learner &, const Canvas &shown);

}  // namespace coopnets
