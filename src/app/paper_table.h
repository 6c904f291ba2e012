// --table N: the rows of a table of the paper by runs of our own.
#pragma once
#include "app/options.h"

namespace coopnets {

// Learns each row that is missing, OUT/EXPERIMENT/table-N-ROW, or goes on with it, evaluates all in the same way, and
// keeps what there is after each row as OUT/table-N.txt, .json and .html. A row that fails says so in its place. Returns
// the exit status: 0; 1 when a row failed; 130 when interrupted.
int make_table(const Options &);

}  // namespace coopnets
