// The backend on devices that only an emulator can be, and its kernels with a barrier taken out.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/device.h"
#include "cuda/cuda.h"
#include "cuda_runtime.h"
#include "tensor/tensor.h"

namespace coopnets {
namespace {

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

std::vector<real> ramp(int64_t size) {
  std::vector<real> v(size);
  for (int64_t i = 0; i < size; ++i) v[i] = real(i * 7 % 11) - 5;  // sums of products are exact in any order
  return v;
}

// The three products of a convolution, one after the other.
std::vector<real> conv(Backend &backend, const Shape &shape, int64_t kernel, int64_t padding, int64_t channels) {
  const Window window{{1, 1, 0, 0}, {kernel, 1, padding, padding}, {kernel, 1, padding, padding}};
  const Shape filters = filter_shape(window, shape.c, channels), out = window.out(shape, channels);
  const Tensor x(backend, shape, ramp(shape.size())), w(backend, filters, ramp(filters.size())),
      dy(backend, out, ramp(out.size())), y(backend, out), dx(backend, shape), dw(backend, filters);
  backend.conv_forward(x, w, window, {}, y);
  backend.conv_backward_input(dy, w, window, {}, dx);
  backend.conv_backward_filter(x, dy, window, dw);
  std::vector<real> all = y.values();
  for (const Tensor *t : {&dx, &dw})
    for (real v : t->values()) all.push_back(v);
  return all;
}

std::string error_of_backend(int device) {
  try {
    make_cuda_backend(device, Precision::fp32);
  } catch (const std::runtime_error &error) {
    return error.what();
  }
  return "";
}

TEST(CudaDevices, NoneIsNoError) {
  cuda_emulator::set_device_count(0);
  std::string why;
  EXPECT_TRUE(cuda_devices(&why).empty());
  EXPECT_SAYS(why, "no GPU answered (no CUDA-capable device is detected)");
  EXPECT_SAYS(error_of_backend(0), "use --device cpu");
  cuda_emulator::set_device_count(1);
  EXPECT_EQ(cuda_devices().size(), 1u);
  EXPECT_SAYS(error_of_backend(1), "there is no GPU 1: only GPU 0 answered");
}

TEST(CudaDevices, AnOldChipComputesInFp32AndSaysSo) {
  cuda_emulator::set_compute_capability(7, 5);
  EXPECT_SAYS(make_cuda_backend(0, Precision::bf16)->info().name, "sm_75, fp32 (this chip has no bf16)");
  EXPECT_EQ(make_cuda_backend(0, Precision::bf16)->info().precision, Precision::fp32);
  cuda_emulator::set_compute_capability(9, 0);
  EXPECT_SAYS(make_cuda_backend(0, Precision::bf16)->info().name, "sm_90, bf16");
  EXPECT_EQ(make_cuda_backend(0, Precision::bf16)->info().precision, Precision::bf16);
  EXPECT_EQ(make_cuda_backend(0, Precision::tf32)->info().precision, Precision::tf32);
  EXPECT_EQ(make_cuda_backend(0, Precision::fp32)->info().precision, Precision::fp32);
  cuda_emulator::set_code_version(75);  // translated by the driver for the newer chip
  EXPECT_SAYS(make_cuda_backend(0, Precision::tf32)->info().name, "sm_90, fp32 (built for sm_75, which has no tf32");
  testing::internal::CaptureStderr();
  EXPECT_SAYS(make_cuda_backend(0, Precision::fp32)->info().name, "sm_90, fp32");
  EXPECT_SAYS(testing::internal::GetCapturedStderr(),
              "no code for sm_90: the driver translates what was built for sm_75");
  cuda_emulator::set_code_version(0);
  testing::internal::CaptureStderr();
  make_cuda_backend(0, Precision::fp32);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// 48 KiB a block and no more, as before Volta; processors with 100 KiB, which copy two steps ahead of each other
// instead of three: all products are right.
TEST(CudaDevices, AChipWithLittleSharedMemoryComputesTheSame) {
  const std::unique_ptr<Backend> roomy = make_cuda_backend(0, Precision::fp32);
  const std::vector<real> wanted = conv(*roomy, {1, 1, 19, 20, 68}, 3, 1, 132);
  const int chips[][2] = {{5, 3}, {8, 0}, {8, 6}};
  for (const auto &chip : chips) {
    cuda_emulator::set_compute_capability(chip[0], chip[1]);
    for (Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16})
      EXPECT_EQ(conv(*make_cuda_backend(0, precision), {1, 1, 19, 20, 68}, 3, 1, 132), wanted) << chip[0] << chip[1];
  }
  cuda_emulator::set_compute_capability(9, 0);
}

TEST(CudaDevices, ABackendLeavesNothingBehind) {
  const size_t before = cuda_emulator::live_allocations();
  {
    const std::unique_ptr<Backend> backend = make_cuda_backend(0, Precision::fp32);
    void *const memory = backend->allocate(1000);
    std::vector<char> host(1000);
    backend->upload(host.data(), memory, host.size());
    EXPECT_GT(cuda_emulator::live_allocations(), before);
    backend->release(memory, 1000);
  }
  EXPECT_EQ(cuda_emulator::live_allocations(), before);
}

TEST(CudaDevices, ThePoolIsGivenBackBeforeMemoryRunsOut) {
  const std::unique_ptr<Backend> backend = make_cuda_backend(0, Precision::fp32);
  size_t free = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);  // other tests' backends hold some
  cuda_emulator::set_memory(total - free + (size_t{100} << 20));
  const size_t most = size_t{60} << 20, more = size_t{70} << 20;
  backend->release(backend->allocate(most), most);
  void *const memory = backend->allocate(more);
  EXPECT_THROW(backend->allocate(most), std::runtime_error);
  backend->release(memory, more);
  cuda_emulator::set_memory(size_t{2} << 30);
}

// Whoever takes scratch memory in vain leaves none: a graph that was recorded with it is never launched again, the
// sequence runs as the first time and is then recorded anew.
TEST(CudaDevices, AGraphDoesNotOutliveTheScratchMemoryThatItUses) {
  const std::unique_ptr<Backend> backend = make_cuda_backend(0, Precision::fp32);
  const Shape small{1, 1, 1, 10, 3}, big{1, 1, 50, 400, 3}, channels{1, 1, 1, 1, 3};
  const Tensor x(*backend, small, std::vector<real>(small.size(), 1)), y(*backend, big), db(*backend, channels);
  Recording recording;
  int runs = 0;
  const auto replay = [&] {
    backend->fill(db, 0);
    backend->replay(recording, [&] {
      backend->bias_backward(x, db);
      ++runs;
    });
    EXPECT_EQ(db.values(), std::vector<real>(3, 10));
  };
  for (int i = 0; i < 3; ++i) replay();
  EXPECT_EQ(runs, 2);
  cuda_emulator::set_memory(0);
  EXPECT_THROW(backend->bias_backward(y, db), std::runtime_error);
  cuda_emulator::set_memory(size_t{2} << 30);
  for (int i = 0; i < 3; ++i) replay();
  EXPECT_EQ(runs, 4);
}

TEST(CudaDevices, UploadsNeedMemoryOfTheMachine) {
  const std::unique_ptr<Backend> backend = make_cuda_backend(0, Precision::fp32);
  const Tensor x(*backend, {1, 1, 1, 1, 4});
  cuda_emulator::set_pinned_memory(1000);
  std::string what;
  try {
    backend->upload(std::vector<real>(4, 1).data(), x.data(), 4 * sizeof(real));
  } catch (const std::runtime_error &error) {
    what = error.what();
  }
  cuda_emulator::set_pinned_memory(SIZE_MAX);
  EXPECT_SAYS(what, "the machine has no 1 MiB of memory for uploads to the GPU");
  EXPECT_EQ(what.find("GPU's memory is full"), std::string::npos) << what;
  backend->upload(std::vector<real>(4, 1).data(), x.data(), 4 * sizeof(real));
  EXPECT_EQ(x.values(), std::vector<real>(4, 1));
}

// --- The backend's own kernels, with one barrier taken out -----------------------------------------------------------

struct Kernel {
  const char *name;
  Precision precision;
  std::vector<real> (*run)(Backend &);
  int first, last;  // barriers that are taken out in turn
};

std::vector<real> normalised(Backend &backend) {
  const Shape shape{2, 1, 20, 20, 5}, channels{1, 1, 1, 1, 5};
  const Tensor x(backend, shape, ramp(shape.size())), one(backend, channels, std::vector<real>(5, 1)),
      zero(backend, channels), y(backend, shape), mean(backend, channels), deviation(backend, channels);
  backend.batch_norm_forward(x, one, zero, real(1e-5), {}, y, mean, deviation);
  return y.values();
}

std::vector<real> summed(Backend &backend) {
  const Shape shape{1, 1, 1, 1, 5000};
  const Tensor x(backend, shape, ramp(shape.size()));
  Readings readings(backend, 1);
  backend.sum(x, readings, 0);
  return {real(readings.read()[0])};
}

// Each is what its name says, with so few steps of the sum that every barrier stands between a write and a read.
std::vector<real> implicit_product(Backend &b) { return conv(b, {1, 1, 9, 9, 8}, 3, 1, 12); }
std::vector<real> picture(Backend &b) { return conv(b, {1, 1, 9, 12, 3}, 3, 1, 8); }
std::vector<real> fully_connected(Backend &b) { return conv(b, {3, 1, 8, 8, 8}, 8, 0, 20); }
const Kernel kernels[] = {
    {"implicit product, fp32", Precision::fp32, implicit_product, 0, 3},
    {"implicit product, tf32", Precision::tf32, implicit_product, 0, 3},
    {"its slabs, fp32", Precision::fp32, implicit_product, 6, 9},  // after five steps of the sum
    {"its slabs, tf32", Precision::tf32, implicit_product, 6, 9},
    {"picture", Precision::fp32, picture, 1, 3},  // before 0, nothing was read yet
    {"fully connected, fp32", Precision::fp32, fully_connected, 0, 1},
    {"fully connected, bf16", Precision::bf16, fully_connected, 0, 1},
    {"batch norm", Precision::fp32, normalised, 0, 2},
    {"sum", Precision::fp32, summed, 0, 2},
};

// The threads' order changes from sweep to sweep, so a missing barrier is met within a few runs.
TEST(CudaEmulator, ABarrierTakenOutOfAKernelShows) {
  for (const Kernel &kernel : kernels) {
    const std::unique_ptr<Backend> backend = make_cuda_backend(0, kernel.precision);
    const std::vector<real> right = kernel.run(*backend);
    for (int barrier = kernel.first; barrier <= kernel.last; ++barrier) {
      bool shows = false;
      cuda_emulator::skip_barrier(barrier);
      for (int attempt = 0; attempt < 5 && !shows; ++attempt) {
        try {
          shows = kernel.run(*backend) != right;  // also where a value is the poison, which equals nothing
        } catch (const std::exception &) {
          shows = true;
        }
      }
      cuda_emulator::skip_barrier(-1);
      EXPECT_TRUE(shows) << kernel.name << " without barrier " << barrier;
      EXPECT_EQ(kernel.run(*backend), right) << kernel.name;
    }
  }
}

}  // namespace
}  // namespace coopnets
