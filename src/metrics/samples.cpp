#include "metrics/samples.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "cpu/double_gemm.h"
#include "tensor/parallel.h"

namespace coopnets {
namespace {

Strided<float> rows_of(const Samples &s, int64_t first) { return {s.row(first), s.dimension, 1}; }
Strided<float> columns_of(const Samples &s, int64_t first) { return {s.row(first), 1, s.dimension}; }

// |x|^2 summed in the order of gemm, so that |x|^2 + |x|^2 - 2 x.x is 0 and not rounding.
std::vector<double> squared_norms(const Samples &s) {
  std::vector<double> norms(s.count);
  parallel_for(s.count,
               [&](int64_t i) { gemm<float>(1, 1, s.dimension, rows_of(s, i), columns_of(s, i), &norms[i], 1); });
  return norms;
}

}  // namespace

Samples::Samples(int64_t n, int64_t d) : count(n), dimension(d), values(size_t(n * d)) {}

Samples::Samples(int64_t n, int64_t d, std::vector<float> v) : count(n), dimension(d), values(std::move(v)) {
  if (int64_t(values.size()) != n * d)
    throw std::invalid_argument(std::to_string(n) + " samples of dimension " + std::to_string(d) + " were given " +
                                std::to_string(values.size()) + " values");
}

void require_comparable(const Samples &a, const Samples &b, int64_t least, const char *who) {
  if (a.dimension != b.dimension || a.dimension < 1)
    throw std::invalid_argument(std::string(who) + " compares samples of one dimension, not of " +
                                std::to_string(a.dimension) + " and " + std::to_string(b.dimension));
  if (std::min(a.count, b.count) < least)
    throw std::invalid_argument(std::string(who) + " needs at least " + std::to_string(least) +
                                " samples of each set, but there are " + std::to_string(a.count) + " and " +
                                std::to_string(b.count));
}

Matrix inner_products(const Samples &x, const Samples &y) {
  require_comparable(x, y, 0, "an inner product");
  Matrix result(x.count, y.count);
  gemm<float>(x.count, y.count, x.dimension, rows_of(x, 0), columns_of(y, 0), result.values.data(), y.count);
  return result;
}

void visit_squared_distances(const Samples &x, const Samples &y,
                             const std::function<void(int64_t first, const Matrix &tile)> &visit) {
  require_comparable(x, y, 1, "a distance");
  const std::vector<double> x_norms = squared_norms(x), y_norms = squared_norms(y);
  const int64_t at_once = std::max<int64_t>(96, (int64_t(1) << 23) / y.count / 96 * 96);  // 64 MiB
  for (int64_t first = 0; first < x.count; first += at_once) {
    Matrix tile(std::min(at_once, x.count - first), y.count);
    gemm<float>(tile.rows, y.count, x.dimension, rows_of(x, first), columns_of(y, 0), tile.values.data(), y.count);
    parallel_for(tile.rows, [&](int64_t i) {
      for (int64_t j = 0; j < y.count; ++j)
        tile(i, j) = std::max(0.0, x_norms[first + i] + y_norms[j] - 2 * tile(i, j));
    });
    visit(first, tile);
  }
}

}  // namespace coopnets
