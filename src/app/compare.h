// --compare: two sets of pictures by the features of a net. No model takes part.
#pragma once
#include "app/options.h"

namespace coopnets {

// The scores of the pictures of --compare against those of --data, and their FID to --statistics, as a table, and as
// comparison.json in the folder of --out where that is given. Returns the exit status.
int compare(const Options &);

}  // namespace coopnets
