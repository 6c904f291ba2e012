// A stand-in for NVIDIA's cuda_runtime.h with which g++ builds cuda/*.cu: every kernel runs on a machine without a GPU,
// in a debugger and under AddressSanitizer.
//
// A block's threads are fibers of one host thread. Each runs alone until it meets a barrier, a warp instruction or its
// end, then another is resumed, in an order that changes from sweep to sweep: a missing barrier shows as a wrong or
// poisoned value.
//   * Device memory and shared memory are filled with NaN (all bits 1) at first; each is its own host allocation, so
//     AddressSanitizer sees every access beyond it.
//   * __syncthreads() that not all threads of the block reach, or that they reach in different lines, fails the
//     launch; so do warp instructions whose lanes do not all arrive, and launches beyond a device's limits.
//   * A stream does nothing until something waits for it, so that host memory changed too early is noticed as well;
//     stream capture records the same operations into a graph.
// Errors come back as CUDA's own codes; cudaGetErrorString() then says what happened, in which kernel and line.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <tuple>
#include <utility>

using std::max;
using std::min;

#define COOPNETS_CUDA_EMULATED 1
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidDeviceFunction = 98,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorUnsupportedPtxVersion = 222,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchOutOfResources = 701,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901
};
const char *cudaGetErrorName(cudaError_t);
const char *cudaGetErrorString(cudaError_t);
cudaError_t cudaGetLastError();

// --- Inside a kernel ------------------------------------------------------------------------------------------------
namespace cuda_emulator {

struct Thread;
extern Thread *current;  // the CUDA thread that is running
struct Coordinates {
  dim3 thread, block, block_size, grid_size;
};
extern Coordinates coordinates;  // of `current`

// The n-th shared array that a thread declares is the n-th of its block. bytes 0: the dynamic one of the launch.
void *shared_array(size_t bytes);
void block_barrier(const char *file, int line);
// What a lane brings to a warp instruction.
struct Registers {
  uint32_t values[6];
};
// Every lane in `mask` brings registers; the answer holds those of all 32 lanes until the lane's next warp instruction.
const Registers *warp_exchange(unsigned mask, const Registers &mine, const char *file = __builtin_FILE(),
                               int line = __builtin_LINE());
int lane();
// Global to shared memory, asynchronously: the target is poisoned at once and written when the thread waits for it.
void copy_later(void *shared, const void *global, size_t bytes);
void commit_copies();
void wait_copies(int groups_left);

template <class T>
T shuffle(unsigned mask, T value, int source, const char *file, int line) {
  static_assert(sizeof(T) <= 8, "a shuffle moves up to 8 bytes");
  Registers mine = {};
  std::memcpy(&mine, &value, sizeof(T));
  std::memcpy(&value, &warp_exchange(mask, mine, file, line)[source & 31], sizeof(T));
  return value;
}

// Calls the kernel once a thread. `limit`: see cudaFuncSetAttribute.
cudaError_t enqueue_launch(const char *name, const void *kernel, std::function<void()> call, dim3 grid, dim3 block,
                           size_t shared, struct Stream *stream);

template <class... P, class... A>
cudaError_t launch(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, Stream *stream,
                   A &&...a) {
  std::tuple<std::decay_t<P>...> arguments(std::forward<A>(a)...);
  return enqueue_launch(
      name, reinterpret_cast<const void *>(kernel), [kernel, arguments] { std::apply(kernel, arguments); }, grid, block,
      shared, stream);
}

size_t live_allocations();             // device and pinned host
void skip_barrier(int number);         // the number-th of each block, from 0, as if the kernel had none there; -1: none
void set_device_count(int count);      // 0: as on a machine without a GPU
void set_memory(size_t bytes);         // of the emulated device
void set_pinned_memory(size_t bytes);  // of the host, that cudaMallocHost gives in one piece
void set_compute_capability(int major, int minor);
void set_code_version(int version);  // of the kernels: 75 as if built for sm_75; 0: for the device

}  // namespace cuda_emulator

#define threadIdx (cuda_emulator::coordinates.thread)
#define blockIdx (cuda_emulator::coordinates.block)
#define blockDim (cuda_emulator::coordinates.block_size)
#define gridDim (cuda_emulator::coordinates.grid_size)

inline void __syncthreads(const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
  cuda_emulator::block_barrier(file, line);
}
template <class T>
T __shfl_sync(unsigned mask, T v, int source, int = 32, const char *file = __builtin_FILE(),
              int line = __builtin_LINE()) {
  return cuda_emulator::shuffle(mask, v, source, file, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int lanes, int = 32, const char *file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  return cuda_emulator::shuffle(mask, v, cuda_emulator::lane() ^ lanes, file, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned delta, int = 32, const char *file = __builtin_FILE(),
                   int line = __builtin_LINE()) {
  const int source = cuda_emulator::lane() + int(delta);
  return cuda_emulator::shuffle(mask, v, source < 32 ? source : cuda_emulator::lane(), file, line);
}
inline unsigned __ballot_sync(unsigned mask, bool vote, const char *file = __builtin_FILE(),
                              int line = __builtin_LINE()) {
  const cuda_emulator::Registers *votes = cuda_emulator::warp_exchange(mask, {{vote}}, file, line);
  unsigned ballot = 0;
  for (int lane = 0; lane < 32; ++lane)
    if (mask >> lane & 1) ballot |= (votes[lane].values[0] & 1) << lane;
  return ballot;
}
inline bool __any_sync(unsigned mask, bool vote, const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
  return __ballot_sync(mask, vote, file, line) != 0;
}
inline bool __all_sync(unsigned mask, bool vote, const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
  return __ballot_sync(mask, vote, file, line) == mask;
}

// --- On the host ----------------------------------------------------------------------------------------------------
using cudaStream_t = cuda_emulator::Stream *;
using cudaEvent_t = struct EmulatedEvent *;
using cudaGraph_t = struct EmulatedGraph *;
using cudaGraphExec_t = struct EmulatedGraph *;

struct cudaDeviceProp {
  char name[256];
  size_t sharedMemPerBlock, sharedMemPerBlockOptin, sharedMemPerMultiprocessor;
  int major, minor, multiProcessorCount;
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9
};
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;

cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int *device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *, int device);
cudaError_t cudaDriverGetVersion(int *version);

cudaError_t cudaMemGetInfo(size_t *free, size_t *total);
cudaError_t cudaMalloc(void **memory, size_t bytes);
cudaError_t cudaFree(void *memory);
cudaError_t cudaMallocHost(void **memory, size_t bytes);
cudaError_t cudaFreeHost(void *memory);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t);
cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t);
cudaError_t cudaStreamSynchronize(cudaStream_t);
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode);
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t *);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t);
cudaError_t cudaEventSynchronize(cudaEvent_t);
cudaError_t cudaEventDestroy(cudaEvent_t);
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *, cudaGraph_t, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t);
cudaError_t cudaGraphDestroy(cudaGraph_t);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t);

namespace cuda_emulator {
cudaError_t set_shared_limit(const void *kernel, int bytes);
cudaError_t set_carveout(int percent);
int code_version(), binary_version();
}  // namespace cuda_emulator
struct cudaFuncAttributes {
  int ptxVersion, binaryVersion;
};
template <class Kernel>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, Kernel *) {
  attributes->ptxVersion = cuda_emulator::code_version();
  attributes->binaryVersion = cuda_emulator::binary_version();
  return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel *kernel, cudaFuncAttribute attribute, int value) {
  if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cuda_emulator::set_carveout(value);
  return cuda_emulator::set_shared_limit(reinterpret_cast<const void *>(kernel), value);
}
