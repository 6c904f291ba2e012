// Which backend computes: the only place that knows more than one.
#pragma once
#include <memory>

#include "app/options.h"
#include "tensor/backend.h"

namespace coopnets {

// --device auto takes a GPU when one answers, else the CPU. Throws std::runtime_error when a GPU is asked for and there
// is none.
std::unique_ptr<Backend> make_backend(const Options &);

// The preset of --preset, or by default: paper on a GPU, quick on the CPU.
std::string preset_for(const Options &, const Backend &);

// "with CUDA" or "CPU only", and whether it is "with MPI", for --version.
std::string built_in();

}  // namespace coopnets
