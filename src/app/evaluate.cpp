#include "app/evaluate.h"

#include <cstdio>
#include <stdexcept>

#include "experiments/experiment.h"
#include "metrics/psnr.h"

namespace coopnets {

std::string highest_psnr_note(const std::vector<std::string> &rows) {
  std::string names;
  for (const std::string &row : rows) names += (names.empty() ? "" : "; ") + row;
  char highest[32];
  std::snprintf(highest, sizeof highest, "%.2f", highest_psnr);
  return "exact to within the rounding of bytes, which counts as " + std::string(highest) +
         " dB, at least once: " + names;
}

void require_exact_features(const Options &options) {
  if (!options.features.empty() && !options.precision.empty() && options.precision != "fp32")
    throw std::invalid_argument(
        "--features needs --precision fp32: scores of rounded features are not those that others publish");
}

int evaluate(const Options &options) {
  require_exact_features(options);
  if (options.experiment == "completion") return evaluate_completion(options);
  switch (find_experiment(options.experiment).data) {
    case DataKind::pictures:
    case DataKind::digits:
    case DataKind::cifar:
      return evaluate_pictures(options);
    case DataKind::video:
      return evaluate_video(options);
    case DataKind::texture:
      return evaluate_texture(options);
    case DataKind::points:
      return evaluate_points(options);
  }
  throw std::logic_error("data of an unknown kind");
}

}  // namespace coopnets
