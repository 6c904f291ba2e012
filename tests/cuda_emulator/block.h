#pragma once
#include <string>

#include "cuda_runtime.h"

namespace cuda_emulator {
// Runs a kernel's blocks one after the other; `call` runs it for the current thread. Says what went wrong, if anything.
std::string run_launch(const std::function<void()> &call, dim3 grid, dim3 block_size, size_t dynamic_bytes,
                       size_t most_shared);
}  // namespace cuda_emulator
