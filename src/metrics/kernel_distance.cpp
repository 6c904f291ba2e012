#include "metrics/kernel_distance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

struct Means {
  double xx, yy, xy;
  double squared() const { return std::max(xx + yy - 2 * xy, 0.); }
};

Means means(const Samples &x, const Samples &y) {
  require_comparable(x, y, 2, "a kernel distance");
  return {mean_kernel(x, x), mean_kernel(y, y), mean_kernel(x, y)};
}

}  // namespace

double kernel_distance(const Samples &x, const Samples &y) { return std::sqrt(means(x, y).squared()); }

double kernel_distance_ratio(const Samples &made, const Samples &observed) {
  const Means of = means(made, observed);
  const double n = double(made.count), m = double(observed.count);
  const double different = (of.yy * m - 1) / (m - 1);  // without the m pairs of a point with itself, each 1
  return std::sqrt(of.squared() / ((1 / n + 1 / m) * (1 - different)));
}

}  // namespace coopnets
