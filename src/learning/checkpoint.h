// Tensors of a backend to and from safetensors files.
#pragma once
#include "tensor/safetensors.h"
#include "tensor/tensor.h"

namespace coopnets {

// Writes atomically and keeps the checkpoint that had the name before as previous_version(path). Tensors are read from
// the device in pieces, so the host never holds a second copy of a large model. Throws LearningFailed at a value that
// is not finite, and leaves the earlier checkpoint: a model that has diverged does not take the place of one that has
// not.
void save_checkpoint(const std::string &path, Backend &, const NamedViews &, const Metadata &);

// Reads the tensors named in `state` from the file, which may hold others. Throws std::runtime_error that names the
// file and the tensor when one is missing, has another shape or no type of real numbers, or holds what no run writes (a
// value that is not finite, a negative variance); nothing is changed then.
void load_checkpoint(const SafetensorsFile &, Backend &, const NamedViews &state);

}  // namespace coopnets
