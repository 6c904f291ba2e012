// The CPU backend: GCC vector extensions, and the threads of tensor/parallel.h.
#pragma once
#include <memory>

#include "tensor/backend.h"

namespace coopnets {
// threads: 0 takes thread_count(). Results do not depend on it.
std::unique_ptr<Backend> make_cpu_backend(int threads);

// For measurements: some milliseconds of multiply-adds in registers, on so many threads. Returns how many, times 2.
double cpu_multiply_adds(int threads);
}  // namespace coopnets
