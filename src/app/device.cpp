#include "app/device.h"

#include <stdexcept>

#include "app/mpi_ranks.h"
#include "app/progress.h"
#include "cpu/cpu.h"
#include "tensor/parallel.h"
#ifdef COOPNETS_CUDA
#include "cuda/cuda.h"
#endif

namespace coopnets {

namespace {

#ifdef COOPNETS_CUDA

Precision parse_precision(const std::string &name) {
  if (name == "bf16") return Precision::bf16;
  if (name == "tf32") return Precision::tf32;
  if (name == "tf32x3") return Precision::tf32x3;
  return Precision::fp32;
}

// --device cuda, cuda:INDEX, or auto. Null where auto finds none.
std::unique_ptr<Backend> try_cuda(const Options &options) {
  if (options.device == "cpu") return nullptr;
  std::string why_none;
  const size_t count = cuda_devices(&why_none).size();
  if (options.device == "auto" && count == 0) return nullptr;
  if (count == 0) throw std::runtime_error(as_given(options, "device", options.device) + ": " + why_none);
  const size_t colon = options.device.find(':');
  const int64_t index = colon == std::string::npos ? rank_on_machine() % int64_t(count)
                                                   : *parse_integer(options.device.substr(colon + 1));
  if (index >= static_cast<int64_t>(count))
    throw std::runtime_error(as_given(options, "device", options.device) + ": there are " + std::to_string(count) +
                             " GPUs, counted from 0");
  try {
    return make_cuda_backend(static_cast<int>(index), parse_precision(options.precision));
  } catch (const std::runtime_error &error) {  // an old GPU, or a full one
    if (options.device != "auto") throw;
    Progress(options).warn(std::string(error.what()) + "; this run is on the CPU");
    return nullptr;
  }
}

#else

std::unique_ptr<Backend> try_cuda(const Options &options) {
  if (options.device.compare(0, 4, "cuda") == 0)
    throw std::runtime_error(as_given(options, "device", options.device) +
                             ": this program was built without CUDA; build it with nvcc (make CUDA=1)");
  return nullptr;
}

#endif

}  // namespace

std::unique_ptr<Backend> make_backend(const Options &options) {
  set_thread_count(static_cast<int>(options.threads));  // what a GPU leaves to the CPU too
  if (std::unique_ptr<Backend> gpu = try_cuda(options)) return gpu;
  if (!options.precision.empty() && options.precision != "fp32")
    throw std::runtime_error(as_given(options, "precision", options.precision) +
                             " needs a GPU and none answered; the CPU computes in fp32");
  return make_cpu_backend(thread_count());
}

std::string preset_for(const Options &options, const Backend &backend) {
  if (!options.preset.empty()) return options.preset;
  return backend.info().gpu ? "paper" : "quick";
}

std::string built_in() {
#ifdef COOPNETS_CUDA
  const std::string device = "with CUDA";
#else
  const std::string device = "CPU only";
#endif
#ifdef COOPNETS_MPI
  return device + ", with MPI";
#else
  return device;
#endif
}

}  // namespace coopnets
