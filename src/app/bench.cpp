#include "app/bench.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "app/bench_convolution.h"
#include "app/device.h"
#include "app/estimate.h"
#include "app/json.h"
#include "app/profile.h"
#include "experiments/model.h"
#include "tensor/parallel.h"

namespace coopnets {

namespace {

// The published sizes: of each experiment's paper preset, with 100 observed examples where there is a data set.
struct Benchmark {
  std::string name, experiment;
  int64_t batch, chains;
};
const Benchmark benchmarked[] = {{"digits", "digits", 100, 144},
                                 {"scene", "scene", 100, 144},
                                 {"texture", "texture", 1, 1},
                                 {"video", "dynamic-texture", 1, 2}};

// One of those above, or any experiment with the batch and the chains of its paper preset.
Benchmark find_benchmark(const std::string &name) {
  for (const Benchmark &b : benchmarked)
    if (b.name == name) return b;
  const Settings s = find_experiment(name).settings("paper");
  return {name, name, s.batch, s.chains};
}

// Multiply-adds x 2 of a net's forward pass, done directly.
double forward_flop(const Network &net, int64_t examples) {
  std::vector<Shape> inputs = net.inputs();
  for (Shape &shape : inputs) shape.n = examples;
  return net.sketch(inputs).flop;
}

Settings benchmark_settings(const Benchmark &b, const Options &options) {
  Settings s = find_experiment(b.experiment).settings("paper");
  s.batch = b.batch;
  s.chains = b.chains;
  s.optimizer = "adam";  // as the peer
  return settings_of(options, s);
}

// The nets, and noise for observed examples.
struct Subject {
  Settings settings;
  Model model;
  Cooperative learner;
  Batch batch;

  Subject(const Benchmark &b, Backend &backend, const Options &options)
      : settings(benchmark_settings(b, options)),
        model(make_model(backend, find_experiment(b.experiment), settings, 1)),
        learner(backend, model.descriptor.get(), model.generator.get(),
                learning_settings(settings, Algorithm::cooperative, 1, settings.batch), settings.batch) {
    const Tensor noise(backend, model.descriptor->input().with_n(settings.batch));
    backend.fill_normal(noise, 0, 0.5, {1, Purpose::test}, 0);
    batch.examples = noise.values();
    for (int64_t i = 0; i < settings.batch; ++i) batch.indices.push_back(i);
  }
};

std::string changed_settings(const Options &options) {
  std::string changed;
  for (const auto &[name, value] : options.settings) changed += (changed.empty() ? "" : " ") + name + '=' + value;
  return changed;
}

void profile_net(const Benchmark &b, Backend &backend, const Options &options, int64_t iterations) {
  Subject subject(b, backend, options);
  subject.learner.iterate(0, 1, subject.batch);  // buffers are made, and the observed examples brought
  const std::vector<Peak> peaks = measure_peaks(backend);
  Report report = {{{"net", b.name},
                    {"device", backend.info().name},
                    {"precision", name_of(backend.info().precision)},
                    {"settings", changed_settings(options)},
                    {"iterations", iterations}},
                   {table_of(peaks)}};
  for (const StepProfile &step : profile(backend, subject.learner, iterations))
    report.tables.push_back(table_of(step, peaks.back()));
  const bool gpu = backend.info().gpu;
  report.tables[0].notes = {
      gpu ? "of a product of 8192x4096 by 4096x4096, and of a copy of 512 MiB"
          : "of multiply-adds in registers, 2 FLOP each, and of a copy of 128 MiB",
      "below, % of peak is the least time that the GFLOP or the MB take at the last of these, over the ms; more than "
      "100 come from caches"};
  if (gpu) report.tables[0].notes.push_back("each operation waits for the device, so that the steps take longer here");
  print_report(report, options);
}

void bench_net(const Benchmark &b, Backend &backend, const Options &options, int64_t iterations) {
  Subject subject(b, backend, options);
  const Settings &s = subject.settings;
  const Model &model = subject.model;
  Cooperative &learner = subject.learner;
  std::vector<double> times;
  int64_t iteration = 0;
  const auto iterate = [&](int64_t times) {
    for (int64_t i = 0; i < times; ++i) learner.iterate(iteration++, 1, subject.batch);
  };
  // A device makes its recordings, and its clocks rise. Then each iteration is timed from a batch that has come to the
  // device to the end of the device's work, as tools/bench_pytorch.py does: in training, batches come meanwhile.
  const int64_t warm_up = backend.info().gpu ? 3 : 1;
  iterate(warm_up);
  for (int64_t i = 0; i < iterations; ++i) {
    learner.observe(subject.batch);
    backend.synchronise();
    times.push_back(seconds_of(backend, [&] { learner.learn(iteration++, 1); }));
  }
  double step[Cooperative::keep + 1] = {};  // once more, step by step
  for (const Cooperative::Step one : learner.steps()) step[one] += seconds_of(backend, [&] { learner.run(one); });
  const double fd = forward_flop(*model.descriptor, s.chains), fo = forward_flop(*model.descriptor, s.batch),
               fg = forward_flop(*model.generator, s.chains);
  const double flop = fg + 2 * double(s.langevin_steps) * fd + 3 * (fd + fo) + 3 * fg;
  const double s_iteration = median(times);
  const bool cpu = !backend.info().gpu;
  const double peak = double(peak_memory(backend)) / (1 << 20);
  std::string changed = changed_settings(options);
  if (!changed.empty()) changed = ", \"settings\": " + json_text(changed);
  std::printf(
      "{\"net\": \"%s\", \"device\": \"%s\", \"mode\": \"coopnets\", \"precision\": \"%s\", "
      "\"threads\": %d, \"seconds_per_iteration\": %.5f, \"G0_D1_D2_G2\": [%.4f, %.4f, %.4f, %.4f], "
      "\"gflop_per_iteration\": %.2f, \"gflop_per_second\": %.4g, "
      "\"peak_MiB\": %.0f%s}\n",
      b.name.c_str(), cpu ? "cpu" : "cuda", name_of(backend.info().precision), cpu ? thread_count() : 0, s_iteration,
      step[Cooperative::G0], step[Cooperative::D1], step[Cooperative::D2], step[Cooperative::G2], flop / 1e9,
      flop / 1e9 / s_iteration, peak, changed.c_str());
  std::fflush(stdout);
}

}  // namespace

const std::vector<std::string> &benchmarks() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> known;
    for (const Benchmark &b : benchmarked) known.push_back(b.name);
    for (const Experiment &e : experiments())
      if (std::find(known.begin(), known.end(), e.name) == known.end()) known.push_back(e.name);
    known.push_back(convolution_benchmark);
    known.push_back("all");
    return known;
  }();
  return names;
}

int bench(const Options &options) {
  if (options.bench == convolution_benchmark) return bench_convolution(options);
  if (options.bench != "all") {
    const std::unique_ptr<Backend> backend = make_backend(options);
    std::fprintf(stderr, "on %s\n", backend->info().name.c_str());
    const int64_t iterations = options.iterations > 0 ? options.iterations : 3;
    const Benchmark b = find_benchmark(options.bench);
    options.profile ? profile_net(b, *backend, options, iterations) : bench_net(b, *backend, options, iterations);
    return 0;
  }
  // A process a net, so that each one's peak memory is its own.
  for (const Benchmark &b : benchmarked) {
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("no process can be started to time the net " + b.name);
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
