#include "metrics/kernel_distance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "tensor/parallel.h"

namespace coopnets {

namespace {

constexpr double widest = 0.2;
constexpr int widths = 3;

// Half the width is the fourth power of the kernel.
double mean_kernel(const Samples &x, const Samples &y) {
  std::vector<double> sums(size_t(x.count));
  visit_squared_distances(x, y, [&](int64_t first, const Matrix &tile) {
    parallel_for(tile.rows, [&](int64_t i) {
      for (int64_t j = 0; j < tile.cols; ++j) {
        double kernel = std::exp(-tile(i, j) / (2 * widest * widest));
        for (int width = 0; width < widths; ++width) {
          sums[size_t(first + i)] += kernel / widths;
          kernel *= kernel;
          kernel *= kernel;
        }
      }
    });
  });
  return std::accumulate(sums.begin(), sums.end(), 0.) / (double(x.count) * double(y.count));
}

}  // namespace

KernelDistance::KernelDistance(Samples observed)
    : observed_(std::move(observed)), among_observed_(mean_kernel(observed_, observed_)) {}

double KernelDistance::squared(const Samples &made) const {
  require_comparable(made, observed_, 2, "a kernel distance");
  return std::max(mean_kernel(made, made) + among_observed_ - 2 * mean_kernel(made, observed_), 0.);
}

double KernelDistance::to(const Samples &made) const { return std::sqrt(squared(made)); }

double KernelDistance::ratio(const Samples &made) const {
  const double n = double(made.count), m = double(observed_.count);
  const double different = (among_observed_ * m - 1) / (m - 1);  // without the m pairs of a point with itself, each 1
  return std::sqrt(squared(made) / ((1 / n + 1 / m) * (1 - different)));
}

}  // namespace coopnets
