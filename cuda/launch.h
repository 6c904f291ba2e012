// What every .cu file needs: checked calls, the one macro that launches kernels, and shared memory. tests/cuda_emulator
// stands in for the CUDA toolkit here, and here alone.
#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "tensor/backend.h"

namespace coopnets {

static_assert(sizeof(real) == sizeof(float), "the CUDA kernels compute in float");

// Throws std::runtime_error unless `error` is cudaSuccess: the call, file and line, CUDA's words and a hint.
void check_cuda(cudaError_t error, const char *call, const char *file, int line);
#define CUDA_CHECK(call) ::coopnets::check_cuda(call, #call, __FILE__, __LINE__)

// CUDA_LAUNCH((kernel<2, 3>), grid, block, shared bytes, stream, arguments...): kernel<2, 3><<<...>>>(arguments...),
// checked. A kernel that is a template of several arguments stands in parentheses.
#ifdef COOPNETS_CUDA_EMULATED
#define CUDA_LAUNCH(kernel, grid, block, shared, stream, ...) \
  CUDA_CHECK(cuda_emulator::launch(#kernel, kernel, grid, block, shared, stream, __VA_ARGS__))
// An array in the memory that a block's threads share, and the one whose bytes the launch gives; both may be read four
// floats at a time.
#define SHARED_ARRAY(type, name, count) \
  type *const name = static_cast<type *>(cuda_emulator::shared_array((count) * sizeof(type)))
#define DYNAMIC_SHARED_ARRAY(type, name) type *const name = static_cast<type *>(cuda_emulator::shared_array(0))
#define NOT_INLINED
#else
#define NOT_INLINED __noinline__
#define CUDA_LAUNCH(kernel, grid, block, shared, stream, ...)                             \
  do {                                                                                    \
    kernel<<<grid, block, shared, stream>>>(__VA_ARGS__);                                 \
    ::coopnets::check_cuda(cudaGetLastError(), "launch of " #kernel, __FILE__, __LINE__); \
  } while (false)
#define SHARED_ARRAY(type, name, count) __shared__ __align__(16) type name[count]
#define DYNAMIC_SHARED_ARRAY(type, name)                        \
  extern __shared__ __align__(16) unsigned char name##_bytes[]; \
  type *const name = reinterpret_cast<type *>(name##_bytes)
#endif

constexpr int warp_size = 32;
constexpr unsigned whole_warp = 0xffffffffu;

template <class Integer>
__host__ __device__ constexpr Integer ceil_div(Integer a, Integer b) {
  return (a + b - 1) / b;
}

// Blocks of `threads` for a loop over `count` items that strides by the whole grid: one item a thread up to 2^20
// threads.
inline unsigned grid_for(int64_t count, int threads) {
  return unsigned(std::max<int64_t>(1, std::min<int64_t>(ceil_div<int64_t>(count, threads), (1 << 20) / threads)));
}

// This thread's first item and the distance to its next one in such a loop.
__device__ __forceinline__ int64_t first_item() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ __forceinline__ int64_t item_stride() { return int64_t(gridDim.x) * blockDim.x; }

inline bool aligned(const void *pointer, int bytes) { return reinterpret_cast<uintptr_t>(pointer) % bytes == 0; }

}  // namespace coopnets
