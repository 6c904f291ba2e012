#include "metrics/linear_algebra.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "cpu/double_gemm.h"
#include "tensor/parallel.h"

namespace coopnets {
namespace {

std::string size_text(const Matrix &a) { return std::to_string(a.rows) + " x " + std::to_string(a.cols); }

void require_inner(int64_t left, int64_t right, const Matrix &a, const Matrix &b) {
  if (left != right)
    throw std::invalid_argument("matrices of " + size_text(a) + " and " + size_text(b) +
                                " cannot be multiplied this way");
}

Strided<double> plain(const Matrix &a) { return {a.values.data(), a.cols, 1}; }
Strided<double> transposed(const Matrix &a) { return {a.values.data(), 1, a.cols}; }

void require_square(const Matrix &a) {
  if (a.rows != a.cols) throw std::invalid_argument("a square matrix was expected, not " + size_text(a));
}

}  // namespace

double dot(const double *x, const double *y, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += x[i] * y[i];
  return sum;
}

Matrix::Matrix(int64_t r, int64_t c) : rows(r), cols(c), values(size_t(r * c)) {}

Matrix::Matrix(int64_t r, int64_t c, std::vector<double> v) : rows(r), cols(c), values(std::move(v)) {
  if (int64_t(values.size()) != r * c)
    throw std::invalid_argument("a " + size_text(*this) + " matrix was given " + std::to_string(values.size()) +
                                " values");
}

Matrix identity(int64_t n) {
  Matrix a(n, n);
  for (int64_t i = 0; i < n; ++i) a(i, i) = 1;
  return a;
}

Matrix transpose(const Matrix &a) {
  Matrix b(a.cols, a.rows);
  constexpr int64_t block = 32;
  for (int64_t i0 = 0; i0 < a.rows; i0 += block)
    for (int64_t j0 = 0; j0 < a.cols; j0 += block)
      for (int64_t i = i0; i < std::min(i0 + block, a.rows); ++i)
        for (int64_t j = j0; j < std::min(j0 + block, a.cols); ++j) b(j, i) = a(i, j);
  return b;
}

Matrix multiply(const Matrix &a, const Matrix &b) {
  require_inner(a.cols, b.rows, a, b);
  Matrix c(a.rows, b.cols);
  gemm(c.rows, c.cols, a.cols, plain(a), plain(b), c.values.data(), c.cols);
  return c;
}

Matrix multiply_at_b(const Matrix &a, const Matrix &b) {
  require_inner(a.rows, b.rows, a, b);
  Matrix c(a.cols, b.cols);
  gemm(c.rows, c.cols, a.rows, transposed(a), plain(b), c.values.data(), c.cols);
  return c;
}

Matrix multiply_a_bt(const Matrix &a, const Matrix &b) {
  require_inner(a.cols, b.cols, a, b);
  Matrix c(a.rows, b.rows);
  gemm(c.rows, c.cols, a.cols, plain(a), transposed(b), c.values.data(), c.cols);
  return c;
}

Cholesky::Cholesky(const Matrix &a) : lower_(a.rows, a.rows) {
  require_square(a);
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      const double rest = a(i, j) - dot(lower_.row(i), lower_.row(j), j);
      if (j < i) {
        lower_(i, j) = rest / lower_(j, j);
      } else if (rest > 0) {
        lower_(i, i) = std::sqrt(rest);
      } else {
        throw std::runtime_error("a " + size_text(a) + " matrix is not positive definite: pivot " + std::to_string(i) +
                                 " of its Cholesky factor is " + std::to_string(rest));
      }
    }
}

double Cholesky::log_determinant() const {
  double sum = 0;
  for (int64_t i = 0; i < lower_.rows; ++i) sum += 2 * std::log(lower_(i, i));
  return sum;
}

Matrix Cholesky::solve(const Matrix &b) const {
  require_inner(lower_.rows, b.rows, lower_, b);
  Matrix x = b;
  const int64_t n = lower_.rows;
  const auto subtract = [&](int64_t from, int64_t to, double factor) {
    double *out = x.row(to);
    const double *in = x.row(from);
    for (int64_t c = 0; c < x.cols; ++c) out[c] -= factor * in[c];
  };
  const auto divide = [&](int64_t i) {
    for (int64_t c = 0; c < x.cols; ++c) x(i, c) /= lower_(i, i);
  };
  for (int64_t i = 0; i < n; ++i) {  // L Y = B
    for (int64_t j = 0; j < i; ++j) subtract(j, i, lower_(i, j));
    divide(i);
  }
  for (int64_t i = n - 1; i >= 0; --i) {  // L^T X = Y
    divide(i);
    for (int64_t j = 0; j < i; ++j) subtract(i, j, lower_(i, j));
  }
  return x;
}

Matrix semidefinite_root(const Matrix &a) {
  require_square(a);
  const int64_t n = a.rows;
  Matrix root(n, n);
  std::vector<double> rest(n), pivot_row(n);  // rest: diagonal of A - L L^T
  for (int64_t i = 0; i < n; ++i) rest[i] = a(i, i);
  const double largest = n ? *std::max_element(rest.begin(), rest.end()) : 0;
  const double rounding = double(n) * 2.3e-16 * largest;
  int64_t rank = 0;
  for (; rank < n; ++rank) {
    const int64_t pivot = std::max_element(rest.begin(), rest.end()) - rest.begin();
    if (!(rest[pivot] > rounding)) break;
    const double scale = 1 / std::sqrt(rest[pivot]);
    std::copy_n(root.row(pivot), rank, pivot_row.begin());
    const auto column_of = [&](int64_t i) {
      const double value = (a(pivot, i) - dot(root.row(i), pivot_row.data(), rank)) * scale;
      root(i, rank) = value;
      rest[i] -= value * value;
    };
    parallel_for(n, column_of, wake_if(n * rank > 1 << 16));
    rest[pivot] = 0;  // exactly so
  }
  // Rounding may leave a little below zero; an indefinite matrix leaves much more.
  for (double r : rest)
    if (!(r >= -1e-6 * largest)) throw std::runtime_error("a covariance matrix is not positive semi-definite");
  Matrix compact(n, rank);
  for (int64_t i = 0; i < n; ++i) std::copy_n(root.row(i), rank, compact.row(i));
  return compact;
}

}  // namespace coopnets
