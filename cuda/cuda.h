// The CUDA backend: the contract of tensor/backend.h on an NVIDIA GPU. Only this header is for the rest of the program.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tensor/backend.h"

namespace coopnets {

struct CudaDevice {
  std::string name;  // "NVIDIA H100 80GB HBM3"
  int major, minor;  // compute capability
};

// The GPUs that answer, by index. None is no error: *why_none then says what the driver said ("no CUDA driver ...").
std::vector<CudaDevice> cuda_devices(std::string *why_none = nullptr);

// For one device and one host thread: a program that makes backends for two devices takes a process or a thread each.
// Throws std::runtime_error, in one sentence for the user: no such device, no code in this program for its
// architecture, too little memory. On chips before compute capability 8.0 every precision is fp32; info() says so.
std::unique_ptr<Backend> make_cuda_backend(int device, Precision precision);

}  // namespace coopnets
