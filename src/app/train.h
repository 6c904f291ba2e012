// A learning run from the command line to the run folder.
#pragma once
#include "app/options.h"

namespace coopnets {

// Returns the exit status: 0; 1 when learning failed (the sentence is printed, the last checkpoint stays); 130 when
// interrupted.
int train(const Options &);

}  // namespace coopnets
