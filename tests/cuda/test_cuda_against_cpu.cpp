// The same seed gives the same chain on the CPU and on the GPU: 10 learning iterations of each experiment's nets, the
// noise drawn by the same counters, the sums in another order.
//
// Tolerance: one step differs by rounding, about 1e-6 of its size. Where a response near zero falls on the other side
// of a leaky ReLU, the chains part a little more; Langevin steps, updates and Adam's division by a small sqrt(v) carry
// that on. 1e-3 of the samples' norm after the run is far above what rounding does and far below what any wrong kernel
// or missed random number would do (each moves samples by their own size). Parameters and moments are held to their own
// size alone: Adam moves a parameter whose gradient is nearly zero by its whole rate each iteration, to whichever side
// rounding says, and ten such steps are as long as many of the initial weights. The samples, made of all of them, and
// the single iteration below are the strict comparisons.
#include <gtest/gtest.h>

#include "cpu/cpu.h"
#include "cuda/cuda.h"
#include "experiments/model.h"
#include "numerics/helpers.h"

namespace coopnets {
namespace {

constexpr size_t chains = 2;  // the first two of the values are samples
struct Outcome {
  std::vector<std::pair<std::string, std::vector<real>>> values;
};

Outcome run(Backend &backend, const Experiment &experiment, const Settings &s, int iterations) {
  backend.set_clock({});  // initial weights are drawn by it too, and other tests have moved it
  Model model = make_model(backend, experiment, s, 7);
  const LearningSettings settings = learning_settings(s, Algorithm::cooperative, 7, s.batch);
  Cooperative learner(backend, model.descriptor.get(), model.generator.get(), settings, settings.batch);
  const Shape example = example_shape(experiment, s);
  std::vector<real> observed = random_values(settings.batch * example.example(), 8);
  for (real &v : observed) v = std::tanh(v);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < settings.batch; ++i) indices.push_back(i);
  for (int i = 0; i < iterations; ++i) learner.iterate(i, rate_factor(s, i), observed, indices);
  Outcome out;
  out.values.push_back({"generated", values(backend, learner.generated())});
  out.values.push_back({"revised", values(backend, learner.revised())});
  for (const auto &[name, view] : learner.state()) out.values.push_back({name, values(backend, view)});
  return out;
}

class AgainstCpu : public testing::TestWithParam<std::string> {};

bool emulated() { return test_backend().name().find("CUDA emulator") != std::string::npos; }

// After one iteration the optimisers' moments are the gradients themselves, and nothing has been carried on: rounding
// alone, but for the few units at the corner of a ReLU. Smaller pictures and fewer steps for the emulator.
TEST_P(AgainstCpu, OneIterationDiffersByRounding) {
  const Experiment &experiment = find_experiment(GetParam());
  Settings s = experiment.settings("quick");
  s.chains = s.batch = emulated() ? 1 : std::min<int64_t>(s.chains, 4);
  if (emulated()) {
    s.langevin_steps = 1;
    if (GetParam() == "dynamic-texture")
      s.size = 16, s.frames = 28;
    else if (s.size == 64)
      s.size = 32;
  }
  const std::unique_ptr<Backend> cpu = make_cpu_backend(0);
  const Outcome wanted = run(*cpu, experiment, s, 1), got = run(test_backend(), experiment, s, 1);
  ASSERT_EQ(got.values.size(), wanted.values.size());
  for (size_t i = 0; i < got.values.size(); ++i) {
    const std::string &name = got.values[i].first;
    // Adam's first step is the gradient's sign, and all of a bias or shift that began at zero: where the gradient is
    // but rounding, so is its sign.
    const std::string kind = name.substr(name.rfind('.') + 1);
    const bool a_sign = kind == "bias" || kind == "shift";
    EXPECT_LE(distance(got.values[i].second, wanted.values[i].second), i < chains ? 1e-4 : a_sign ? 1 : 1e-2) << name;
  }
}

TEST_P(AgainstCpu, TheSameSeedGivesTheSameChain) {
  if (emulated() && GetParam() != "digits") GTEST_SKIP() << "takes a GPU: too long for the emulator";
  const Experiment &experiment = find_experiment(GetParam());
  Settings s = experiment.settings("quick");
  s.chains = s.batch = emulated() ? 1 : std::min<int64_t>(s.chains, 4);
  s.langevin_steps = emulated() ? 2 : s.langevin_steps;
  const int iterations = emulated() ? 2 : 10;
  const std::unique_ptr<Backend> cpu = make_cpu_backend(0);
  const Outcome wanted = run(*cpu, experiment, s, iterations), got = run(test_backend(), experiment, s, iterations);
  ASSERT_EQ(got.values.size(), wanted.values.size());
  for (size_t i = 0; i < got.values.size(); ++i) {
    EXPECT_EQ(got.values[i].first, wanted.values[i].first);
    EXPECT_LE(distance(got.values[i].second, wanted.values[i].second), i < chains ? 1e-3 : 1) << got.values[i].first;
    for (real v : got.values[i].second) ASSERT_TRUE(std::isfinite(v)) << got.values[i].first;
  }
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const Experiment &e : experiments()) out.push_back(e.name);
  return out;
}
INSTANTIATE_TEST_SUITE_P(Experiments, AgainstCpu, testing::ValuesIn(names()), [](const auto &info) {
  std::string name = info.param;
  for (char &c : name)
    if (c == '-') c = '_';
  return name;
});

}  // namespace
}  // namespace coopnets
