// What the CUDA backend promises beyond the contract that every backend meets: graphs and the pool.
#include <gtest/gtest.h>

#include "cpu/cpu.h"
#include "cuda/cuda.h"
#include "experiments/model.h"
#include "learning/sampler.h"
#include "numerics/helpers.h"

namespace coopnets {
namespace {

Backend &cpu() {
  static const std::unique_ptr<Backend> backend = make_cpu_backend(2);
  return *backend;
}

// --- Graphs ----------------------------------------------------------------------------------------------------------

TEST(CudaReplay, AGraphReadsTheClockOfItsLaunch) {
  Backend &backend = test_backend();
  const Shape shape{2, 1, 3, 5, 1};
  const std::vector<real> start = random_values(shape.size(), 1);
  const Tensor x(backend, shape, start), gradient(backend, shape, random_values(shape.size(), 2));
  const Tensor same(cpu(), shape, start), same_gradient(cpu(), shape, random_values(shape.size(), 2));
  LangevinStep step{real(0.3), real(0.7), real(0.3), {5, Purpose::test}, 0};
  Recording recording;
  for (int iteration = 0; iteration < 5; ++iteration) {
    backend.set_clock({iteration, 1});
    cpu().set_clock({iteration, 1});
    backend.replay(recording, [&] {
      for (step.index = 0; step.index < 3; ++step.index) backend.langevin(x, gradient, step);
    });
    for (step.index = 0; step.index < 3; ++step.index) cpu().langevin(same, same_gradient, step);
    EXPECT_LE(relative_error(x.values(), same.values()), 1e-5) << iteration;
  }
}

TEST(CudaReplay, IsRecordedAnewWhenScratchMemoryHasGrown) {
  const std::unique_ptr<Backend> backend = make_cuda_backend(0, Precision::fp32);
  const Shape small{1, 1, 1, 10, 3}, big{1, 1, 50, 400, 3}, channels{1, 1, 1, 1, 3};
  const std::vector<real> values = random_values(small.size(), 3);
  const Tensor x(*backend, small, values), y(*backend, big, std::vector<real>(big.size(), 1)), db(*backend, channels),
      big_db(*backend, channels);
  Recording recording;
  std::vector<real> first;
  for (int i = 0; i < 5; ++i) {
    backend->fill(db, 0);
    backend->replay(recording, [&] { backend->bias_backward(x, db); });
    if (i == 0) first = db.values();
    EXPECT_EQ(db.values(), first) << i;
    if (i == 2) backend->bias_backward(y, big_db);  // the graph's scratch memory is given back here
  }
  EXPECT_EQ(big_db.values(), std::vector<real>(3, 20000));
}

TEST(CudaReplay, AnErrorInTheBodyLeavesTheBackendUsable) {
  Backend &backend = test_backend();
  const Tensor x(backend, {1, 1, 1, 1, 4});
  Recording recording;
  bool fail = false;
  const auto body = [&] {
    backend.fill(x, 3);
    if (fail) throw std::runtime_error("on purpose");
  };
  backend.replay(recording, body);
  fail = true;
  EXPECT_THROW(backend.replay(recording, body), std::runtime_error);
  fail = false;
  backend.fill(x, 0);
  backend.replay(recording, body);
  EXPECT_EQ(x.values(), std::vector<real>(4, 3));
}

// The first run makes scratch memory and whatever is made lazily: one that fails was none.
TEST(CudaReplay, AFirstRunThatFailsIsNoFirstRun) {
  const std::unique_ptr<Backend> backend = make_cuda_backend(0, Precision::fp32);
  const Shape shape{1, 1, 50, 400, 3};
  const Tensor x(*backend, shape, std::vector<real>(shape.size(), 1)), db(*backend, {1, 1, 1, 1, 3});
  Recording recording;
  EXPECT_THROW(backend->replay(recording, [] { throw std::runtime_error("on purpose"); }), std::runtime_error);
  for (int i = 0; i < 3; ++i) {
    backend->fill(db, 0);
    backend->replay(recording, [&] { backend->bias_backward(x, db); });  // which needs scratch memory
    EXPECT_EQ(db.values(), std::vector<real>(3, 20000)) << i;
  }
}

TEST(CudaReplay, MayNotTakeMemoryOfThePool) {
  Backend &backend = test_backend();
  { const Tensor before(backend, {1, 1, 1, 1, 12345}); }  // leaves its block in the pool
  const Tensor x(backend, {1, 1, 1, 1, 4});
  Recording recording;
  const auto body = [&] {
    const Tensor inside(backend, {1, 1, 1, 1, 12345});
    backend.fill(x, 1);
  };
  backend.replay(recording, body);
  EXPECT_THROW(backend.replay(recording, body), std::logic_error);
  backend.fill(x, 2);
  EXPECT_EQ(x.values(), std::vector<real>(4, 2));
}

TEST(CudaReplay, MayNotTakeMoreScratchMemoryThanAtFirst) {
  const std::unique_ptr<Backend> backend = make_cuda_backend(0, Precision::fp32);
  const Shape small{1, 1, 1, 10, 3}, big{1, 1, 50, 400, 3};
  const Tensor x(*backend, small, std::vector<real>(small.size(), 1)),
      y(*backend, big, std::vector<real>(big.size(), 1)), db(*backend, {1, 1, 1, 1, 3});
  Recording recording;
  bool more = false;
  const auto body = [&] { backend->bias_backward(more ? y : x, db); };
  backend->replay(recording, body);
  more = true;
  EXPECT_THROW(backend->replay(recording, body), std::logic_error);
  more = false;
  for (int i = 0; i < 2; ++i) {
    backend->fill(db, 0);
    backend->replay(recording, body);
    EXPECT_EQ(db.values(), std::vector<real>(3, 10));
  }
}

TEST(CudaReplay, MayNotWaitOrAllocate) {
  Backend &backend = test_backend();
  const Tensor x(backend, {1, 1, 1, 1, 4});
  Recording recording;
  const auto body = [&] { x.values(); };
  backend.replay(recording, body);
  EXPECT_THROW(backend.replay(recording, body), std::runtime_error);
}

// Sampling records the generator's pass and the revision too: three batches run, are captured and are replayed; then
// other settings, for which the recording must be made anew.
TEST(CudaReplay, SamplesAreThoseOfTheCpu) {
  const Experiment &experiment = find_experiment("digits");
  Settings s = experiment.settings("quick");
  std::vector<std::vector<real>> samples[2];
  for (int i = 0; i < 2; ++i) {
    const std::unique_ptr<Backend> backend = i == 0 ? make_cpu_backend(2) : make_cuda_backend(0, Precision::fp32);
    Model model = make_model(*backend, experiment, s, 3);
    LearningSettings learning = learning_settings(s, Algorithm::cooperative, 3, 1);
    learning.langevin_steps = 2;
    Sampler sampler(*backend, model.descriptor.get(), *model.generator, latent_shapes(s), 1, Statistics::running);
    for (const int64_t steps : {2, 1}) {
      learning.langevin_steps = steps;
      sampler.draw(learning, 3, [&](int64_t, const std::vector<real> &made, const std::vector<real> &revised) {
        samples[i].push_back(made);
        samples[i].push_back(revised);
      });
    }
  }
  ASSERT_EQ(samples[0].size(), 12u);
  for (size_t k = 0; k < samples[0].size(); ++k) EXPECT_LE(relative_error(samples[1][k], samples[0][k]), 1e-4) << k;
  EXPECT_NE(samples[1][1], samples[1][7]);  // two steps and one
}

// --- Kernels that the two backends share nothing of -------------------------------------------------------------------

TEST(CudaKernels, ResamplingIsThatOfTheCpu) {
  for (const Resampling &r : {Resampling::valid(Resampling::average), Resampling::same(Resampling::average),
                              Resampling::same(Resampling::binomial), Resampling::inner_doubling()})
    for (const int64_t channels : {3, 24}) {
      const Shape shape{2, 1, 30, 41, channels}, reduced = r.reduced(shape);
      std::vector<real> down[2], up[2];
      for (int i = 0; i < 2; ++i) {
        Backend &backend = i == 0 ? cpu() : test_backend();
        const Tensor x(backend, shape, random_values(shape.size(), 1)), y(backend, reduced), dx(backend, shape);
        backend.downsample(x, r, 1, y);
        backend.upsample(y, r, 4, dx);
        down[i] = y.values();
        up[i] = dx.values();
      }
      EXPECT_LE(relative_error(down[1], down[0]), 1e-6) << r.taps << " " << r.before << " " << channels;
      EXPECT_LE(relative_error(up[1], up[0]), 1e-6) << r.taps << " " << r.before << " " << channels;
    }
}

TEST(CudaKernels, SmoothActivationsAreThoseOfTheCpu) {
  std::vector<real> v;
  for (int i = -2000; i <= 2000; ++i) v.push_back(real(i * 0.05));
  const Shape shape{1, 1, 1, 1, int64_t(v.size())};
  std::vector<std::vector<real>> results[2];
  for (int i = 0; i < 2; ++i) {
    Backend &backend = i == 0 ? cpu() : test_backend();
    const Tensor x(backend, shape, v), y(backend, shape), dy(backend, shape, random_values(shape.size(), 2));
    backend.function_forward(x, Function::silu, y);
    results[i].push_back(y.values());
    backend.function_backward(x, dy, Function::silu, y);
    results[i].push_back(y.values());
    for (const Activation::Kind kind : {Activation::tanh, Activation::sigmoid, Activation::softplus}) {
      backend.activation_forward(x, {kind, 0}, y);
      results[i].push_back(y.values());
      backend.activation_backward(y, {kind, 0}, dy);
      results[i].push_back(dy.values());
    }
  }
  for (size_t k = 0; k < results[0].size(); ++k) EXPECT_LE(relative_error(results[1][k], results[0][k]), 1e-6) << k;
}

// --- Memory ----------------------------------------------------------------------------------------------------------

TEST(CudaMemory, IsPooledAndCounted) {
  const std::unique_ptr<Backend> backend = make_cuda_backend(0, Precision::fp32);
  const size_t before = backend->bytes();
  void *const a = backend->allocate(3 << 20);
  EXPECT_EQ(backend->bytes(), before + (3 << 20));
  backend->release(a, 3 << 20);
  EXPECT_EQ(backend->bytes(), before);
  void *const again = backend->allocate(3 << 20);
  EXPECT_EQ(again, a);
  EXPECT_EQ(backend->peak_bytes(), before + (3 << 20));
  backend->release(again, 3 << 20);
}

TEST(CudaMemory, TooMuchSaysHowMuchAndWhatHelps) {
  try {
    test_backend().allocate(size_t{1} << 50);
    FAIL();
  } catch (const std::runtime_error &error) {
    const std::string what = error.what();
    for (const char *part :
         {"out of memory", "1073741824 MiB more wanted", "free", "--set chains", "--set batch", "--size"})
      EXPECT_NE(what.find(part), std::string::npos) << what;
  }
  EXPECT_EQ(Tensor(test_backend(), {1, 1, 1, 1, 2}).values(), std::vector<real>(2, 0));  // and the backend goes on
}

TEST(CudaMemory, UploadsPassThroughSmallerBuffers) {
  Backend &backend = test_backend();
  std::vector<real> values(17'500'000);  // 70 MB, in parts of 64 MiB
  for (size_t i = 0; i < values.size(); ++i) values[i] = real(i % 9973);
  const Shape shape{1, 1, 1, 1, int64_t(values.size())};
  const Tensor x(backend, shape);
  std::vector<real> sent = values;
  backend.upload(sent.data(), x.data(), sent.size() * sizeof(real));
  std::fill(sent.begin(), sent.end(), real(-1));  // the caller's memory is free again at once
  EXPECT_EQ(x.values(), values);
}

TEST(CudaErrors, NameShapesThatDisagree) {
  Backend &b = test_backend();
  const Tensor x(b, {1, 1, 4, 4, 2}), w(b, {1, 3, 3, 2, 5}), y(b, {1, 1, 3, 2, 5});
  const Window window{{1, 1, 0, 0}, {3, 1, 0, 0}, {3, 1, 0, 0}};
  EXPECT_THROW(b.conv_forward(x, w, window, {}, y), std::invalid_argument);
  EXPECT_THROW(b.conv_backward_filter(x, y, window, w), std::invalid_argument);
  EXPECT_THROW(b.conv_backward_input(y, w, window, {}, x), std::invalid_argument);
}

TEST(CudaErrors, NameTensorsThatIndicesCannotReach) {
  const Shape x{1, 1, 1 << 16, 1 << 16, 1}, w{1, 1, 1, 1, 1};
  try {
    test_backend().conv_forward({x, nullptr}, {w, nullptr}, Window{}, {}, {x, nullptr});
    ADD_FAILURE();
  } catch (const std::invalid_argument &error) {
    EXPECT_NE(std::string(error.what()).find("2^31 - 1 elements: fewer chains"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace coopnets
