// A clip as a tensor of four modes: frames, rows, columns, channels.
#pragma once
#include <array>

#include "metrics/linear_algebra.h"

namespace coopnets {

struct ModeTensor {
  std::array<int64_t, 4> sizes;  // the last one innermost
  std::vector<double> values;
};
enum Mode { mode_time = 0, mode_row = 1, mode_column = 2, mode_channel = 3 };

// [sizes[mode], product of the others]
Matrix unfold(const ModeTensor &x, Mode mode);

// y = x with each fibre v along `mode` replaced by m v: the size of that mode becomes m.rows.
ModeTensor mode_product(const ModeTensor &x, Mode mode, const Matrix &m);

}  // namespace coopnets
