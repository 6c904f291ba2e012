// The programs that mpirun or srun has started together: the only place that knows MPI.
#pragma once
#include <string>

#include "tensor/ranks.h"

namespace coopnets {

// This one's ranks; one_rank() where it was started by itself. Throws std::runtime_error where it was started with others
// and built without MPI.
Ranks &program_ranks();

// Its number among those on this machine, so that each takes a GPU of its own; 0 where nothing says.
int rank_on_machine();

// To be called last, with the program's exit status, which it returns. One that failed ends the others too, wherever they
// are. `why`, if it is not empty, is printed as "coopnets: WHY": by rank 0, or by another that alone has failed.
int end_ranks(int status, const std::string &why = "");

}  // namespace coopnets
