#include "metrics/fid.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "tensor/random.h"

namespace coopnets {
namespace {

// `count` different rows, drawn with the numbers of `draw`.
Samples random_subset(const Samples &all, int64_t count, uint64_t seed, uint64_t draw) {
  std::vector<int64_t> order(all.count);
  std::iota(order.begin(), order.end(), 0);
  Samples subset(count, all.dimension);
  for (int64_t i = 0; i < count; ++i) {  // the first steps of Fisher and Yates' shuffle
    const uint32_t word = random_block({seed, Purpose::evaluation}, draw, 1, uint64_t(i)).v[0];
    std::swap(order[i], order[i + int64_t((uint64_t(word) * uint64_t(all.count - i)) >> 32)]);
    std::copy_n(all.row(order[i]), all.dimension, subset.row(i));
  }
  return subset;
}

double kernel(double inner_product, int64_t dimension) {
  const double k = inner_product / double(dimension) + 1;
  return k * k * k;
}

// Mean of the kernel over pairs of different points of one set.
double mean_within(const Samples &x) {
  const Matrix products = inner_products(x, x);
  double sum = 0;
  for (int64_t i = 0; i < x.count; ++i)
    for (int64_t j = 0; j < x.count; ++j)
      if (i != j) sum += kernel(products(i, j), x.dimension);
  return sum / (double(x.count) * double(x.count - 1));
}

double mean_between(const Samples &x, const Samples &y) {
  double sum = 0;
  for (double product : inner_products(x, y).values) sum += kernel(product, x.dimension);
  return sum / (double(x.count) * double(y.count));
}

}  // namespace

Gaussian fit_gaussian(const Samples &f) {
  if (f.count < 2 || f.dimension < 1)
    throw std::invalid_argument("a covariance needs at least two samples, not " + std::to_string(f.count));
  Gaussian g{std::vector<double>(f.dimension), Matrix(f.dimension, f.dimension)};
  for (int64_t i = 0; i < f.count; ++i)
    for (int64_t j = 0; j < f.dimension; ++j) g.mean[j] += f.row(i)[j];
  for (double &m : g.mean) m /= double(f.count);
  constexpr int64_t at_once = 2048;
  for (int64_t first = 0; first < f.count; first += at_once) {
    Matrix centred(std::min(at_once, f.count - first), f.dimension);
    for (int64_t i = 0; i < centred.rows; ++i)
      for (int64_t j = 0; j < f.dimension; ++j) centred(i, j) = f.row(first + i)[j] - g.mean[j];
    const Matrix part = multiply_at_b(centred, centred);
    for (size_t k = 0; k < part.values.size(); ++k) g.covariance.values[k] += part.values[k] / double(f.count - 1);
  }
  return g;
}

double frechet_distance(const Gaussian &a, const Gaussian &b) {
  const int64_t d = int64_t(a.mean.size());
  const auto fits = [d](const Gaussian &g) {
    return int64_t(g.mean.size()) == d && g.covariance.rows == d && g.covariance.cols == d;
  };
  if (d < 1 || !fits(a) || !fits(b))
    throw std::invalid_argument("Gaussians of different dimensions cannot be compared");
  double distance = 0;
  for (int64_t i = 0; i < d; ++i) {
    const double gap = a.mean[i] - b.mean[i];
    distance += gap * gap + a.covariance(i, i) + b.covariance(i, i);
  }
  const Matrix root = semidefinite_root(a.covariance);
  for (double value : symmetric_eigenvalues(multiply_at_b(root, multiply(b.covariance, root))))
    distance -= 2 * std::sqrt(std::max(0.0, value));
  return distance;
}

MeanAndDeviation kernel_distance(const Samples &a, const Samples &b, int64_t subsets, int64_t size, uint64_t seed) {
  require_comparable(a, b, std::max<int64_t>(2, size), "the kernel distance");
  if (subsets < 1 || size < 2)
    throw std::invalid_argument("the kernel distance needs a subset of at least two samples");
  std::vector<double> distances(subsets);
  for (int64_t s = 0; s < subsets; ++s) {
    const Samples x = random_subset(a, size, seed, uint64_t(2 * s)),
                  y = random_subset(b, size, seed, uint64_t(2 * s + 1));
    distances[s] = mean_within(x) + mean_within(y) - 2 * mean_between(x, y);
  }
  return mean_and_deviation(distances);
}

}  // namespace coopnets
