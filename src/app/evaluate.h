// --evaluate: the measures of the paper's tables, by what the experiment's data are.
#pragma once
#include "app/options.h"

namespace coopnets {

// Returns the exit status.
int evaluate(const Options &);

}  // namespace coopnets
