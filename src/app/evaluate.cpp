#include "app/evaluate.h"

#include <stdexcept>

#include "app/evaluate_video.h"
#include "experiments/experiment.h"

namespace coopnets {

int evaluate(const Options &options) {
  if (find_experiment(options.experiment).data == DataKind::video) return evaluate_video(options);
  throw std::runtime_error("the experiment '" + options.experiment + "' has no measures");
}

}  // namespace coopnets
