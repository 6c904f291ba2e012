#include "app/peak.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>

#include "cpu/cpu.h"
#include "tensor/parallel.h"
#include "tensor/processors.h"
#include "tensor/tensor.h"

namespace coopnets {

namespace {

// Of a few tries the one that other work disturbed least.
double least_seconds(Backend &backend, const std::function<void()> &run) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 6; ++i) least = std::min(least, seconds_of(backend, run));
  return least;
}

// The tensors are larger than caches are.
double copied_bytes(Backend &backend, int64_t elements) {
  const Tensor from(backend, {1, 1, 1, 1, elements}), to(backend, {1, 1, 1, 1, elements});
  return 2 * double(elements) * sizeof(real) / least_seconds(backend, [&] { backend.copy(from, to); });
}

// A convolution of one tap is a product.
double product_flop(Backend &backend) {
  const int64_t rows = 8192, depth = 4096, columns = 4096;
  const Tensor x(backend, {rows, 1, 1, 1, depth}), w(backend, {1, 1, 1, depth, columns});
  const Tensor y(backend, {rows, 1, 1, 1, columns});
  backend.fill_normal(x, 0, 1, {1, Purpose::test}, 0);
  backend.fill_normal(w, 0, 1, {1, Purpose::test}, 1);
  const double flop = 2.0 * double(rows) * double(depth) * double(columns);
  return flop / least_seconds(backend, [&] { backend.conv_forward(x, w, {}, {}, y); });
}

Peak cpu_peak(int threads) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(threads);
  double flop = 0;
  const double seconds = least_seconds(*backend, [&] { flop = cpu_multiply_adds(threads); });
  return {std::to_string(threads) + (threads == 1 ? " thread" : " threads"), flop / seconds,
          copied_bytes(*backend, 1 << 25)};
}

}  // namespace

std::vector<Peak> measure_peaks(Backend &backend) {
  const DeviceInfo info = backend.info();
  if (info.gpu) return {{info.name, product_flop(backend), copied_bytes(backend, 1 << 27)}};
  std::set<int> others = {1, available_processors()};
  others.erase(thread_count());
  std::vector<Peak> all;
  for (const int threads : others) all.push_back(cpu_peak(threads));
  all.push_back(cpu_peak(thread_count()));
  return all;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

double seconds_of(Backend &backend, const std::function<void()> &run) {
  using Clock = std::chrono::steady_clock;
  backend.synchronise();
  const Clock::time_point start = Clock::now();
  run();
  backend.synchronise();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace coopnets
