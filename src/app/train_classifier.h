#pragma once
#include "app/options.h"

namespace coopnets {

// --exp classifier: learns to tell the categories of --data apart, says how well it does on pictures held out, and
// leaves a checkpoint for --features. Returns the exit status, as train().
int train_classifier(const Options &);

}  // namespace coopnets
