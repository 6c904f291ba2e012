#include "app/bench_convolution.h"

#include <cmath>

#include "app/peak.h"
#include "app/report.h"
#include "cpu/cpu.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace coopnets {

namespace {

constexpr int64_t side = 64, channels = 64, kernel = 3;

}  // namespace

int bench_convolution(const Options &options) {
  if (options.profile || !options.settings.empty() || options.is_given("device") || options.is_given("precision"))
    throw UsageError(
        "--bench convolution is of one layer alone, on the CPU: --profile, --set, --device and --precision are for "
        "nets");
  set_thread_count(static_cast<int>(options.threads));
  const std::unique_ptr<Backend> one = make_cpu_backend(1), all = make_cpu_backend(thread_count());
  const Axis axis{kernel, 1, kernel / 2, kernel / 2};
  const Window window{{}, axis, axis};
  const Shape shape{1, 1, side, side, channels};
  const Tensor x(*one, shape), w(*one, filter_shape(window, channels, channels)), y(*one, shape);
  one->fill_normal(x, 0, 1, {1, Purpose::test}, 0);
  one->fill_normal(w, 0, 1, {1, Purpose::test}, 1);
  const double flop = 2.0 * double(shape.size()) * kernel * kernel * channels;

  Table table{"A convolution of " + std::to_string(kernel) + "x" + std::to_string(kernel) + ", " +
                  std::to_string(channels) + " channels to " + std::to_string(channels) + ", of " +
                  std::to_string(side) + "x" + std::to_string(side),
              {"ms", "GFLOP/s", "times the last", "times the first"},
              {},
              {"GFLOP are those of the definition, in each row", "src/cpu/staircase.cpp has the loops"}};
  std::vector<double> seconds;
  const auto time = [&](const std::string &name, Backend &backend, const ConvStair &stair) {
    std::vector<double> times;
    for (int64_t i = 0; i < (options.iterations > 0 ? options.iterations : 5); ++i)
      times.push_back(seconds_of(backend, [&] { stair.run(backend, x, w, window, y); }));
    seconds.push_back(median(times));
    const double before = seconds.size() > 1 ? seconds[seconds.size() - 2] : NAN;
    table.rows.push_back({name,
                          {1e3 * seconds.back(), 1e-9 * flop / seconds.back(), before / seconds.back(),
                           seconds.size() > 1 ? seconds[0] / seconds.back() : NAN}});
  };
  const std::vector<ConvStair> stairs = conv_staircase();
  for (const ConvStair &stair : stairs) time(stair.name, *one, stair);
  if (thread_count() > 1) time(std::to_string(thread_count()) + " threads", *all, stairs.back());
  print_report({{{"device", all->info().name}}, {table}}, options);
  return 0;
}

}  // namespace coopnets
