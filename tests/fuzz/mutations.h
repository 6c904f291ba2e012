// Damage to files, repeatable by its dice.
#pragma once
#include "data/picture_files.h"
#include "fuzz/fuzz.h"

namespace coopnets {

// One of the seeds after one to four changes: bits, bytes, digits, and numbers of several widths and orders; bytes
// left out or repeated; an end cut off or taken from another seed. At most `most_bytes` long. There must be a seed,
// and none may be empty.
Bytes mutated(const std::vector<Bytes> &seeds, size_t most_bytes, Dice &);

}  // namespace coopnets
