// The emulator itself: right kernels give right results, and each kind of wrong one is caught.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cuda/tensor_core.h"
#include "tensor/tensor.h"

namespace coopnets {
namespace {

constexpr int threads = 128;

// Device memory for a test, read back on the host.
class Words {
 public:
  explicit Words(int count) : count_(count) {
    CUDA_CHECK(cudaMalloc(reinterpret_cast<void **>(&data), count * sizeof(float)));
  }
  ~Words() { cudaFree(data); }
  std::vector<float> read() const {
    std::vector<float> out(count_);
    CUDA_CHECK(cudaMemcpyAsync(out.data(), data, count_ * sizeof(float), cudaMemcpyDeviceToHost, nullptr));
    return out;
  }
  float *data = nullptr;

 private:
  int count_;
};

// What the error of a launch says when the stream is waited for; empty if there is none.
template <class Launch>
std::string error_of(const Launch &launch) {
  try {
    launch();
    CUDA_CHECK(cudaStreamSynchronize(nullptr));
  } catch (const std::runtime_error &error) {
    return error.what();
  }
  return "";
}
#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

// out[i] = threads - 1 - i within each block, through shared memory.
__global__ void reverse(float *out, bool with_barrier) {
  SHARED_ARRAY(float, values, threads);
  values[threadIdx.x] = float(threadIdx.x);
  if (with_barrier) __syncthreads();
  out[blockIdx.x * threads + threadIdx.x] = values[threads - 1 - threadIdx.x];
}

TEST(CudaEmulator, RunsAKernelWithABarrier) {
  Words out(3 * threads);
  CUDA_LAUNCH(reverse, 3, threads, 0, nullptr, out.data, true);
  const std::vector<float> values = out.read();
  for (int i = 0; i < 3 * threads; ++i) EXPECT_EQ(values[i], float(threads - 1 - i % threads));
}

TEST(CudaEmulator, AMissingBarrierShows) {
  Words out(threads);
  CUDA_LAUNCH(reverse, 1, threads, 0, nullptr, out.data, false);
  int wrong = 0;
  for (float v : out.read()) wrong += std::isnan(v);  // poison: read before it was written
  EXPECT_GE(wrong, threads / 4);
}

// Folds in halves, but forgets the barrier between two of them.
__global__ void sum_with_a_race(float *out) {
  SHARED_ARRAY(float, values, threads);
  values[threadIdx.x] = 1;
  __syncthreads();
  for (int half = threads / 2; half > 0; half /= 2) {
    if (int(threadIdx.x) < half) values[threadIdx.x] += values[threadIdx.x + half];
    if (half != threads / 4) __syncthreads();
  }
  if (threadIdx.x == 0) out[blockIdx.x] = values[0];
}

TEST(CudaEmulator, AReadAfterWriteRaceShows) {
  Words out(16);
  CUDA_LAUNCH(sum_with_a_race, 16, threads, 0, nullptr, out.data);
  int wrong = 0;
  for (float v : out.read()) wrong += v != threads;
  EXPECT_GE(wrong, 1);  // the order of the threads differs from block to block
}

__global__ void half_of_the_block_waits(float *out) {
  if (threadIdx.x < threads / 2) __syncthreads();
  out[threadIdx.x] = 0;
}
__global__ void waits_in_two_places(float *out) {
  if (threadIdx.x < threads / 2)
    __syncthreads();
  else
    __syncthreads();
  out[threadIdx.x] = 0;
}
__global__ void half_of_a_warp_shuffles(float *out) {
  float v = float(threadIdx.x);
  if (threadIdx.x % 32 < 16) v = __shfl_sync(whole_warp, v, 0);
  out[threadIdx.x] = v;
}
__global__ void lanes_meet_in_two_shuffles(float *out) {
  float v = float(threadIdx.x);
  if (threadIdx.x % 2)
    v = __shfl_sync(whole_warp, v, 0);
  else
    v = __shfl_xor_sync(whole_warp, v, 1);
  out[threadIdx.x] = v;
}

TEST(CudaEmulator, DivergentBarriersFailTheLaunch) {
  Words out(threads);
  const std::string half = error_of([&] { CUDA_LAUNCH(half_of_the_block_waits, 1, threads, 0, nullptr, out.data); });
  EXPECT_SAYS(half, "divergent barrier in block (0,0,0)");
  EXPECT_SAYS(half, "__syncthreads at ");
  EXPECT_SAYS(half, "its end");
  EXPECT_SAYS(half, "half_of_the_block_waits<<<");
  EXPECT_SAYS(error_of([&] { CUDA_LAUNCH(waits_in_two_places, 1, threads, 0, nullptr, out.data); }),
              "divergent barrier");
  EXPECT_SAYS(error_of([&] { CUDA_LAUNCH(half_of_a_warp_shuffles, 1, threads, 0, nullptr, out.data); }),
              "a warp instruction at ");
  EXPECT_SAYS(error_of([&] { CUDA_LAUNCH(lanes_meet_in_two_shuffles, 1, threads, 0, nullptr, out.data); }),
              "divergent warp");
  // and the device is usable afterwards
  CUDA_LAUNCH(reverse, 1, threads, 0, nullptr, out.data, true);
  EXPECT_EQ(out.read()[0], float(threads - 1));
}

__global__ void warp_instructions(float *out) {
  const int lane = threadIdx.x % 32;
  float sum = float(lane);
  for (int half = 16; half > 0; half /= 2) sum += __shfl_xor_sync(whole_warp, sum, half);
  const int below = __shfl_down_sync(whole_warp, lane, 3);
  const unsigned odd = __ballot_sync(whole_warp, lane % 2 == 1);
  const bool ok = sum == 496 && below == (lane < 29 ? lane + 3 : lane) && odd == 0xaaaaaaaau &&
                  __any_sync(whole_warp, lane == 7) && !__all_sync(whole_warp, lane == 7) &&
                  (lane >= 8 || __shfl_sync(0xffu, lane, 5) == 5);
  out[threadIdx.x] = ok;
}

TEST(CudaEmulator, WarpInstructions) {
  Words out(threads);
  CUDA_LAUNCH(warp_instructions, 1, threads, 0, nullptr, out.data);
  for (float ok : out.read()) EXPECT_EQ(ok, 1);
}

__global__ void copies(const float *in, float *out, bool wait) {
  SHARED_ARRAY(float, values, threads);
  copy_async<1>(values + threadIdx.x, in + threadIdx.x, threadIdx.x % 2 == 0);
  commit_copies();
  if (wait) wait_copies<0>();
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}

TEST(CudaEmulator, AsynchronousCopiesArriveWhenWaitedFor) {
  Words in(threads), out(threads);
  CUDA_LAUNCH(reverse, 1, threads, 0, nullptr, in.data, true);
  CUDA_LAUNCH(copies, 1, threads, 0, nullptr, in.data, out.data, true);
  std::vector<float> values = out.read();
  for (int i = 0; i < threads; ++i) EXPECT_EQ(values[i], i % 2 ? 0 : float(threads - 1 - i));
  CUDA_LAUNCH(copies, 1, threads, 0, nullptr, in.data, out.data, false);
  for (float v : out.read()) EXPECT_TRUE(std::isnan(v));
}

__global__ void copies_of_sixteen_bytes(const float *in, int from, int to) {
  SHARED_ARRAY(float, values, 8);
  copy_async<4>(values + to, in + from, true);
  commit_copies();
  wait_copies<0>();
}

TEST(CudaEmulator, MisalignedCopiesFail) {
  Words in(threads);
  CUDA_LAUNCH(copies_of_sixteen_bytes, 1, 1, 0, nullptr, in.data, 4, 0);
  in.read();
  for (const auto &[from, to] : {std::pair(1, 0), std::pair(0, 2)})
    EXPECT_SAYS(error_of([&, from = from, to = to] {
                  CUDA_LAUNCH(copies_of_sixteen_bytes, 1, 1, 0, nullptr, in.data, from, to);
                }),
                "misaligned asynchronous copy");
}

__global__ void nothing() {}
__global__ void dynamic(float *out) {
  DYNAMIC_SHARED_ARRAY(float, values);
  values[threadIdx.x] = 1;
  out[threadIdx.x] = values[threadIdx.x];
}

TEST(CudaEmulator, LaunchesBeyondTheDevicesLimitsFail) {
  Words out(threads);
  EXPECT_SAYS(error_of([] { CUDA_CHECK(cuda_emulator::launch("nothing", nothing, 1, 1025, 0, nullptr)); }),
              "1024 threads");
  EXPECT_SAYS(error_of([] { CUDA_CHECK(cuda_emulator::launch("nothing", nothing, 0, 1, 0, nullptr)); }), "a grid has");
  EXPECT_SAYS(error_of([] { CUDA_CHECK(cuda_emulator::launch("nothing", nothing, dim3(1, 65536), 1, 0, nullptr)); }),
              "a grid has");
  const auto launch = [&] { CUDA_LAUNCH(dynamic, 1, threads, 50 << 10, nullptr, out.data); };
  EXPECT_SAYS(error_of(launch), "more dynamic shared memory");
  CUDA_CHECK(cudaFuncSetAttribute(dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, 50 << 10));
  EXPECT_EQ(error_of(launch), "");
}

TEST(CudaEmulator, StreamsWorkWhenWaitedForAndGraphsRepeat) {
  cudaStream_t stream;
  CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  float *pinned;
  CUDA_CHECK(cudaMallocHost(reinterpret_cast<void **>(&pinned), sizeof(float)));
  Words word(1);
  *pinned = 1;
  CUDA_CHECK(cudaMemcpyAsync(word.data, pinned, sizeof(float), cudaMemcpyHostToDevice, stream));
  *pinned = 2;  // too early: the copy has not been made
  CUDA_CHECK(cudaStreamSynchronize(stream));
  EXPECT_EQ(word.read()[0], 2);

  cudaGraph_t graph;
  cudaGraphExec_t launchable;
  CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  CUDA_CHECK(cudaMemcpyAsync(word.data, pinned, sizeof(float), cudaMemcpyHostToDevice, stream));
  void *memory;
  EXPECT_EQ(cudaMalloc(&memory, 4), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
  CUDA_CHECK(cudaStreamEndCapture(stream, &graph));
  CUDA_CHECK(cudaGraphInstantiateWithFlags(&launchable, graph, 0));
  for (float v : {3.f, 4.f}) {
    *pinned = v;
    CUDA_CHECK(cudaGraphLaunch(launchable, stream));
    CUDA_CHECK(cudaStreamSynchronize(stream));
    EXPECT_EQ(word.read()[0], v);
  }
  cudaGraphDestroy(graph);
  cudaGraphExecDestroy(launchable);
  cudaFreeHost(pinned);
  cudaStreamDestroy(stream);
  cudaGetLastError();
}

TEST(CudaEmulator, MemoryIsChecked) {
  Words word(1);
  float host[2] = {};
  EXPECT_EQ(cudaMemcpyAsync(word.data, host, 8, cudaMemcpyHostToDevice, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpyAsync(host, host, 4, cudaMemcpyDeviceToHost, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(host), cudaErrorInvalidValue);
  EXPECT_TRUE(std::isnan(word.read()[0]));  // poisoned
  cudaGetLastError();
}

__global__ void takes_static_and_dynamic_memory(float *out) {
  SHARED_ARRAY(float, fixed, 1024);
  DYNAMIC_SHARED_ARRAY(float, chosen);
  fixed[threadIdx.x] = chosen[threadIdx.x] = 1;
  out[threadIdx.x] = fixed[threadIdx.x] + chosen[threadIdx.x];
}

TEST(CudaEmulator, StaticAndDynamicSharedMemoryCountTogether) {
  Words out(threads);
  EXPECT_EQ(error_of([&] { CUDA_LAUNCH(takes_static_and_dynamic_memory, 1, threads, 44 << 10, nullptr, out.data); }),
            "");
  EXPECT_SAYS(error_of([&] { CUDA_LAUNCH(takes_static_and_dynamic_memory, 1, threads, 46 << 10, nullptr, out.data); }),
              "more shared memory in all than a block may have");
}

}  // namespace
}  // namespace coopnets
