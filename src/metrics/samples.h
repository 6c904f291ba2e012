// Sets of points that metrics compare: pictures as rows of pixels, or features that a net made of them.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "metrics/linear_algebra.h"

namespace coopnets {

// values [count, dimension], row-major.
struct Samples {
  int64_t count = 0, dimension = 0;
  std::vector<float> values;

  Samples() = default;
  Samples(int64_t count, int64_t dimension);  // zeros
  Samples(int64_t count, int64_t dimension,
          std::vector<float> values);  // throws std::invalid_argument if the sizes differ
  float *row(int64_t i) { return values.data() + i * dimension; }
  const float *row(int64_t i) const { return values.data() + i * dimension; }
};

// Throws std::invalid_argument unless both have at least `least` points of one dimension; `who` begins the sentence.
void require_comparable(const Samples &a, const Samples &b, int64_t least, const char *who);

// x_i . y_j for all pairs, in double.
Matrix inner_products(const Samples &x, const Samples &y);

// All squared distances, some rows at a time so that memory stays bounded: visit(first, tile) with
// tile(i, j) = |x_{first+i} - y_j|^2 = |x|^2 + |y|^2 - 2 x.y, by one matrix product. In double throughout: float
// products are exact there, so equal points have distance 0 exactly, and 10,000 x 10,000 of 784 dimensions still take
// seconds.
void visit_squared_distances(const Samples &x, const Samples &y,
                             const std::function<void(int64_t first, const Matrix &tile)> &visit);

}  // namespace coopnets
