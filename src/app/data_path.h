#pragma once
#include <string>

#include "app/options.h"
#include "experiments/experiment.h"

namespace coopnets {

// Where the data of a run is: --data; without it the experiment's own, in the working folder or else beside the
// program or where it was installed; "" where there is none.
std::string data_path(const Options &, const Experiment &);

// Where `file`, which ships with the program, is: in the working folder, else in the program's (a clone), else in
// ../share/coopnets of that (as `make install` puts it); "" when in none.
std::string find_shipped(const std::string &file, const std::string &program_folder);

}  // namespace coopnets
