// Elements of two vectors by their numbers, which GCC has as one operation and Clang has for constant numbers alone.
#pragma once
#include <cstddef>

namespace coopnets {

// Element i is a[index[i]], or b[index[i] - n] from n on; n elements each, 0 <= index[i] < 2 n.
template <class Vector, class Index>
inline Vector shuffled(Vector a, Vector b, Index index) {
#ifdef __clang__
  constexpr size_t n = sizeof(Vector) / sizeof(a[0]);
  Vector out = a;
  for (size_t i = 0; i < n; ++i) out[i] = size_t(index[i]) < n ? a[index[i]] : b[size_t(index[i]) - n];
  return out;
#else
  return __builtin_shuffle(a, b, index);
#endif
}

}  // namespace coopnets
