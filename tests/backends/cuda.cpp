// The CUDA backend: on the GPU, or on the emulator where tests/cuda_emulator stands in for the toolkit. Where no GPU
// answers, every test is skipped, or, with COOPNETS_NEEDS_GPU=1 in the environment, the program fails.
#include "cuda/cuda.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "backends/backend.h"

namespace coopnets {
namespace {

class GpuNeeded : public testing::Environment {
  void SetUp() override {
    std::string why_none;
    if (!cuda_devices(&why_none).empty()) return;
    const char *needed = std::getenv("COOPNETS_NEEDS_GPU");
    if (needed && *needed == '1') {  // one sentence, which a failure here would bury under a line for each test
      std::fprintf(stderr, "these tests need a GPU: %s\n", why_none.c_str());
      std::exit(EXIT_FAILURE);
    }
    GTEST_SKIP() << why_none;
  }
};
const testing::Environment *const gpu_needed = testing::AddGlobalTestEnvironment(new GpuNeeded);

}  // namespace

Backend &test_backend() {
  static const std::unique_ptr<Backend> backend = make_cuda_backend(0, Precision::fp32);
  return *backend;
}
std::unique_ptr<Backend> make_test_backend() { return make_cuda_backend(0, Precision::fp32); }

}  // namespace coopnets
