// The class behind make_cuda_backend. Its kernels stand in the files of this folder, one a concept.
#pragma once
#include <map>
#include <optional>
#include <utility>

#include "cuda/cuda.h"
#include "cuda/launch.h"

namespace coopnets {

// A CUDA object and its owner in one: moved, never copied, destroyed with the variable.
template <class T, cudaError_t (*destroy)(T)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(T value) : value_(value) {}
  Owned(Owned &&other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Owned &operator=(Owned &&other) noexcept {
    std::swap(value_, other.value_);
    other.reset();
    return *this;
  }
  ~Owned() { reset(); }
  void reset() noexcept {
    if (value_ && destroy(value_) != cudaSuccess) cudaGetLastError();  // or the next launch would be blamed for it
    value_ = nullptr;
  }
  T get() const { return value_; }
  T *out() {  // for calls that make one; empty before
    reset();
    return &value_;
  }
  T give() { return std::exchange(value_, nullptr); }  // to an owner of another kind
  explicit operator bool() const { return value_ != nullptr; }

 private:
  T value_ = nullptr;
};
using DeviceMemory = Owned<void *, cudaFree>;
using PinnedMemory = Owned<void *, cudaFreeHost>;
using OwnedStream = Owned<cudaStream_t, cudaStreamDestroy>;
using OwnedEvent = Owned<cudaEvent_t, cudaEventDestroy>;

enum class Tile;  // conv_problem.h

// The kernel that computed a convolution, "large 4" being the large tile by copies of four floats, and the parts of its
// sum.
struct ConvolutionRun {
  const char *kernel = "none";
  int splits = 1;
};

class CudaBackend final : public Backend {
 public:
  // Work is planned for that many multiprocessors, 0: for those that the device has. So a test meets the same kernels on
  // every device.
  CudaBackend(int device, Precision precision, int multiprocessors = 0);
  ~CudaBackend() override;
  DeviceInfo info() const override { return {true, precision_, name_}; }

  // backend.cu
  void *allocate(size_t bytes) override;
  void release(void *memory, size_t bytes) noexcept override;
  void upload(const void *host, void *device, size_t bytes) override;
  void download(const void *device, void *host, size_t bytes) override;
  size_t bytes() const override { return bytes_; }
  size_t peak_bytes() const override { return peak_bytes_; }
  void set_clock(const Clock &clock) override;
  void run_or_replay(Recording &, const std::function<void()> &body) override;
  void synchronise() override;

  // pointwise.cu
  void fill(View x, real value) override;
  void clear_border(View x, int64_t border) override;
  void copy(ConstView from, View to) override;
  void gather(ConstView table, const int64_t *index, View y) override;
  void scatter(ConstView x, const int64_t *index, View table) override;
  void add(ConstView a, ConstView b, View y) override;
  void difference(real factor, ConstView a, ConstView b, View y) override;
  void activation_forward(ConstView x, Activation, View y) override;
  void activation_backward(ConstView y, Activation, View dy) override;
  void function_forward(ConstView x, Function, View y) override;
  void function_backward(ConstView x, ConstView dy, Function, View dx) override;
  void multiply(ConstView a, ConstView b, View y) override;
  void affine(ConstView x, real factor, real offset, View y) override;
  void clip(View x, real bound) override;

  // channels.cu
  void copy_channels(ConstView x, int64_t first, int64_t count, View y, int64_t into) override;
  void log_softmax_forward(ConstView x, View y) override;
  void log_softmax_backward(ConstView y, ConstView dy, View dx) override;
  void one_hot(ConstView x, View y) override;
  void maxout_forward(ConstView x, View y) override;
  void maxout_backward(ConstView x, ConstView dy, View dx) override;

  // examples.cu
  void sum_examples(ConstView x, View y) override;
  void spread_examples(ConstView y, View x) override;
  void cosines_forward(ConstView x, View y) override;
  void cosines_backward(ConstView x, ConstView y, ConstView dy, View dx) override;
  void closeness_forward(ConstView x, View y) override;
  void closeness_backward(ConstView x, ConstView dy, View dx) override;

  // resample.cu
  void downsample(ConstView x, const Resampling &, real scale, View y) override;
  void upsample(ConstView y, const Resampling &, real scale, View x) override;

  // conv.cu
  void conv_forward(ConstView x, ConstView w, const Window &, const Epilogue &, View y) override;
  void conv_backward_input(ConstView dy, ConstView w, const Window &, const Epilogue &, View dx) override;
  void conv_backward_filter(ConstView x, ConstView dy, const Window &, View dw) override;

  // spectral_norm.cu
  void spectral_iteration(ConstView w, View u, View v) override;
  void spectral_norm_forward(ConstView w, ConstView u, ConstView v, View y, View sigma) override;
  void spectral_norm_backward(ConstView w, ConstView dy, ConstView u, ConstView v, ConstView sigma, View dw) override;

  // batch_norm.cu
  void bias_backward(ConstView dy, View db) override;
  void batch_norm_forward(ConstView x, ConstView scale, ConstView shift, real epsilon, Activation, View y, View mean,
                          View inverse_deviation) override;
  void batch_norm_backward(ConstView x, ConstView dv, ConstView scale, ConstView mean, ConstView inverse_deviation,
                           View dx, View dscale, View dshift) override;
  void batch_norm_inference(ConstView x, ConstView scale, ConstView shift, ConstView mean, ConstView variance,
                            real epsilon, Activation, View y) override;
  void batch_norm_inference_backward(ConstView x, ConstView dv, ConstView scale, ConstView mean, ConstView variance,
                                     real epsilon, View dx, View dscale, View dshift) override;
  void batch_norm_track(ConstView mean, ConstView inverse_deviation, real epsilon, real keep, View running_mean,
                        View running_variance) override;

  // group_norm.cu, modulate.cu
  void group_norm_forward(ConstView x, int64_t groups, real epsilon, View y, View inverse_deviation) override;
  void group_norm_backward(ConstView y, ConstView dy, ConstView inverse_deviation, View dx) override;
  void modulate_forward(ConstView x, ConstView scale, ConstView shift, View y) override;
  void modulate_backward(ConstView x, ConstView scale, ConstView dy, View dx, View d_scale, View d_shift) override;

  // reduce.cu
  void sum(ConstView x, Readings &, int slot) override;
  void sum_absolute(ConstView x, Readings &, int slot) override;
  void sum_squared_difference(ConstView a, ConstView b, Readings &, int slot) override;
  void max_absolute(ConstView x, Readings &, int slot) override;

  // langevin.cu, optimizers.cu
  void fill_normal(View x, real mean, real deviation, RandomKey key, int64_t index) override;
  void dropout(ConstView x, real keep, RandomKey key, int64_t index, View y) override;
  void bernoulli(ConstView p, RandomKey key, int64_t index, View y) override;
  void langevin(View x, ConstView gradient, const LangevinStep &) override;
  void adam(const std::vector<AdamUpdate> &, const AdamRule &) override;
  void rmsprop(const std::vector<RmspropUpdate> &, real keep, real epsilon) override;
  void average(const std::vector<AverageUpdate> &, real keep) override;
  void capped_momentum(const std::vector<MomentumUpdate> &, real momentum) override;
  void clip_norm(const std::vector<View> &gradients, real bound, Readings &, int slot) override;

  // Working memory for the kernels of one call, contents undefined. It grows to the largest request and stays. Kernels
  // run one after the other on one stream, so that the next call may have it again.
  template <class T>
  T *scratch(int64_t count) {
    return static_cast<T *>(scratch_bytes(size_t(count) * sizeof(T)));
  }
  cudaStream_t stream() const { return stream_; }
  const Clock *clock() const { return clock_; }  // in device memory
  Precision precision() const { return precision_; }
  // To which rounding errors matter: kernels that compute in fp32 may take the place of tensor cores, and no others.
  bool exact() const { return precision_ == Precision::fp32 || precision_ == Precision::tf32x3; }
  int multiprocessors() const { return multiprocessors_; }
  size_t shared_bytes_a_block() const { return shared_bytes_a_block_; }
  size_t shared_bytes_a_processor() const { return shared_bytes_a_processor_; }
  const ConvolutionRun &last_convolution() const { return last_convolution_; }
  // Matrix products by this tile wherever it may be, so that a test meets every tile; none: by the fastest.
  void use_only(std::optional<Tile> tile) { only_ = tile; }
  std::optional<Tile> only() const { return only_; }

 private:
  void *scratch_bytes(size_t bytes);
  DeviceMemory device_memory(size_t bytes);  // straight from the driver
  void give_back_free_blocks() noexcept;

  int multiprocessors_ = 0;
  size_t shared_bytes_a_block_ = 0, shared_bytes_a_processor_ = 0;
  ConvolutionRun last_convolution_;
  std::optional<Tile> only_;
  Precision precision_;
  std::string name_;
  OwnedStream owned_stream_;  // before all memory, so that it is destroyed after it
  cudaStream_t stream_ = nullptr;
  DeviceMemory clock_memory_;
  Clock *clock_ = nullptr;

  // The pool: released blocks wait here, by size, for the next request of that size. Whoever has a block leaves its empty
  // entry, so that release() need not allocate one.
  using Blocks = std::multimap<size_t, DeviceMemory>;
  Blocks free_blocks_, lent_;
  size_t bytes_ = 0, peak_bytes_ = 0, pooled_bytes_ = 0;
  DeviceMemory scratch_;
  size_t scratch_size_ = 0;
  int64_t scratch_generation_ = 0;  // recordings with an earlier scratch begin from the start

  // Uploads pass through two pinned buffers in turn, as large as the largest upload (64 MiB at most): the host waits
  // only where it is two uploads ahead of the device.
  struct Staging {
    PinnedMemory memory;
    size_t bytes = 0;
    OwnedEvent copied;
  } staging_[2];
  int next_staging_ = 0;
  bool recording_ = false;
};

}  // namespace coopnets
