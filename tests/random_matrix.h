// Reproducible test data.
#pragma once
#include <random>

#include "metrics/linear_algebra.h"

namespace coopnets {

inline Matrix random_matrix(int64_t rows, int64_t cols, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  Matrix a(rows, cols);
  for (double &value : a.values) value = normal(engine);
  return a;
}

inline double largest_difference(const Matrix &a, const Matrix &b) {
  if (a.rows != b.rows || a.cols != b.cols) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    const double difference = std::abs(a.values[i] - b.values[i]);
    if (!(difference <= largest)) largest = difference;  // keeps a NaN
  }
  return largest;
}

}  // namespace coopnets
