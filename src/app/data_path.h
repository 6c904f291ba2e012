#pragma once
#include <string>

#include "app/options.h"
#include "experiments/experiment.h"

namespace coopnets {

// Where the data of a run is: --data; without it the experiment's own, in the working folder or else where the program
// was installed; "" where there is none.
std::string data_path(const Options &, const Experiment &);

// Where `file`, which ships with the program, is: in the working folder (a clone), else in ../share/coopnets of the
// folder of the program (as `make install` puts it); "" when in neither.
std::string find_shipped(const std::string &file, const std::string &program_folder);

}  // namespace coopnets
