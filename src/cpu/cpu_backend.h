// The class behind make_cpu_backend. Its kernels stand in the files of this folder, one a concept.
#pragma once
#include <vector>

#include "cpu/cpu.h"

namespace coopnets {

// cpu_multiply_adds, conv_staircase and gemm, in peak.cpp, staircase.cpp and double_gemm.cpp.
double level_multiply_adds(int threads);
std::vector<ConvStair> level_conv_staircase();
template <typename T>
void level_gemm(int64_t m, int64_t n, int64_t depth, Strided<T> a, Strided<T> b, double *c, int64_t c_stride);

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(int threads);
  ~CpuBackend() override;
  DeviceInfo info() const override;

  // backend.cpp
  void *allocate(size_t bytes) override;
  void release(void *memory, size_t bytes) noexcept override;
  void upload(const void *host, void *device, size_t bytes) override;
  void download(const void *device, void *host, size_t bytes) override;
  size_t bytes() const override { return bytes_; }
  size_t peak_bytes() const override { return peak_bytes_; }
  void set_clock(const Clock &clock) override { clock_ = clock; }

  // pointwise.cpp
  void fill(View x, real value) override;
  void clear_border(View x, int64_t border) override;
  void fill_normal(View x, real mean, real deviation, RandomKey key, int64_t index) override;
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
  void dropout(ConstView x, real keep, RandomKey key, int64_t index, View y) override;
  void bernoulli(ConstView p, RandomKey key, int64_t index, View y) override;

  // channels.cpp
  void copy_channels(ConstView x, int64_t first, int64_t count, View y, int64_t into) override;
  void log_softmax_forward(ConstView x, View y) override;
  void log_softmax_backward(ConstView y, ConstView dy, View dx) override;
  void one_hot(ConstView x, View y) override;
  void maxout_forward(ConstView x, View y) override;
  void maxout_backward(ConstView x, ConstView dy, View dx) override;

  // examples.cpp
  void sum_examples(ConstView x, View y) override;
  void spread_examples(ConstView y, View x) override;
  void cosines_forward(ConstView x, View y) override;
  void cosines_backward(ConstView x, ConstView y, ConstView dy, View dx) override;
  void closeness_forward(ConstView x, View y) override;
  void closeness_backward(ConstView x, ConstView dy, View dx) override;

  // resample.cpp
  void downsample(ConstView x, const Resampling &, real scale, View y) override;
  void upsample(ConstView y, const Resampling &, real scale, View x) override;

  // conv.cpp
  void conv_forward(ConstView x, ConstView w, const Window &, const Epilogue &, View y) override;
  void conv_backward_input(ConstView dy, ConstView w, const Window &, const Epilogue &, View dx) override;
  void conv_backward_filter(ConstView x, ConstView dy, const Window &, View dw) override;
  void bias_backward(ConstView dy, View db) override;

  // spectral_norm.cpp
  void spectral_iteration(ConstView w, View u, View v) override;
  void spectral_norm_forward(ConstView w, ConstView u, ConstView v, View y, View sigma) override;
  void spectral_norm_backward(ConstView w, ConstView dy, ConstView u, ConstView v, ConstView sigma, View dw) override;

  // batch_norm.cpp
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

  // group_norm.cpp, modulate.cpp
  void group_norm_forward(ConstView x, int64_t groups, real epsilon, View y, View inverse_deviation) override;
  void group_norm_backward(ConstView y, ConstView dy, ConstView inverse_deviation, View dx) override;
  void modulate_forward(ConstView x, ConstView scale, ConstView shift, View y) override;
  void modulate_backward(ConstView x, ConstView scale, ConstView dy, View dx, View d_scale, View d_shift) override;

  // reduce.cpp
  void sum(ConstView x, Readings &, int slot) override;
  void sum_absolute(ConstView x, Readings &, int slot) override;
  void sum_squared_difference(ConstView a, ConstView b, Readings &, int slot) override;
  void max_absolute(ConstView x, Readings &, int slot) override;

  // langevin.cpp, optimizers.cpp
  void langevin(View x, ConstView gradient, const LangevinStep &) override;
  void adam(const std::vector<AdamUpdate> &, const AdamRule &) override;
  void rmsprop(const std::vector<RmspropUpdate> &, real keep, real epsilon) override;
  void average(const std::vector<AverageUpdate> &, real keep) override;
  void capped_momentum(const std::vector<MomentumUpdate> &, real momentum) override;
  void clip_norm(const std::vector<View> &gradients, real bound, Readings &, int slot) override;

  // Working memory for one kernel call, at least `count` elements, 64-byte aligned, contents undefined. It grows to the
  // largest request and stays, so that nothing is allocated in the learning loop.
  template <class Element = real>
  Element *scratch(size_t count) {
    return static_cast<Element *>(scratch_bytes(count * sizeof(Element)));
  }
  int threads() const { return threads_; }
  const Clock &clock() const { return clock_; }

 private:
  void *scratch_bytes(size_t bytes);
  int threads_;
  Clock clock_;
  size_t bytes_ = 0, peak_bytes_ = 0;
  void *scratch_ = nullptr;
  size_t scratch_bytes_ = 0;
};

}  // namespace coopnets
