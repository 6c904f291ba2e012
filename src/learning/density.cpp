#include "learning/density.h"

#include <algorithm>

#include "learning/pass.h"

namespace coopnets {

std::vector<double> log_density(Network &descriptor, double reference_deviation, const std::vector<real> &examples) {
  constexpr int64_t at_a_time = 4096;
  const int64_t size = descriptor.input().size(), count = int64_t(examples.size()) / size;
  require(count > 0 && count * size == int64_t(examples.size()), "a density is one of whole examples");
  Backend &backend = descriptor.backend();
  Tensor x(backend, descriptor.input().with_n(std::min(at_a_time, count)));
  Arena arena(backend);
  Pass f(descriptor, {x}, Statistics::running, arena, arena, {});
  std::vector<double> all;
  for (int64_t first = 0; first < count; first += x.shape().n) {
    const int64_t some = std::min(x.shape().n, count - first);
    std::vector<real> part(examples.begin() + first * size, examples.begin() + (first + some) * size);
    for (int64_t k = 0; k < some; ++k) {
      double squared = 0;
      for (int64_t i = 0; i < size; ++i)
        squared += double(part[size_t(k * size + i)]) * double(part[size_t(k * size + i)]);
      all.push_back(-squared / (2 * reference_deviation * reference_deviation));
    }
    part.resize(size_t(x.size()));
    x.set_values(part);
    f.forward();
    for (size_t i = 0; i < f.outputs(); ++i) {
      const std::vector<real> y = values(backend, f.output(i));
      const int64_t each = f.output(i).shape.example();
      for (int64_t k = 0; k < some * each; ++k) all[size_t(first + k / each)] += double(y[size_t(k)]);
    }
  }
  return all;
}

}  // namespace coopnets
