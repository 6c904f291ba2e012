// The JSON header of a safetensors file: text to entries and back. Used by safetensors.cpp alone.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tensor/safetensors.h"

namespace coopnets {

struct SafetensorsHeader {
  std::vector<StoredTensor> tensors;  // in the order of their data
  Metadata metadata;
  int64_t data_bytes = 0;
};

// Strict: exactly the grammar of the format, with the escapes of JSON strings. Throws std::runtime_error, the cause
// alone.
SafetensorsHeader parse_safetensors_header(std::string_view text);

// Without padding. Expects offsets and sizes to be filled in.
std::string print_safetensors_header(const SafetensorsHeader &);

}  // namespace coopnets
