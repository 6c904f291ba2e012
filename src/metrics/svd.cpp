#include <algorithm>
#include <cmath>
#include <numeric>

#include "metrics/linear_algebra.h"

namespace coopnets {
namespace {

void rotate(double *x, double *y, int64_t n, double c, double s) {
  for (int64_t i = 0; i < n; ++i) {
    const double f = x[i];
    x[i] = c * f - s * y[i];
    y[i] = s * f + c * y[i];
  }
}

// Rows of `a` are turned against each other until they are orthogonal: R A = diag(values) V, so A = R^T diag(values) V.
Svd svd_of_wide(Matrix a) {
  const int64_t n = a.rows, m = a.cols;
  Matrix r = identity(n);
  constexpr double tolerance = 1e-15;
  bool turned = true;
  for (int sweep = 0; turned && sweep < 60; ++sweep) {
    turned = false;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = i + 1; j < n; ++j) {
        const double xx = dot(a.row(i), a.row(i), m), yy = dot(a.row(j), a.row(j), m);
        const double xy = dot(a.row(i), a.row(j), m);
        if (!(std::abs(xy) > tolerance * std::sqrt(xx * yy))) continue;
        turned = true;
        const double half = (yy - xx) / (2 * xy);
        const double t = (half < 0 ? -1 : 1) / (std::abs(half) + std::hypot(half, 1.0));
        const double c = 1 / std::sqrt(1 + t * t), s = c * t;
        rotate(a.row(i), a.row(j), m, c, s);
        rotate(r.row(i), r.row(j), n, c, s);
      }
  }
  std::vector<double> norms(n);
  for (int64_t i = 0; i < n; ++i) norms[i] = std::sqrt(dot(a.row(i), a.row(i), m));
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return norms[i] > norms[j]; });
  const double floor = n ? double(std::max(n, m)) * 2.3e-16 * norms[order[0]] : 0;
  int64_t rank = 0;
  while (rank < n && norms[order[rank]] > floor) ++rank;
  Svd result{std::vector<double>(rank), Matrix(rank, n), Matrix(rank, m)};
  for (int64_t i = 0; i < rank; ++i) {
    const double value = result.values[i] = norms[order[i]];
    std::copy_n(r.row(order[i]), n, result.left.row(i));
    for (int64_t k = 0; k < m; ++k) result.right(i, k) = a(order[i], k) / value;
  }
  return result;
}

}  // namespace

Svd svd(const Matrix &a) {
  if (a.rows <= a.cols) return svd_of_wide(a);
  Svd result = svd_of_wide(transpose(a));
  std::swap(result.left, result.right);
  return result;
}

Svd svd_by_gram(const Matrix &a) {
  const SymmetricEigen eigen = symmetric_eigen(multiply_a_bt(a, a));
  int64_t rank = 0;
  while (rank < a.rows && eigen.values[rank] > 1e-14 * double(a.rows) * eigen.values[0]) ++rank;
  Svd result{std::vector<double>(rank), Matrix(rank, a.rows), Matrix()};
  Matrix scaled(rank, a.rows);
  for (int64_t i = 0; i < rank; ++i) {
    const double value = result.values[i] = std::sqrt(eigen.values[i]);
    std::copy_n(eigen.vectors.row(i), a.rows, result.left.row(i));
    for (int64_t k = 0; k < a.rows; ++k) scaled(i, k) = eigen.vectors(i, k) / value;
  }
  result.right = multiply(scaled, a);
  return result;
}

Matrix least_squares(const Matrix &a, const Matrix &b) {
  const Svd s = svd(a);
  Matrix x = multiply(s.left, b);
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t j = 0; j < x.cols; ++j) x(i, j) /= s.values[i];
  return multiply_at_b(s.right, x);
}

}  // namespace coopnets
