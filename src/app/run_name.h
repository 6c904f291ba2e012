#pragma once
#include <string>

#include "app/options.h"
#include "app/run_folder.h"

namespace coopnets {

// The run's own name below OUT/EXPERIMENT: --name, else the category or the toy's density, else the name of the data's
// file or folder, else "default".
std::string run_name(const Options &);

// OUT/EXPERIMENT/NAME, the folder that a run of the experiment leaves.
std::string run_path(const Options &, const std::string &experiment);

RunStart run_start(const Options &);  // by --resume and --overwrite

}  // namespace coopnets
