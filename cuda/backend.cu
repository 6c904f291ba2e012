// Devices, memory, time: everything of the CUDA backend that is not arithmetic.
//
//   host    set_clock   replay(revision)   replay(learning)   set_clock ...        never waits for the device
//   stream  [clock]-----[graph of L steps]-[graph]------------[clock]---- ...      one stream: kernels in this order
//
// A Recording runs its body as it is the first time, so that scratch memory has grown to its final size; the second
// time the same calls are captured into a graph, which that and every later replay launches whole. Where another call
// has made scratch memory anew since then, it begins from the start.
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "cuda/cuda_backend.h"

namespace coopnets {
namespace {

constexpr size_t least_staging_bytes = 1 << 20, most_staging_bytes = 64 << 20;

const char *hint(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return "the GPU's memory is full: close other programs on it, or use fewer chains, a smaller batch or size";
    case cudaErrorInsufficientDriver:
    case cudaErrorUnsupportedPtxVersion:
      return "the driver is older than this program's CUDA runtime: update it, or build with an older toolkit";
    case cudaErrorNoDevice:
      return "no GPU answered: use --device cpu";
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidDeviceFunction:
      return "this program holds no code for this GPU: build it again with CUDA_ARCH set to the GPU's architecture; "
             "for Pascal and Volta, sm_60 to sm_72, that takes a toolkit of CUDA 12 or older";
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
      return "a kernel went wrong, perhaps an earlier one: CUDA_LAUNCH_BLOCKING=1 and compute-sanitizer find which";
    case cudaErrorStreamCaptureUnsupported:
    case cudaErrorStreamCaptureInvalidated:
      return "a recorded sequence of kernels may neither allocate nor copy to the host nor wait";
    default:
      return "run it under compute-sanitizer to learn more";
  }
}

std::string mebibytes(size_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

__global__ void write_clock(Clock value, Clock *clock) { *clock = value; }

// What a Recording keeps: nothing, then a graph that may be launched.
struct Graph {
  explicit Graph(int64_t scratch_generation) : scratch_generation(scratch_generation) {}
  const int64_t scratch_generation;
  Owned<cudaGraphExec_t, cudaGraphExecDestroy> launchable;
};

}  // namespace

void check_cuda(cudaError_t error, const char *call, const char *file, int line) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // or the next check would report it again
  throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) +
                           ") in " + call + " at " + file + ":" + std::to_string(line) + "; " + hint(error));
}

std::vector<CudaDevice> cuda_devices(std::string *why_none) {
  std::vector<CudaDevice> devices;
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) count = 0;
  cudaGetLastError();
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties;
    CUDA_CHECK(cudaGetDeviceProperties(&properties, i));
    devices.push_back({properties.name, properties.major, properties.minor});
  }
  if (devices.empty() && why_none) {
    int driver = 0;
    cudaDriverGetVersion(&driver);
    *why_none = std::string("no GPU answered (") +
                (driver == 0 && error == cudaErrorInsufficientDriver
                     ? "there is no CUDA driver"
                     : cudaGetErrorString(error == cudaSuccess ? cudaErrorNoDevice : error)) +
                ")";
  }
  return devices;
}

std::unique_ptr<Backend> make_cuda_backend(int device, Precision precision) {
  std::string why_none;
  const std::vector<CudaDevice> devices = cuda_devices(&why_none);
  if (devices.empty()) throw std::runtime_error(why_none + ": use --device cpu");
  if (device < 0 || device >= int(devices.size()))
    throw std::runtime_error("there is no GPU " + std::to_string(device) + ": " +
                             (devices.size() == 1 ? "only GPU 0 answered"
                                                  : "GPUs 0 to " + std::to_string(devices.size() - 1) + " answered"));
  return std::make_unique<CudaBackend>(device, precision);
}

CudaBackend::CudaBackend(int device, Precision precision, int multiprocessors) : precision_(precision) {
  CUDA_CHECK(cudaSetDevice(device));
  cudaDeviceProp properties;
  CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
  multiprocessors_ = multiprocessors ? multiprocessors : properties.multiProcessorCount;
  shared_bytes_a_block_ = std::max(properties.sharedMemPerBlock, properties.sharedMemPerBlockOptin);
  shared_bytes_a_processor_ = properties.sharedMemPerMultiprocessor;
  name_ = std::string("cuda:") + std::to_string(device) + ", " + properties.name + ", sm_" +
          std::to_string(properties.major) + std::to_string(properties.minor) + ", ";
  // A new chip may run old code, which the driver translates and which may have no tensor cores.
  cudaFuncAttributes code;
  CUDA_CHECK(cudaFuncGetAttributes(&code, write_clock));
  if (code.binaryVersion / 10 > code.ptxVersion / 10)
    std::fprintf(stderr,
                 "this program holds no code for sm_%d%d: the driver translates what was built for sm_%d when a kernel "
                 "is first used, which may take minutes once and is kept; CUDA_ARCH=%d%d builds it in\n",
                 properties.major, properties.minor, code.ptxVersion, properties.major, properties.minor);
  if (precision != Precision::fp32 && properties.major < 8) {
    precision_ = Precision::fp32;
    name_ += std::string("fp32 (this chip has no ") + name_of(precision) + ")";
  } else if (precision != Precision::fp32 && code.ptxVersion < 80) {
    precision_ = Precision::fp32;
    name_ += std::string("fp32 (built for sm_") + std::to_string(code.ptxVersion) + ", which has no " +
             name_of(precision) + ": set CUDA_ARCH)";
  } else {
    name_ += name_of(precision);
  }
  CUDA_CHECK(cudaStreamCreateWithFlags(owned_stream_.out(), cudaStreamNonBlocking));
  stream_ = owned_stream_.get();
  clock_memory_ = device_memory(sizeof(Clock));
  clock_ = static_cast<Clock *>(clock_memory_.get());
  bytes_ = peak_bytes_ = sizeof(Clock);
  set_clock({});
  synchronise();  // where the program holds no code for this chip, this is where it shows
}

CudaBackend::~CudaBackend() { cudaStreamSynchronize(stream_); }  // nothing under way may use what now goes

// --- Memory ----------------------------------------------------------------------------------------------------------

void *CudaBackend::allocate(size_t bytes) {
  // Also of the pool: the graph would keep the address, and who gets the block next would share it.
  if (recording_) throw std::logic_error("a recorded sequence of kernels may not allocate memory");
  auto block = free_blocks_.extract(bytes);
  if (block) {
    pooled_bytes_ -= bytes;
  } else {
    Blocks made;
    made.emplace(bytes, device_memory(bytes));
    block = made.extract(bytes);
  }
  void *const memory = block.mapped().give();  // the tensor that asks owns it from now on
  lent_.insert(std::move(block));
  bytes_ += bytes;
  peak_bytes_ = std::max(peak_bytes_, bytes_ + pooled_bytes_);
  return memory;
}

DeviceMemory CudaBackend::device_memory(size_t bytes) {
  DeviceMemory memory;
  const size_t at_least = std::max<size_t>(bytes, 1);  // so that no tensor has the null pointer
  cudaError_t error = cudaMalloc(memory.out(), at_least);
  if (error == cudaErrorMemoryAllocation && pooled_bytes_) {
    cudaGetLastError();
    give_back_free_blocks();
    error = cudaMalloc(memory.out(), at_least);
  }
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    throw std::runtime_error(
        "the GPU is out of memory: " + mebibytes(bytes) + " more wanted, " + mebibytes(free) + " of " +
        mebibytes(total) + " free, " + mebibytes(bytes_) +
        " held by this program; fewer chains (--set chains=...), a smaller batch (--set batch=...) or "
        "smaller pictures (--set size=..., of samples --size) need less");
  }
  CUDA_CHECK(error);
  return memory;
}

// A block given back may still be read by kernels under way; whoever gets it next uses it after them, on the same
// stream.
void CudaBackend::release(void *memory, size_t bytes) noexcept {
  auto block = lent_.extract(bytes);
  block.mapped() = DeviceMemory(memory);
  free_blocks_.insert(std::move(block));
  bytes_ -= bytes;
  pooled_bytes_ += bytes;
}

void CudaBackend::give_back_free_blocks() noexcept {
  cudaStreamSynchronize(stream_);
  free_blocks_.clear();
  pooled_bytes_ = 0;
}

void *CudaBackend::scratch_bytes(size_t bytes) {
  if (bytes > scratch_size_) {
    if (recording_) throw std::logic_error("a recorded sequence of kernels needs more memory than when it first ran");
    give_back_free_blocks();  // waits as well, so that no kernel still uses what goes now
    ++scratch_generation_;    // before anything may throw: no graph is launched that would use it
    scratch_.reset();
    bytes_ -= std::exchange(scratch_size_, 0);
    scratch_ = device_memory(bytes);
    scratch_size_ = bytes;
    bytes_ += bytes;
    peak_bytes_ = std::max(peak_bytes_, bytes_ + pooled_bytes_);
  }
  return scratch_.get();
}

void CudaBackend::upload(const void *host, void *device, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    Staging &s = staging_[next_staging_];
    next_staging_ ^= 1;
    if (s.copied)
      CUDA_CHECK(cudaEventSynchronize(s.copied.get()));
    else
      CUDA_CHECK(cudaEventCreateWithFlags(s.copied.out(), cudaEventDisableTiming));
    const size_t part = std::min(most_staging_bytes, bytes - done);
    if (s.bytes < part) {
      size_t wanted = least_staging_bytes;
      while (wanted < part) wanted *= 2;
      s.bytes = 0;
      const cudaError_t error = cudaMallocHost(s.memory.out(), wanted);
      if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        throw std::runtime_error("the machine has no " + mebibytes(wanted) +
                                 " of memory for uploads to the GPU: close other programs, or raise the limit of "
                                 "memory under which this one runs");
      }
      CUDA_CHECK(error);
      s.bytes = wanted;
    }
    std::memcpy(s.memory.get(), static_cast<const char *>(host) + done, part);
    CUDA_CHECK(
        cudaMemcpyAsync(static_cast<char *>(device) + done, s.memory.get(), part, cudaMemcpyHostToDevice, stream_));
    CUDA_CHECK(cudaEventRecord(s.copied.get(), stream_));
    done += part;
  }
}

void CudaBackend::download(const void *device, void *host, size_t bytes) {
  CUDA_CHECK(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_));
  synchronise();
}

void CudaBackend::synchronise() { CUDA_CHECK(cudaStreamSynchronize(stream_)); }

// --- Time ------------------------------------------------------------------------------------------------------------

// The value travels as the kernel's argument: the host neither waits nor keeps it.
void CudaBackend::set_clock(const Clock &clock) { CUDA_LAUNCH(write_clock, 1, 1, 0, stream_, clock, clock_); }

void CudaBackend::run_or_replay(Recording &recording, const std::function<void()> &body) {
  if (recording_) return body();           // part of a longer recording
  if (ranks().count() > 1) return body();  // what travels between ranks goes through the host
  Graph *const recorded = static_cast<Graph *>(recording.state.get());
  if (!recorded || recorded->scratch_generation != scratch_generation_) {
    recording.state.reset();
    body();  // if it fails, the next call is the first again
    recording.state = std::make_shared<Graph>(scratch_generation_);
    return;
  }
  Graph &graph = *recorded;
  if (!graph.launchable) {
    cudaGraph_t captured = nullptr;
    CUDA_CHECK(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
    recording_ = true;
    try {
      body();
    } catch (...) {
      recording_ = false;
      cudaStreamEndCapture(stream_, &captured);
      if (captured) cudaGraphDestroy(captured);
      cudaGetLastError();
      throw;
    }
    recording_ = false;
    CUDA_CHECK(cudaStreamEndCapture(stream_, &captured));
    const cudaError_t error = cudaGraphInstantiateWithFlags(graph.launchable.out(), captured, 0);
    cudaGraphDestroy(captured);
    CUDA_CHECK(error);
  }
  CUDA_CHECK(cudaGraphLaunch(graph.launchable.get(), stream_));
}

}  // namespace coopnets
