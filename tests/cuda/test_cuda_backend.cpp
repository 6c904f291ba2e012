// What the CUDA backend promises beyond the contract that every backend meets: precisions, tiles, graphs, the pool.
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

Backend &gpu(Precision precision) {
  static std::unique_ptr<Backend> backends[3];
  std::unique_ptr<Backend> &backend = backends[int(precision)];
  if (!backend) backend = make_cuda_backend(0, precision);
  return *backend;
}

double distance(const std::vector<real> &a, const std::vector<real> &b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    norm += double(b[i]) * b[i];
  }
  return std::sqrt(difference / norm);
}

// --- Convolutions in every precision and tile ------------------------------------------------------------------------

struct Case {
  const char *name;
  Shape x;
  Window window;
  int64_t cout;
};
std::ostream &operator<<(std::ostream &out, const Case &c) { return out << c.name; }

const Case cases[] = {
    {"large", {1, 1, 13, 11, 68}, {{1, 1, 0, 0}, {2, 1, 1, 0}, {2, 1, 0, 1}}, 132},
    {"large_strided", {1, 1, 19, 20, 68}, {{1, 1, 0, 0}, {3, 2, 1, 1}, {2, 2, 1, 2}}, 72},
    {"medium", {3, 3, 7, 6, 20}, {{2, 1, 0, 1}, {3, 2, 1, 0}, {2, 1, 1, 1}}, 36},
    {"pairs", {2, 1, 9, 9, 6}, {{1, 1, 0, 0}, {3, 2, 1, 1}, {3, 1, 1, 1}}, 10},
    {"large_pairs", {1, 1, 10, 9, 70}, {{1, 1, 0, 0}, {2, 1, 1, 0}, {1, 1, 0, 0}}, 66},
    {"odd_channels", {2, 2, 5, 9, 7}, {{2, 1, 0, 1}, {3, 3, 1, 0}, {2, 2, 1, 1}}, 9},
    {"few_rows", {5, 1, 4, 4, 24}, {{1, 1, 0, 0}, {4, 1, 0, 0}, {4, 1, 0, 0}}, 140},
    {"fully_connected", {70, 1, 4, 4, 36}, {{1, 1, 0, 0}, {4, 1, 0, 0}, {4, 1, 0, 0}}, 100},
    {"fully_connected_sliding", {3, 5, 6, 6, 10}, {{3, 2, 1, 1}, {6, 1, 0, 0}, {6, 1, 0, 0}}, 60},
    {"few_outputs", {2, 4, 6, 6, 12}, {{2, 2, 0, 1}, {6, 1, 0, 0}, {6, 1, 0, 0}}, 30},
    {"long_sum", {1, 3, 9, 8, 44}, {{3, 1, 0, 0}, {9, 1, 0, 0}, {7, 1, 0, 0}}, 12},
    {"stride_beyond_kernel", {2, 1, 11, 10, 8}, {{1, 1, 0, 0}, {2, 3, 0, 0}, {1, 2, 0, 0}}, 8},
    {"picture", {2, 1, 13, 40, 3}, {{1, 1, 0, 0}, {5, 2, 2, 2}, {5, 2, 2, 1}}, 70},
};

class CudaConv : public testing::TestWithParam<Case> {
 protected:
  struct Results {
    std::vector<real> y, dx, dw;
  };
  Results run(Backend &backend, real scale) {
    const Case &c = GetParam();
    const Shape shape_w = filter_shape(c.window, c.x.c, c.cout), shape_y = c.window.out(c.x, c.cout);
    // scale 0: small integers, whose products and sums are exact in every precision
    const auto values = [&](int64_t size, unsigned seed) {
      std::vector<real> v = random_values(size, seed);
      if (scale == 0)
        for (real &e : v) e = std::round(std::fmin(std::fmax(e, real(-3)), real(3)));
      return v;
    };
    const Tensor x(backend, c.x, values(c.x.size(), 1)), w(backend, shape_w, values(shape_w.size(), 2)),
        dy(backend, shape_y, values(shape_y.size(), 3)), y(backend, shape_y), dx(backend, c.x), dw(backend, shape_w);
    backend.conv_forward(x, w, c.window, {}, y);
    backend.conv_backward_input(dy, w, c.window, {}, dx);
    backend.conv_backward_filter(x, dy, c.window, dw);
    return {y.values(), dx.values(), dw.values()};
  }
};

// Factors that every format holds: whatever the tile or the fragment, the results are the CPU's bit for bit.
TEST_P(CudaConv, SmallIntegersAreExactInEveryPrecision) {
  const Results wanted = run(cpu(), 0);
  for (Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    const Results got = run(gpu(precision), 0);
    EXPECT_EQ(got.y, wanted.y) << gpu(precision).name();
    EXPECT_EQ(got.dx, wanted.dx) << gpu(precision).name();
    EXPECT_EQ(got.dw, wanted.dw) << gpu(precision).name();
  }
}

// Each factor is off by up to 2^-11 (tf32) or 2^-8 (bf16) of itself, so a product by up to twice that, and the result,
// relative to its norm, by somewhat less. Pictures stay in fp32.
TEST_P(CudaConv, PrecisionIsThatOfTheFactors) {
  const Results wanted = run(cpu(), 1);
  const double bounds[] = {1e-5, 0x1p-10, 0x1p-7};
  for (Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    const Results got = run(gpu(precision), 1);
    const bool rounds = precision != Precision::fp32 && gpu(precision).name().find("no ") == std::string::npos;
    const double most = bounds[rounds ? int(precision) : 0], least = rounds ? most / 16 : 0;
    const double distances[] = {distance(got.y, wanted.y), distance(got.dx, wanted.dx), distance(got.dw, wanted.dw)};
    for (double d : distances) EXPECT_LE(d, most) << gpu(precision).name();
    if (GetParam().x.c <= 4) continue;
    EXPECT_GE(distances[0], least) << gpu(precision).name();
    if (GetParam().name == std::string("few_outputs")) continue;  // exact on the way back
    EXPECT_GE(distances[1], least) << gpu(precision).name();
    EXPECT_GE(distances[2], least) << gpu(precision).name();
  }
}

TEST_P(CudaConv, ResultsRepeatBitForBit) {
  const Results first = run(gpu(Precision::fp32), 1), second = run(gpu(Precision::fp32), 1);
  EXPECT_EQ(first.y, second.y);
  EXPECT_EQ(first.dx, second.dx);
  EXPECT_EQ(first.dw, second.dw);
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaConv, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<Case> &info) { return std::string(info.param.name); });

// --- Graphs ----------------------------------------------------------------------------------------------------------

TEST(CudaReplay, AGraphReadsTheClockOfItsLaunch) {
  Backend &backend = test_backend();
  const Shape shape{2, 1, 3, 5, 1};
  const std::vector<real> start = random_values(shape.size(), 1);
  const Tensor x(backend, shape, start), gradient(backend, shape, random_values(shape.size(), 2));
  const Tensor same(cpu(), shape, start), same_gradient(cpu(), shape, random_values(shape.size(), 2));
  LangevinStep step{real(0.3), real(0.7), true, {5, Purpose::test}, 0};
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
    Sampler sampler(*backend, model.descriptor.get(), *model.generator, experiment.latent(s), 1, Statistics::running);
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

}  // namespace
}  // namespace coopnets
