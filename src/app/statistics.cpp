#include "app/statistics.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "app/npy.h"
#include "data/zip.h"

namespace coopnets {

namespace {

constexpr int64_t header_bytes = 65536;  // of an array, at most

std::string shape_text(const std::vector<int64_t> &shape) {
  std::string text;
  for (const int64_t n : shape) text += (text.empty() ? "" : " x ") + std::to_string(n);
  return text.empty() ? "one number" : text + " numbers";
}

// Finite, symmetric to the rounding of float32, and no entry larger than its two variances allow. Rounding is evened
// out.
void check_covariance(Matrix &sigma, const std::string &path) {
  const auto refuse = [&](const std::string &why) {
    throw std::runtime_error("the sigma of " + path + " is no covariance: " + why);
  };
  const auto at = [](int64_t i, int64_t j) { return "(" + std::to_string(i) + ", " + std::to_string(j) + ")"; };
  const int64_t d = sigma.rows;
  for (int64_t i = 0; i < d; ++i)
    for (int64_t j = 0; j < d; ++j)
      if (!std::isfinite(sigma(i, j))) refuse("its element " + at(i, j) + " is not a finite number");
  double largest = 0;
  for (int64_t i = 0; i < d; ++i) {
    if (sigma(i, i) < 0) refuse("the variance " + at(i, i) + " is negative");
    largest = std::max(largest, sigma(i, i));
  }
  const double rounding = 1e-5 * largest;
  for (int64_t i = 0; i < d; ++i)
    for (int64_t j = 0; j < i; ++j) {
      if (std::abs(sigma(i, j) - sigma(j, i)) > rounding)
        refuse("its elements " + at(i, j) + " and " + at(j, i) + " differ");
      if (std::abs(sigma(i, j)) > std::sqrt(sigma(i, i) * sigma(j, j)) + rounding)
        refuse("its element " + at(i, j) + " is larger than the variances allow");
      sigma(i, j) = sigma(j, i) = (sigma(i, j) + sigma(j, i)) / 2;
    }
}

}  // namespace

Gaussian load_statistics(const std::string &path, int64_t dimension) {
  const Zip zip(path);
  for (const char *name : {"mu.npy", "sigma.npy"})
    if (!zip.has(name))
      throw std::runtime_error(path + " holds no " + name +
                               ": statistics are an .npz file with arrays mu (mean) and sigma (covariance)");
  const auto read = [&](const std::string &name, int64_t numbers) {
    return parse_npy(zip.member(name, header_bytes + 8 * numbers), name + " of " + path);
  };
  NpyArray mu = read("mu.npy", int64_t{1} << 20);
  if (mu.shape.size() != 1 || mu.shape[0] < 1)
    throw std::runtime_error("the mu of " + path + " is no vector: it has " + shape_text(mu.shape));
  if (mu.shape[0] != dimension)
    throw std::runtime_error(path + " is of another net than that of --features: its mean has " + shape_text(mu.shape) +
                             ", and the features are " + std::to_string(dimension));
  for (size_t i = 0; i < mu.values.size(); ++i)
    if (!std::isfinite(mu.values[i]))
      throw std::runtime_error("the mu of " + path + " holds a value that is not a finite number, the " +
                               std::to_string(i) + "th");
  NpyArray sigma = read("sigma.npy", dimension * dimension);
  if (sigma.shape != std::vector<int64_t>{dimension, dimension})
    throw std::runtime_error("the sigma of " + path + " has " + shape_text(sigma.shape) + ", not " +
                             shape_text({dimension, dimension}));
  Gaussian g{std::move(mu.values), Matrix(dimension, dimension, std::move(sigma.values))};
  check_covariance(g.covariance, path);
  return g;
}

}  // namespace coopnets
