#include "cpu/cpu_backend.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "tensor/parallel.h"

namespace coopnets {

namespace {

#if defined(__AVX512F__)
constexpr const char *simd = "AVX-512";
#elif defined(__AVX2__)
constexpr const char *simd = "AVX2";
#elif defined(__ARM_NEON)
constexpr const char *simd = "NEON";
#else
constexpr const char *simd = "SSE2";
#endif

std::unique_ptr<Backend> make_backend(int threads) { return std::make_unique<CpuBackend>(threads); }

}  // namespace

// What choose.cpp knows of this folder, by the name that the build gives to each level beyond the first.
#ifndef COOPNETS_CPU_LEVEL
#define COOPNETS_CPU_LEVEL coopnets_cpu_first
#endif
extern "C" {
extern const CpuLevel COOPNETS_CPU_LEVEL;
const CpuLevel COOPNETS_CPU_LEVEL = {
    simd, make_backend, level_multiply_adds, level_conv_staircase, level_gemm<float>, level_gemm<double>};
}

CpuBackend::CpuBackend(int threads) : threads_(threads > 0 ? threads : thread_count()) {}

CpuBackend::~CpuBackend() { std::free(scratch_); }

DeviceInfo CpuBackend::info() const {
  return {false, Precision::fp32,
          "cpu, " + std::to_string(threads_) + (threads_ == 1 ? " thread, " : " threads, ") + simd};
}

void *CpuBackend::allocate(size_t bytes) {
  void *memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
  if (!memory)
    throw std::runtime_error("out of memory: " + std::to_string(bytes >> 20) + " MiB wanted with " +
                             std::to_string(bytes_ >> 20) +
                             " MiB held; fewer chains (--set chains=...), a smaller batch (--set batch=...) or smaller "
                             "samples (--size) need less");
  bytes_ += bytes;
  peak_bytes_ = std::max(peak_bytes_, bytes_);
  return memory;
}

void CpuBackend::release(void *memory, size_t bytes) noexcept {
  std::free(memory);
  bytes_ -= bytes;
}

void CpuBackend::upload(const void *host, void *device, size_t bytes) { std::memcpy(device, host, bytes); }
void CpuBackend::download(const void *device, void *host, size_t bytes) { std::memcpy(host, device, bytes); }

void *CpuBackend::scratch_bytes(size_t bytes) {
  if (bytes > scratch_bytes_) {
    if (scratch_) release(scratch_, scratch_bytes_);
    scratch_ = nullptr;
    scratch_bytes_ = 0;
    scratch_ = allocate(bytes);
    scratch_bytes_ = bytes;
  }
  return scratch_;
}

}  // namespace coopnets
