// --evaluate: the measures of the paper's tables from a checkpoint, by what the experiment's data are. They are
// printed, and kept as evaluation.json beside the checkpoint.
#pragma once
#include <string>
#include <vector>

#include "app/options.h"
#include "app/report.h"

namespace coopnets {

// Density and coverage look at the fifth neighbour: so many pictures of each set the scores of features need at least.
constexpr int64_t least_for_scores = 6;

// Throws std::invalid_argument unless features are computed in fp32, as those of others are.
void require_exact_features(const Options &);

// Among how many training pictures the nearest to a sample is looked for: all, or so many, drawn by the seed.
constexpr int64_t neighbours_among = 20000;

// How many points are drawn to be measured, unless --samples says otherwise.
constexpr int64_t measured_points = 4000;

// What a table of PSNRs notes of the rows that met the highest one (metrics/psnr.h).
std::string highest_psnr_note(const std::vector<std::string> &rows);

// Each returns the exit status.
int evaluate(const Options &);
int evaluate_texture(const Options &);
int evaluate_pictures(const Options &);    // digits, objects, scenes, benchmarks
int evaluate_points(const Options &);      // with comparison.png; a run of points ends with it
int evaluate_video(const Options &);       // where there is no checkpoint it says so and scores the rivals alone
int evaluate_completion(const Options &);  // with the rivals of Table 4

// What evaluate_pictures() and evaluate_completion() print, without printing it.
Report picture_report(const Options &);
Report completion_report(const Options &);

}  // namespace coopnets
