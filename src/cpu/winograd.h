// Winograd's way to convolve with filters of 3x3: see winograd.cpp.
#pragma once
#include "cpu/gemm.h"

namespace coopnets {

// Whether it takes less time than multiplying what the windows see: a count of vector operations, from the sizes of one
// picture alone, so that what becomes of it does not depend on how many are beside it.
bool winograd_pays(const Product &);
// Null where it does not pay, or where the windows are not 3x3 of stride 1 in single frames.
std::unique_ptr<Plan> plan_winograd(const Product &);

}  // namespace coopnets
