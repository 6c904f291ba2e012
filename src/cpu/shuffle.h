// Elements of two vectors by their numbers, which GCC has as one operation and Clang has for constant numbers alone.
#pragma once
#include <cstddef>

// Of vectors a and b of n elements each: element i is a[index[i]], or b[index[i] - n] from n on, 0 <= index[i] < 2 n.
// No function, as how vectors are handed to one depends on the processor.
#ifdef __clang__
#define COOPNETS_SHUFFLED(a, b, index)                                                     \
  ({                                                                                       \
    auto shuffled_ = (a);                                                                  \
    constexpr size_t n_ = sizeof shuffled_ / sizeof shuffled_[0];                          \
    for (size_t i_ = 0; i_ < n_; ++i_)                                                     \
      shuffled_[i_] = size_t((index)[i_]) < n_ ? (a)[(index)[i_]] : (b)[(index)[i_] - n_]; \
    shuffled_;                                                                             \
  })
#else
#define COOPNETS_SHUFFLED(a, b, index) __builtin_shuffle(a, b, index)
#endif
