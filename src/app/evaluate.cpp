#include "app/evaluate.h"

#include <stdexcept>

#include "app/evaluate_video.h"
#include "experiments/experiment.h"

namespace coopnets {

int evaluate(const Options &options) {
  if (!options.features.empty() && !options.precision.empty() && options.precision != "fp32")
    throw std::invalid_argument(
        "--features needs --precision fp32: scores of rounded features are not those that others publish");
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
  }
  throw std::logic_error("data of an unknown kind");
}

}  // namespace coopnets
