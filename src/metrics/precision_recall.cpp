#include "metrics/precision_recall.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "tensor/parallel.h"

namespace coopnets {
namespace {

std::vector<double> squared_radii(const Samples &s, int64_t k) {
  std::vector<double> radii(s.count);
  visit_squared_distances(s, s, [&](int64_t first, const Matrix &tile) {
    parallel_for(tile.rows, [&](int64_t i) {
      std::vector<double> others(tile.row(i), tile.row(i) + tile.cols);
      others[first + i] = std::numeric_limits<double>::infinity();  // not itself
      std::nth_element(others.begin(), others.begin() + (k - 1), others.end());
      radii[first + i] = others[k - 1];
    });
  });
  return radii;
}

void require_neighbours(const Samples &a, const Samples &b, int64_t k, const char *who) {
  if (k < 1) throw std::invalid_argument("the number of neighbours must be at least 1");
  require_comparable(a, b, k + 1, who);
}

double share(const std::vector<uint8_t> &flags) {
  return double(std::count(flags.begin(), flags.end(), uint8_t(1))) / double(flags.size());
}

}  // namespace

PrecisionRecall precision_recall(const Samples &real, const Samples &generated, int64_t k) {
  require_neighbours(real, generated, k, "precision and recall");
  const std::vector<double> real_radii = squared_radii(real, k), generated_radii = squared_radii(generated, k);
  std::vector<uint8_t> precise(generated.count), recalled(real.count);
  visit_squared_distances(generated, real, [&](int64_t first, const Matrix &tile) {
    parallel_for(tile.rows, [&](int64_t i) {
      for (int64_t j = 0; j < tile.cols; ++j)
        if (tile(i, j) <= real_radii[j]) precise[first + i] = 1;
    });
    parallel_for(tile.cols, [&](int64_t j) {
      for (int64_t i = 0; i < tile.rows; ++i)
        if (tile(i, j) <= generated_radii[first + i]) recalled[j] = 1;
    });
  });
  return {share(precise), share(recalled)};
}

DensityCoverage density_coverage(const Samples &real, const Samples &generated, int64_t k) {
  require_neighbours(real, generated, k, "density and coverage");
  const std::vector<double> radii = squared_radii(real, k);
  std::vector<int64_t> balls(generated.count);
  std::vector<uint8_t> covered(real.count);
  visit_squared_distances(generated, real, [&](int64_t first, const Matrix &tile) {
    parallel_for(tile.rows, [&](int64_t i) {
      for (int64_t j = 0; j < tile.cols; ++j) balls[first + i] += tile(i, j) < radii[j];
    });
    parallel_for(tile.cols, [&](int64_t j) {
      for (int64_t i = 0; i < tile.rows; ++i)
        if (tile(i, j) < radii[j]) covered[j] = 1;
    });
  });
  double total = 0;
  for (int64_t b : balls) total += double(b);
  return {total / (double(k) * double(generated.count)), share(covered)};
}

}  // namespace coopnets
