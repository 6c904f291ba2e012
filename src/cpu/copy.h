// Copies of short runs: a call of memcpy would cost more than the copy.
#pragma once
#include <cstdint>
#include <cstring>

#include "tensor/shape.h"

namespace coopnets {

// count <= n <= 2 count: two overlapping copies.
template <int count>
void copy_two(const real *from, real *to, int64_t n) {
  real head[count], tail[count];
  std::memcpy(head, from, sizeof head);
  std::memcpy(tail, from + n - count, sizeof tail);
  std::memcpy(to, head, sizeof head);
  std::memcpy(to + n - count, tail, sizeof tail);
}

inline void copy(const real *from, real *to, int64_t n) {
  if (n >= 16) {
    for (int64_t i = 0; i + 16 <= n; i += 16) std::memcpy(to + i, from + i, 16 * sizeof(real));
    std::memcpy(to + n - 16, from + n - 16, 16 * sizeof(real));
  } else if (n >= 8) {
    copy_two<8>(from, to, n);
  } else if (n >= 4) {
    copy_two<4>(from, to, n);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

}  // namespace coopnets
