// The host's side of the emulated CUDA runtime: memory, streams, events, graphs, errors.
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "block.h"
#include "cuda_runtime.h"

using cuda_emulator::Stream;
using Operation = std::function<cudaError_t()>;

struct EmulatedGraph {
  std::vector<Operation> operations;
};
struct cuda_emulator::Stream {
  std::deque<Operation> pending;
  std::unique_ptr<EmulatedGraph> capture;  // set while capturing
};
struct EmulatedEvent {
  std::shared_ptr<bool> reached = std::make_shared<bool>(true);
  Stream *stream = nullptr;
};

namespace {

struct Device {
  int count = 1, major = 9, minor = 0;
  size_t memory = size_t{2} << 30, held = 0, pinned = SIZE_MAX;
  std::map<const char *, size_t> device_memory, pinned_memory;
  std::map<const void *, size_t> shared_limits;
  int code_version = 0;
  Stream default_stream;
  int capturing = 0;
  cudaError_t last_error = cudaSuccess;
  std::string message;  // of the last failed launch
} device;
constexpr size_t shared_default = 48 << 10;

cudaError_t answer(cudaError_t error) {
  if (error != cudaSuccess) device.last_error = error;
  return error;
}

cudaError_t fail(cudaError_t error, const std::string &message) {
  device.message = message;
  return answer(error);
}

bool inside(const std::map<const char *, size_t> &blocks, const void *memory, size_t bytes) {
  const char *p = static_cast<const char *>(memory);
  auto next = blocks.upper_bound(p);
  if (next == blocks.begin()) return false;
  --next;
  return p + bytes <= next->first + next->second;
}

Stream &stream_of(cudaStream_t stream) { return stream ? *stream : device.default_stream; }

cudaError_t enqueue(cudaStream_t stream, Operation operation) {
  Stream &s = stream_of(stream);
  if (s.capture)
    s.capture->operations.push_back(std::move(operation));
  else
    s.pending.push_back(std::move(operation));
  return cudaSuccess;
}

cudaError_t drain(Stream &s) {
  if (device.capturing) return answer(cudaErrorStreamCaptureUnsupported);
  while (!s.pending.empty()) {
    const Operation operation = std::move(s.pending.front());
    s.pending.pop_front();
    const cudaError_t error = operation();
    if (error != cudaSuccess) {
      s.pending.clear();
      return answer(error);
    }
  }
  return cudaSuccess;
}

}  // namespace

namespace cuda_emulator {

size_t live_allocations() { return device.device_memory.size() + device.pinned_memory.size(); }
void set_device_count(int count) { device.count = count; }
void set_memory(size_t bytes) { device.memory = bytes; }
void set_pinned_memory(size_t bytes) { device.pinned = bytes; }
void set_compute_capability(int major, int minor) {
  device.major = major;
  device.minor = minor;
}

// A block's shared memory once cudaFuncSetAttribute has asked for it: 48 KiB before Volta, 64 KiB on Turing, and no more
// than 99 KiB, which every later chip has.
size_t shared_most() { return device.major < 7 ? shared_default : device.major == 7 ? 64 << 10 : 99 << 10; }

// Of a processor, by chip.
size_t shared_of_processor() {
  const int chip = 10 * device.major + device.minor;
  return size_t(chip < 80 ? 64 : chip == 80 || chip == 87 ? 164 : chip < 90 || chip >= 120 ? 100 : 228) << 10;
}

void set_code_version(int version) { device.code_version = version; }
int code_version() { return device.code_version ? device.code_version : 10 * device.major + device.minor; }
// Code of the device's generation runs as it is, other is translated for the device.
int binary_version() { return code_version() / 10 == device.major ? code_version() : 10 * device.major + device.minor; }

cudaError_t set_carveout(int percent) {
  if (percent < 1 || percent > 100) return fail(cudaErrorInvalidValue, "a carve-out of more than all");
  return cudaSuccess;
}

cudaError_t set_shared_limit(const void *kernel, int bytes) {
  if (size_t(bytes) > shared_most())
    return fail(cudaErrorInvalidValue, "more shared memory than the device lets a block have");
  device.shared_limits[kernel] = bytes;
  return cudaSuccess;
}

cudaError_t enqueue_launch(const char *name, const void *kernel, std::function<void()> call, dim3 grid, dim3 block,
                           size_t shared, Stream *stream) {
  const std::string launch = std::string(name) + "<<<(" + std::to_string(grid.x) + "," + std::to_string(grid.y) + "," +
                             std::to_string(grid.z) + "), (" + std::to_string(block.x) + "," + std::to_string(block.y) +
                             "," + std::to_string(block.z) + "), " + std::to_string(shared) + " bytes>>>";
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (!grid.x || !grid.y || !grid.z || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
    return fail(cudaErrorInvalidConfiguration, launch + ": a grid has 1 to 2^31 - 1, 65535, 65535 blocks");
  if (!threads || threads > 1024 || block.z > 64)
    return fail(cudaErrorInvalidConfiguration, launch + ": a block has 1 to 1024 threads, 64 in z");
  const auto limit = device.shared_limits.find(kernel);
  const bool asked = limit != device.shared_limits.end();
  if (shared > (asked ? limit->second : shared_default))
    return fail(cudaErrorInvalidValue, launch + ": more dynamic shared memory than cudaFuncSetAttribute allowed");
  const size_t most = asked ? shared_most() : shared_default;
  return enqueue(stream, [=] {
    const std::string error = run_launch(call, grid, block, shared, most);
    return error.empty() ? cudaSuccess : fail(cudaErrorLaunchFailure, launch + ": " + error);
  });
}

}  // namespace cuda_emulator

const char *cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
    default:
      return "cudaErrorInvalidValue";
  }
}

const char *cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    default:
      return device.message.empty() ? "invalid argument" : device.message.c_str();
  }
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = device.last_error;
  device.last_error = cudaSuccess;
  return error;
}

cudaError_t cudaGetDeviceCount(int *count) {
  *count = device.count;
  return answer(device.count ? cudaSuccess : cudaErrorNoDevice);
}
cudaError_t cudaSetDevice(int i) { return answer(i >= 0 && i < device.count ? cudaSuccess : cudaErrorInvalidDevice); }
cudaError_t cudaGetDevice(int *i) { return *i = 0, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int i) {
  if (i < 0 || i >= device.count) return answer(cudaErrorInvalidDevice);
  const size_t shared = cuda_emulator::shared_most();
  *properties = {"CUDA emulator", shared_default, shared, cuda_emulator::shared_of_processor(),
                 device.major,    device.minor,   2};
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int *version) { return *version = device.count ? 12000 : 0, cudaSuccess; }

cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
  *free = device.memory - std::min(device.held, device.memory);
  *total = device.memory;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void **memory, size_t bytes) {
  *memory = nullptr;
  if (device.capturing) return answer(cudaErrorStreamCaptureUnsupported);
  if (device.held + bytes > device.memory || posix_memalign(memory, 256, bytes))
    return answer(cudaErrorMemoryAllocation);
  std::memset(*memory, 0xff, bytes);
  device.held += bytes;
  device.device_memory[static_cast<char *>(*memory)] = bytes;
  return cudaSuccess;
}

cudaError_t cudaFree(void *memory) {
  if (!memory) return cudaSuccess;
  const auto found = device.device_memory.find(static_cast<char *>(memory));
  if (found == device.device_memory.end())
    return fail(cudaErrorInvalidValue, "cudaFree of memory that cudaMalloc never gave");
  device.held -= found->second;
  device.device_memory.erase(found);
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void **memory, size_t bytes) {
  if (device.capturing) return answer(cudaErrorStreamCaptureUnsupported);
  *memory = nullptr;
  if (bytes > device.pinned || posix_memalign(memory, 256, bytes)) return answer(cudaErrorMemoryAllocation);
  device.pinned_memory[static_cast<char *>(*memory)] = bytes;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void *memory) {
  if (memory && !device.pinned_memory.erase(static_cast<char *>(memory)))
    return fail(cudaErrorInvalidValue, "cudaFreeHost of memory that cudaMallocHost never gave");
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (!bytes) return cudaSuccess;
  if ((kind != cudaMemcpyDeviceToHost && !inside(device.device_memory, to, bytes)) ||
      (kind != cudaMemcpyHostToDevice && !inside(device.device_memory, from, bytes)))
    return fail(cudaErrorInvalidValue, "a copy reaches beyond device memory that cudaMalloc gave");
  const void *const host = kind == cudaMemcpyHostToDevice ? from : to;
  const bool deferred = kind == cudaMemcpyDeviceToDevice || inside(device.pinned_memory, host, bytes);
  const Operation copy = [=] { return std::memcpy(to, from, bytes), cudaSuccess; };
  if (deferred) return enqueue(stream, copy);
  const cudaError_t error = drain(stream_of(stream));  // pageable host memory: done when the call returns
  return error == cudaSuccess ? copy() : error;
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream) {
  if (!inside(device.device_memory, memory, bytes))
    return fail(cudaErrorInvalidValue, "cudaMemset beyond device memory");
  return enqueue(stream, [=] { return std::memset(memory, value, bytes), cudaSuccess; });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned) { return *stream = new Stream, cudaSuccess; }
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const cudaError_t error = drain(*stream);
  delete stream;
  return error;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return drain(stream_of(stream)); }

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (!stream || stream->capture) return answer(cudaErrorStreamCaptureUnsupported);
  stream->capture = std::make_unique<EmulatedGraph>();
  ++device.capturing;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  if (!stream->capture) return answer(cudaErrorStreamCaptureInvalidated);
  *graph = stream->capture.release();
  --device.capturing;
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) { return *event = new EmulatedEvent, cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->reached = std::make_shared<bool>(false);
  event->stream = &stream_of(stream);
  return enqueue(stream, [reached = event->reached] { return *reached = true, cudaSuccess; });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) { return *event->reached ? cudaSuccess : drain(*event->stream); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long) {
  *exec = new EmulatedGraph(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  for (const Operation &operation : exec->operations) enqueue(stream, operation);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}
