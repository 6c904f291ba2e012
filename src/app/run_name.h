#pragma once
#include <string>

#include "app/options.h"

namespace coopnets {

// The run's own name below OUT/EXPERIMENT: --name, else the category, else the name of the data's file or folder, else
// "default".
std::string run_name(const Options &);

}  // namespace coopnets
