// Panels of B: see gemm.h.
#include <algorithm>
#include <cstring>

#include "cpu/copy.h"
#include "cpu/gemm.h"
#include "cpu/shuffle.h"

namespace coopnets {

namespace {

// Transposes a square of `lanes` x `lanes`: log2(lanes) perfect shuffles.
void transpose(const real *from, int64_t from_stride, real *to, int64_t to_stride) {
  const LaneIndex number = lane_numbers(), low = number / 2 + number % 2 * lanes, high = low + lanes / 2;
  Vector v[lanes], mixed[lanes];
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) std::memcpy(&v[i], from + i * from_stride, vector_bytes);
#pragma GCC unroll 4
  for (int stage = 1; stage < lanes; stage *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < lanes / 2; ++i) {
      mixed[2 * i] = COOPNETS_SHUFFLED(v[i], v[i + lanes / 2], low);
      mixed[2 * i + 1] = COOPNETS_SHUFFLED(v[i], v[i + lanes / 2], high);
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) v[i] = mixed[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) std::memcpy(to + i * to_stride, &v[i], vector_bytes);
}

int64_t panel_width(int64_t columns_left) { return columns_left > lanes ? panel_columns : lanes; }

}  // namespace

void pack_rows(const real *from, int64_t stride, int64_t steps, int64_t columns, real *to) {
  for (int64_t column = 0; column < columns; column += panel_columns) {
    const int64_t width = panel_width(columns - column), count = std::min(width, columns - column);
    for (int64_t step = 0; step < steps; ++step, to += width) {
      const real *line = from + step * stride + column;
      if (count == panel_columns) {
        std::memcpy(to, line, panel_columns * sizeof(real));
      } else {
        std::memset(to + width - lanes, 0, vector_bytes);
        copy(line, to, count);
      }
    }
  }
}

bool are_panels(const real *from, int64_t columns) {
  return (columns == lanes || columns == panel_columns) && reinterpret_cast<uintptr_t>(from) % vector_bytes == 0;
}

void pack_columns(const real *from, int64_t stride, int64_t at, int64_t count, int64_t steps, int64_t columns,
                  real *to) {
  for (int64_t column = 0; column < columns; column += panel_columns) {
    const int64_t width = panel_width(columns - column);
    real *panel = to + column * steps + at * width;
    for (int64_t i = 0; i < width; i += lanes) {
      const int64_t valid = std::clamp<int64_t>(columns - column - i, 0, lanes);
      const real *lines = from + (column + i) * stride;
      int64_t step = 0;
      if (valid == lanes)
        for (; step + lanes <= count; step += lanes) transpose(lines + step, stride, panel + step * width + i, width);
      for (; step < count; ++step)
        for (int64_t lane = 0; lane < lanes; ++lane)
          panel[step * width + i + lane] = lane < valid ? lines[lane * stride + step] : 0;
    }
  }
}

}  // namespace coopnets
