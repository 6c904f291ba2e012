// The backend that this test binary was linked for: the CPU with float or double, or CUDA, emulated or real.
#pragma once
#include "tensor/tensor.h"

namespace coopnets {
Backend &test_backend();
std::unique_ptr<Backend> make_test_backend();  // another one
}  // namespace coopnets
