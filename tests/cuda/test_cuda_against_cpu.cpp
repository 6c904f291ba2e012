// The same seed gives the same chain on the CPU and on the GPU: 10 learning iterations of each experiment's nets, the
// noise drawn by the same counters, the sums in another order.
//
// In step: each iteration begins on the GPU with the CPU's state, so nothing but one iteration's rounding parts them.
// Samples differ by 1e-4 of their norm at most, moments and weights by 1e-2: a gradient that is but rounding has the sign
// that rounding says, by which Adam moves a weight its whole rate. Once the descriptor has learned, a response near zero
// may fall on the other side of its ReLU, and the Langevin steps that follow part by up to 1 % (seen on the CPU beside
// itself, one rounding away): 5e-2 for revised samples after the first iteration.
//
// Left alone: all iterations from the same beginning. Such steps, Adam's signs and division by a small sqrt(v) carry each
// parting on. How far, the CPU shows itself, run thrice more from values that are off by a few roundings: samples of
// textures end 3 % apart after 10 iterations, of digits 0.1 %. Where that is more than the bounds, the GPU may stand five
// times as far from the CPU as the CPU from itself. A wrong kernel or a missed random number moves samples by their own
// size.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>

#include "cpu/cpu.h"
#include "cuda/cuda.h"
#include "experiments/model.h"
#include "numerics/helpers.h"

namespace coopnets {
namespace {

// One side of the comparison.
struct Side {
  Backend &backend;
  Settings settings;
  LearningSettings learning;
  Model model;
  Cooperative learner;
  std::vector<real> observed;
  std::vector<int64_t> indices;

  Side(Backend &backend, const Experiment &experiment, const Settings &s)
      : backend((backend.set_clock({}), backend)),  // initial weights are drawn by it, and other tests have moved it
        settings(s),
        learning(learning_settings(s, Algorithm::cooperative, 7, s.batch)),
        model(make_model(backend, experiment, s, 7)),
        learner(backend, model.descriptor.get(), model.generator.get(), learning, learning.batch),
        observed(random_values(learning.batch * example_shape(experiment, s).example(), 8)) {
    for (real &v : observed) v = std::tanh(v);
    for (int64_t i = 0; i < learning.batch; ++i) indices.push_back(i);
  }
  void iterate(int i) { learner.iterate(i, rate_factor(settings, i), {observed, indices, {}}); }

  // Every value off by eight roundings, up or down: about what the sums of a net lose.
  void nudge(unsigned seed) {
    std::mt19937 coin(seed);
    for (const auto &[name, view] : learner.state()) {
      std::vector<real> v = values(backend, view);
      for (real &e : v) e *= coin() % 2 ? 1 + 0x1p-21f : 1 - 0x1p-21f;
      backend.upload(v.data(), view.data, v.size() * sizeof(real));
    }
  }
  void take_state_of(Side &other) {
    const auto mine = learner.state(), theirs = other.learner.state();
    for (size_t i = 0; i < mine.size(); ++i) {
      const std::vector<real> v = values(other.backend, theirs[i].second);
      backend.upload(v.data(), mine[i].second.data, v.size() * sizeof(real));
    }
  }
  std::vector<std::pair<std::string, std::vector<real>>> results() {
    std::vector<std::pair<std::string, std::vector<real>>> out;
    out.push_back({"generated", values(backend, learner.generated())});
    out.push_back({"revised", values(backend, learner.revised())});
    for (const auto &[name, view] : learner.state()) out.push_back({name, values(backend, view)});
    return out;
  }
};
constexpr size_t chains = 2;  // the first two of the results are samples

// On a GPU, whose figures nobody has seen: how far apart, also where it is near enough.
void tell(const char *when, int iteration, const std::string &name, double distance) {
  if (test_backend().info().name.find("CUDA emulator") == std::string::npos)
    std::printf("%s, iteration %d, %s: %.1e\n", when, iteration, name.c_str(), distance);
}

bool emulated() { return test_backend().info().name.find("CUDA emulator") != std::string::npos; }

class AgainstCpu : public testing::TestWithParam<std::string> {};

// Smaller pictures and fewer steps for the emulator.
Settings settings_for(const Experiment &experiment) {
  Settings s = experiment.settings("quick");
  s.chains = s.batch = emulated() ? 1 : std::min<int64_t>(s.chains, 4);
  if (emulated()) {
    s.langevin_steps = 1;
    if (experiment.name == std::string("dynamic-texture"))
      s.size = 16, s.frames = 28;
    else if (s.size >= 64)
      s.size = 32;
  }
  return s;
}

using Results = std::vector<std::pair<std::string, std::vector<real>>>;

TEST_P(AgainstCpu, EachIterationDiffersByRounding) {
  const Experiment &experiment = find_experiment(GetParam());
  const Settings s = settings_for(experiment);
  const std::unique_ptr<Backend> cpu = make_cpu_backend(0);
  Side wanted(*cpu, experiment, s), got(test_backend(), experiment, s);
  for (int iteration = 0; iteration < (emulated() ? 2 : 10); ++iteration) {
    got.take_state_of(wanted);
    wanted.iterate(iteration);
    got.iterate(iteration);
    const Results a = got.results(), b = wanted.results();
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      // Adam's first steps are all of a bias or shift that began at zero.
      const std::string &name = a[i].first, kind = name.substr(name.rfind('.') + 1);
      const bool a_sign = kind == "bias" || kind == "shift";
      const double sample = iteration > 0 && name == "revised" ? 5e-2 : 1e-4, d = distance(a[i].second, b[i].second);
      if (i < chains || d > 1e-3) tell("in step", iteration, name, d);
      EXPECT_LE(d, i < chains ? sample : a_sign ? 1 : 1e-2) << name << ", iteration " << iteration;
    }
  }
}

TEST_P(AgainstCpu, TheSameSeedGivesTheSameChain) {
  const Experiment &experiment = find_experiment(GetParam());
  const Settings s = settings_for(experiment);
  if (emulated() && s.size > 32) GTEST_SKIP() << "takes a GPU: too long for the emulator";
  const std::unique_ptr<Backend> cpu = make_cpu_backend(0);
  const auto run = [&](Backend &backend, const std::function<void(Side &)> &prepare) {
    Side side(backend, experiment, s);
    prepare(side);
    for (int iteration = 0; iteration < (emulated() ? 3 : 10); ++iteration) side.iterate(iteration);
    return side.results();
  };
  const Results a = run(test_backend(), [](Side &) {}), b = run(*cpu, [](Side &) {});
  ASSERT_EQ(a.size(), b.size());
  std::vector<double> rounding(b.size());
  for (unsigned seed = 0; seed < 3; ++seed) {
    const Results c = run(*cpu, [seed](Side &side) { side.nudge(seed); });
    for (size_t i = 0; i < b.size(); ++i) rounding[i] = std::max(rounding[i], distance(c[i].second, b[i].second));
  }
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].first, b[i].first);
    const double most =
        i < chains ? std::min(0.5, std::max(1e-3, 5 * rounding[i])) : std::min(1.0, 1e-2 + 5 * rounding[i]);
    const double d = distance(a[i].second, b[i].second);
    if (i < chains || d > 1e-2) tell("left alone", 10, a[i].first + ", by rounding " + std::to_string(rounding[i]), d);
    EXPECT_LE(d, most) << a[i].first << ", by rounding " << rounding[i];
    for (real v : a[i].second) ASSERT_TRUE(std::isfinite(v)) << a[i].first;
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
