#include "app/evaluate.h"

#include <stdexcept>

#include "app/evaluate_video.h"
#include "experiments/experiment.h"

namespace coopnets {

int evaluate(const Options &options) {
  if (options.experiment == "completion") return evaluate_completion(options);
  switch (find_experiment(options.experiment).data) {
    case DataKind::pictures:
    case DataKind::digits:
    case DataKind::cifar:
      return evaluate_pictures(options);
    case DataKind::video:
      return evaluate_video(options);
    case DataKind::texture:
      break;
  }
  throw std::runtime_error("the experiment '" + options.experiment + "' has no measures");
}

}  // namespace coopnets
