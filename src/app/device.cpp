#include "app/device.h"

#include <stdexcept>

#include "cpu/cpu.h"

namespace coopnets {

std::unique_ptr<Backend> make_backend(const Options &options) {
  if (options.device.compare(0, 4, "cuda") == 0)
    throw std::runtime_error("--device " + options.device +
                             ": this program was built without CUDA; build it with nvcc (make CUDA=1)");
  return make_cpu_backend(static_cast<int>(options.threads));
}

std::string preset_for(const Options &options, const Backend &backend) {
  if (!options.preset.empty()) return options.preset;
  return backend.name().compare(0, 3, "cpu") == 0 ? "quick" : "paper";
}

std::string built_in() { return "CPU only"; }

}  // namespace coopnets
