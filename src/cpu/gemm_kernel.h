// One tile of a product in registers: what everything else is there to feed.
#pragma once
#include "cpu/gemm.h"

namespace coopnets {

// One tile of C (+)= A B. A is read where it lies, in runs of `steps` steps of the depth each, and B step after step.
struct Tile {
  const real *const *run;  // what each run lies in,
  int64_t runs, steps;
  int64_t at;      // where it begins there,
  int64_t stride;  // and how far apart rows of A are, or, by depth, steps; the other is 1
  const real *b;
  real *c;
  int64_t c_stride;
  bool accumulate;
};
using Microkernel = void (*)(const Tile &);

// For a tile of `rows` <= max_rows rows and a panel as wide as panel_width(columns_left).
Microkernel microkernel(int64_t rows, int64_t columns_left, bool by_depth);

}  // namespace coopnets
