#include "app/bench.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "app/device.h"
#include "app/estimate.h"
#include "app/json.h"
#include "experiments/model.h"
#include "tensor/parallel.h"

namespace coopnets {

namespace {

// The published sizes: of each experiment's paper preset, with 100 observed examples where there is a data set.
struct Benchmark {
  const char *name, *experiment;
  int64_t batch, chains;
};
constexpr Benchmark benchmarked[] = {{"digits", "digits", 100, 144},
                                     {"scene", "scene", 100, 144},
                                     {"texture", "texture", 1, 1},
                                     {"video", "dynamic-texture", 1, 2}};

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Multiply-adds x 2 of a net's forward pass, done directly.
double forward_flop(const Network &net, int64_t examples) {
  std::vector<Shape> inputs = net.inputs();
  for (Shape &shape : inputs) shape.n = examples;
  return net.sketch(inputs).flop;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

void bench_net(const Benchmark &b, Backend &backend, const Options &options, int64_t iterations) {
  const Experiment &experiment = find_experiment(b.experiment);
  Settings s = experiment.settings("paper");
  s.batch = b.batch;
  s.chains = b.chains;
  s.optimizer = "adam";  // as the peer
  s = settings_of(options, s);
  Model model = make_model(backend, experiment, s, 1);
  Cooperative learner(backend, model.descriptor.get(), model.generator.get(),
                      learning_settings(s, Algorithm::cooperative, 1, s.batch), s.batch);
  const Shape observed = model.descriptor->input().with_n(s.batch);
  Tensor noise(backend, observed);
  backend.fill_normal(noise, 0, 0.5, {1, Purpose::test}, 0);
  Batch batch{noise.values(), {}, {}};
  for (int64_t i = 0; i < s.batch; ++i) batch.indices.push_back(i);

  std::vector<double> times;
  int64_t iteration = 0;
  const auto iterate = [&](int64_t times) {
    for (int64_t i = 0; i < times; ++i) learner.iterate(iteration++, 1, batch);
  };
  // A device makes its recordings, and its clocks rise. Then each iteration is timed from a batch in the host's memory to
  // the end of the device's work, as tools/bench_pytorch.py does.
  const int64_t warm_up = backend.info().gpu ? 3 : 1;
  iterate(warm_up);
  backend.synchronise();
  for (int64_t i = 0; i < iterations; ++i) {
    const double start = seconds();
    iterate(1);
    backend.synchronise();
    times.push_back(seconds() - start);
  }
  double step[5];  // once more, step by step
  for (const Cooperative::Step one : Cooperative::steps(Algorithm::cooperative)) {
    const double start = seconds();
    learner.run(one);
    step[one] = seconds() - start;
  }
  const double fd = forward_flop(*model.descriptor, s.chains), fo = forward_flop(*model.descriptor, s.batch),
               fg = forward_flop(*model.generator, s.chains);
  const double flop = fg + 2 * double(s.langevin_steps) * fd + 3 * (fd + fo) + 3 * fg;
  const double s_iteration = median(times);
  const bool cpu = !backend.info().gpu;
  const double peak = double(peak_memory(backend)) / (1 << 20);
  std::string changed;
  for (const auto &[name, value] : options.settings) changed += (changed.empty() ? "" : " ") + name + '=' + value;
  if (!changed.empty()) changed = ", \"settings\": " + json_text(changed);
  std::printf(
      "{\"net\": \"%s\", \"device\": \"%s\", \"mode\": \"coopnets\", \"precision\": \"%s\", "
      "\"threads\": %d, \"seconds_per_iteration\": %.5f, \"G0_D1_D2_G2\": [%.4f, %.4f, %.4f, %.4f], "
      "\"gflop_per_iteration\": %.2f, \"gflop_per_second\": %.4g, "
      "\"peak_MiB\": %.0f%s}\n",
      b.name, cpu ? "cpu" : "cuda", name_of(backend.info().precision), cpu ? thread_count() : 0, s_iteration,
      step[Cooperative::G0], step[Cooperative::D1], step[Cooperative::D2], step[Cooperative::G2], flop / 1e9,
      flop / 1e9 / s_iteration, peak, changed.c_str());
  std::fflush(stdout);
}

}  // namespace

const std::vector<std::string> &benchmarks() {
  static const std::vector<std::string> names = {"digits", "scene", "texture", "video", "all"};
  return names;
}

int bench(const Options &options) {
  if (options.bench != "all") {
    const std::unique_ptr<Backend> backend = make_backend(options);
    std::fprintf(stderr, "on %s\n", backend->info().name.c_str());
    for (const Benchmark &b : benchmarked)
      if (options.bench == b.name) bench_net(b, *backend, options, options.iterations > 0 ? options.iterations : 3);
    return 0;
  }
  // A process a net, so that each one's peak memory is its own.
  for (const Benchmark &b : benchmarked) {
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("no process can be started to time the net " + std::string(b.name));
    if (child == 0) {
      Options one = options;
      one.bench = b.name;
      try {
        _exit(bench(one));
      } catch (const std::exception &error) {
        std::fprintf(stderr, "coopnets: %s\n", error.what());
        _exit(1);
      }
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) return 1;
  }
  return 0;
}

}  // namespace coopnets
