// Elements of two vectors by their numbers, which GCC has as one operation and Clang has for constant numbers alone.
#pragma once
#include <cstddef>

namespace coopnets {

// out[i] = a[index[i]], or b[index[i] - n] from n on; n elements each, 0 <= index[i] < 2 n. By reference, as how vectors
// are passed depends on the processor.
template <class Vector, class Index>
inline void shuffle(const Vector &a, const Vector &b, const Index &index, Vector &out) {
#ifdef __clang__
  constexpr size_t n = sizeof(Vector) / sizeof(a[0]);
  const Vector first = a, second = b;
  for (size_t i = 0; i < n; ++i) out[i] = size_t(index[i]) < n ? first[index[i]] : second[size_t(index[i]) - n];
#else
  out = __builtin_shuffle(a, b, index);
#endif
}

}  // namespace coopnets
