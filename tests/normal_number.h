// Number i of series `index` of N(0, 1) numbers, the same in every run.
#pragma once
#include "tensor/random.h"

namespace coopnets {

inline float normal_number(int64_t i, uint32_t index = 0) {
  float n[4];
  normals(random_block({5, Purpose::test}, 0, index, uint64_t(i / 4)), n);
  return n[i % 4];
}

}  // namespace coopnets
