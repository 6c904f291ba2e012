// The CPU backend: GCC vector extensions and OpenMP.
#pragma once
#include <memory>

#include "tensor/backend.h"

namespace coopnets {
// threads: 0 takes OpenMP's default. Results do not depend on it.
std::unique_ptr<Backend> make_cpu_backend(int threads);
}  // namespace coopnets
