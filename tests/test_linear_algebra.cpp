#include "metrics/linear_algebra.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cpu/double_gemm.h"
#include "random_matrix.h"
#include "tensor/parallel.h"

namespace coopnets {
namespace {

using Complex = std::complex<double>;

Matrix naive_product(const Matrix &a, const Matrix &b) {
  Matrix c(a.rows, b.cols);
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t k = 0; k < a.cols; ++k)
      for (int64_t j = 0; j < b.cols; ++j) c(i, j) += a(i, k) * b(k, j);
  return c;
}

Matrix covariance_like(int64_t n, int64_t rank, unsigned seed) {
  const Matrix a = random_matrix(n, rank, seed);
  return multiply_a_bt(a, a);
}

// values and rows v_i of `vectors` -> sum values[i] v_i v_i^T
Matrix recomposed(const SymmetricEigen &e) {
  Matrix scaled = e.vectors;
  for (int64_t i = 0; i < scaled.rows; ++i)
    for (int64_t j = 0; j < scaled.cols; ++j) scaled(i, j) *= e.values[i];
  return multiply_at_b(e.vectors, scaled);
}

Matrix recomposed(const Svd &s) {
  Matrix scaled = s.right;
  for (int64_t i = 0; i < scaled.rows; ++i)
    for (int64_t j = 0; j < scaled.cols; ++j) scaled(i, j) *= s.values[i];
  return multiply_at_b(s.left, scaled);
}

double off_orthonormal(const Matrix &rows) {
  return largest_difference(multiply_a_bt(rows, rows), identity(rows.rows));
}

TEST(LinearAlgebra, ProductsAgreeWithTheNaiveOneForOddSizes) {
  const int64_t sizes[][3] = {{1, 1, 1},     {7, 5, 3},      {8, 24, 256}, {9, 25, 257},
                              {97, 31, 300}, {100, 970, 17}, {3, 2, 0}};
  for (const auto &s : sizes) {
    const Matrix a = random_matrix(s[0], s[2], 1), b = random_matrix(s[2], s[1], 2), expected = naive_product(a, b);
    EXPECT_LE(largest_difference(multiply(a, b), expected), 1e-12);
    EXPECT_LE(largest_difference(multiply_at_b(transpose(a), b), expected), 1e-12);
    EXPECT_LE(largest_difference(multiply_a_bt(a, transpose(b)), expected), 1e-12);
  }
  EXPECT_THROW(multiply(Matrix(2, 3), Matrix(2, 3)), std::invalid_argument);
  EXPECT_THROW(multiply_at_b(Matrix(2, 3), Matrix(3, 3)), std::invalid_argument);
  EXPECT_THROW(multiply_a_bt(Matrix(2, 3), Matrix(3, 2)), std::invalid_argument);
  EXPECT_THROW(Matrix(2, 2, {1, 2, 3}), std::invalid_argument);
}

TEST(LinearAlgebra, ProductsDoNotDependOnThreadsNorOnTheRowsPlace) {
  const Matrix a = random_matrix(230, 600, 3);
  set_thread_count(1);
  const Matrix one = multiply_a_bt(a, a);
  const std::vector<double> eigen_one = symmetric_eigenvalues(one);
  set_thread_count(3);
  const Matrix three = multiply_a_bt(a, a);
  const std::vector<double> eigen_three = symmetric_eigenvalues(one);
  set_thread_count(0);
  EXPECT_EQ(one.values, three.values);
  EXPECT_EQ(eigen_one, eigen_three);
  for (int64_t i = 0; i < one.rows; ++i)
    for (int64_t j = 0; j < i; ++j) ASSERT_EQ(one(i, j), one(j, i));
}

TEST(LinearAlgebra, CholeskyOfAKnownMatrix) {
  // L = [2 0; 1 3], A = L L^T = [4 2; 2 10], |A| = 36.
  const Cholesky c(Matrix(2, 2, {4, 2, 2, 10}));
  EXPECT_EQ(c.lower().values, (std::vector<double>{2, 0, 1, 3}));
  EXPECT_NEAR(c.log_determinant(), std::log(36.0), 1e-14);
  EXPECT_THROW(Cholesky(Matrix(2, 2, {1, 2, 2, 1})), std::runtime_error);
  EXPECT_THROW(Cholesky(Matrix(1, 1, {NAN})), std::runtime_error);
  EXPECT_THROW(Cholesky(Matrix(2, 3)), std::invalid_argument);
}

TEST(LinearAlgebra, CholeskySolves) {
  const Matrix a = covariance_like(60, 90, 4), b = random_matrix(60, 5, 5);
  const Cholesky c(a);
  EXPECT_LE(largest_difference(multiply(a, c.solve(b)), b), 1e-10);
  EXPECT_LE(largest_difference(multiply(a, c.inverse()), identity(60)), 1e-10);
  double log_determinant = 0;
  for (double value : symmetric_eigenvalues(a)) log_determinant += std::log(value);
  EXPECT_NEAR(c.log_determinant(), log_determinant, 1e-9);
}

TEST(LinearAlgebra, RootOfASingularMatrix) {
  const Matrix a = covariance_like(40, 7, 6), root = semidefinite_root(a);
  EXPECT_EQ(root.cols, 7);
  EXPECT_LE(largest_difference(multiply_a_bt(root, root), a), 1e-12);
  EXPECT_EQ(semidefinite_root(Matrix(3, 3)).cols, 0);
  EXPECT_THROW(semidefinite_root(Matrix(2, 2, {1, 2, 2, 1})), std::runtime_error);
}

TEST(LinearAlgebra, SymmetricEigenvaluesThatAreKnown) {
  // Second difference with fixed ends: 2 - 2 cos(pi k / (n + 1)).
  const int64_t n = 50;
  Matrix a(n, n);
  for (int64_t i = 0; i < n; ++i) {
    a(i, i) = 2;
    if (i) a(i, i - 1) = a(i - 1, i) = -1;
  }
  const std::vector<double> values = symmetric_eigenvalues(a);
  for (int64_t k = 1; k <= n; ++k) EXPECT_NEAR(values[n - k], 2 - 2 * std::cos(M_PI * k / (n + 1)), 1e-13);
}

TEST(LinearAlgebra, SymmetricEigenvectors) {
  for (int64_t n : {1, 2, 3, 17, 130}) {
    Matrix a = random_matrix(n, n, unsigned(n));
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < i; ++j) a(i, j) = a(j, i);
    const SymmetricEigen e = symmetric_eigen(a);
    EXPECT_LE(off_orthonormal(e.vectors), 1e-12);
    EXPECT_LE(largest_difference(recomposed(e), a), 1e-11);
    EXPECT_TRUE(std::is_sorted(e.values.rbegin(), e.values.rend()));
    const std::vector<double> values = symmetric_eigenvalues(a);
    for (int64_t i = 0; i < n; ++i) EXPECT_NEAR(values[i], e.values[i], 1e-11);
  }
  EXPECT_EQ(symmetric_eigenvalues(Matrix(3, 3)), std::vector<double>(3, 0.0));
  EXPECT_LE(largest_difference(recomposed(symmetric_eigen(identity(6))), identity(6)), 1e-15);
  EXPECT_THROW(symmetric_eigen(Matrix(2, 2, {NAN, 1, 1, 1})), std::runtime_error);
}

TEST(LinearAlgebra, SingularValues) {
  const Matrix a = random_matrix(12, 30, 8);
  for (const Matrix &m : {a, transpose(a)}) {
    const Svd s = svd(m);
    EXPECT_EQ(s.values.size(), 12u);
    EXPECT_LE(off_orthonormal(s.left), 1e-13);
    EXPECT_LE(off_orthonormal(s.right), 1e-13);
    EXPECT_LE(largest_difference(recomposed(s), m), 1e-13);
  }
  const Svd exact = svd(a), by_gram = svd_by_gram(a);
  EXPECT_LE(largest_difference(recomposed(by_gram), a), 1e-11);
  for (int i = 0; i < 12; ++i) EXPECT_NEAR(by_gram.values[i], exact.values[i], 1e-11);
  // Rank 4 is recognised by both.
  const Matrix low = multiply(random_matrix(10, 4, 9), random_matrix(4, 50, 10));
  EXPECT_EQ(svd(low).values.size(), 4u);
  EXPECT_EQ(svd_by_gram(low).values.size(), 4u);
  EXPECT_EQ(svd(Matrix(3, 4)).values.size(), 0u);
  EXPECT_EQ(svd_by_gram(Matrix(3, 4)).values.size(), 0u);
  // Hilbert's matrix of order 8: the smallest singular value is 1.11153897e-10 and survives.
  Matrix hilbert(8, 8);
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) hilbert(i, j) = 1.0 / (i + j + 1);
  EXPECT_NEAR(svd(hilbert).values[7], 1.11153897e-10, 1e-15);
}

TEST(LinearAlgebra, LeastSquares) {
  // Over-determined: the residual is orthogonal to the columns. Under-determined: exact, and no part in the null space.
  const Matrix tall = random_matrix(30, 6, 11), b = random_matrix(30, 2, 12);
  Matrix residual = multiply(tall, least_squares(tall, b));
  for (size_t i = 0; i < residual.values.size(); ++i) residual.values[i] -= b.values[i];
  EXPECT_LE(largest_difference(multiply_at_b(tall, residual), Matrix(6, 2)), 1e-12);
  const Matrix wide = random_matrix(6, 30, 13), c = random_matrix(6, 2, 14), x = least_squares(wide, c);
  EXPECT_LE(largest_difference(multiply(wide, x), c), 1e-12);
  EXPECT_LE(largest_difference(least_squares(wide, multiply(wide, x)), x), 1e-12);
  // Of rank one: x = (1, 1) is the shortest with x0 + x1 = 2.
  EXPECT_LE(largest_difference(least_squares(Matrix(2, 2, {1, 1, 1, 1}), Matrix(2, 1, {2, 2})), Matrix(2, 1, {1, 1})),
            1e-14);
}

TEST(LinearAlgebra, EigenvaluesOfACompanionMatrix) {
  // (x-1)(x-2)(x^2+4)(x+3) = x^5 - 3x^3 + 6x^2 - 28x + 24
  Matrix a(5, 5);
  const double coefficients[] = {24, -28, 6, -3, 0};
  for (int i = 0; i < 5; ++i) {
    a(i, 4) = -coefficients[i];
    if (i) a(i, i - 1) = 1;
  }
  std::vector<Complex> values = eigenvalues(a), expected = {{-3, 0}, {0, -2}, {0, 2}, {1, 0}, {2, 0}};
  for (Complex e : expected) {
    double nearest = 1e9;
    for (Complex v : values) nearest = std::min(nearest, std::abs(v - e));
    EXPECT_LE(nearest, 1e-12) << e;
  }
}

TEST(LinearAlgebra, EigenvaluesOfARandomMatrixFulfilTraceAndDeterminant) {
  for (int64_t n : {1, 2, 3, 40}) {
    const Matrix a = random_matrix(n, n, unsigned(20 + n));
    Complex sum = 0, of_squares = 0;
    double trace = 0, trace_of_square = 0;
    for (Complex v : eigenvalues(a)) sum += v, of_squares += v * v;
    const Matrix square = multiply(a, a);
    for (int64_t i = 0; i < n; ++i) trace += a(i, i), trace_of_square += square(i, i);
    EXPECT_LE(std::abs(sum - trace), 1e-11);
    EXPECT_LE(std::abs(of_squares - trace_of_square), 1e-10);
  }
  // A permutation: the unshifted iteration would not move; the eigenvalues are the roots of unity.
  Matrix cycle(6, 6);
  for (int i = 0; i < 6; ++i) cycle(i, (i + 1) % 6) = 1;
  for (Complex v : eigenvalues(cycle)) EXPECT_LE(std::abs(std::pow(v, 6) - 1.0), 1e-12);
  for (Complex v : eigenvalues(Matrix(4, 4))) EXPECT_EQ(v, 0.0);
  Matrix nilpotent(4, 4);  // its eigenvalues react to rounding as its fourth root
  for (int i = 0; i < 3; ++i) nilpotent(i, i + 1) = 1;
  for (Complex v : eigenvalues(nilpotent)) EXPECT_LE(std::abs(v), 1e-3);
  for (Complex v : eigenvalues(transpose(nilpotent))) EXPECT_LE(std::abs(v), 1e-3);
  EXPECT_THROW(eigenvalues(Matrix(2, 2, {NAN, 1, 1, 1})), std::runtime_error);
}

TEST(LinearAlgebra, RelocatedPolesKeepPhaseAndEigenvectors) {
  // Blocks: a spiral outwards (modulus 1.2), one inwards (0.8), 1.5 and -1.1 on the axis, 0.3, in a random basis.
  const auto block = [](Matrix &m, int64_t at, double radius, double angle) {
    m(at, at) = m(at + 1, at + 1) = radius * std::cos(angle);
    m(at + 1, at) = radius * std::sin(angle);
    m(at, at + 1) = -m(at + 1, at);
  };
  Matrix before(7, 7), after(7, 7);
  block(before, 0, 1.2, 0.7), block(after, 0, 0.99, 0.7);
  block(before, 2, 0.8, 2.0), block(after, 2, 0.8, 2.0);
  before(4, 4) = 1.5, after(4, 4) = 0.99;
  before(5, 5) = -1.1, after(5, 5) = -0.99;
  before(6, 6) = after(6, 6) = 0.3;
  const Matrix basis = random_matrix(7, 7, 31), inverse = least_squares(basis, identity(7));
  const auto in_basis = [&](const Matrix &m) { return multiply(multiply(basis, m), inverse); };
  EXPECT_LE(largest_difference(relocate_poles(in_basis(before)), in_basis(after)), 1e-11);
  EXPECT_EQ(relocate_poles(in_basis(after)).values, in_basis(after).values);  // stable: untouched
}

TEST(LinearAlgebra, RelocatedPolesOfDefectiveAndLargeMatricesAreInside) {
  const Matrix jordan(3, 3, {1.1, 1, 0, 0, 1.1, 1, 0, 0, 1.1});
  Matrix large = random_matrix(80, 80, 32);
  for (double &value : large.values) value *= 0.2;  // circle of radius 1.8
  for (const Matrix &m : {jordan, large}) {
    double outermost = 0, before = 0;
    for (Complex v : eigenvalues(m)) before = std::max(before, std::abs(v));
    for (Complex v : eigenvalues(relocate_poles(m))) outermost = std::max(outermost, std::abs(v));
    EXPECT_GT(before, 1);
    EXPECT_LE(outermost, 1);
    EXPECT_GE(outermost, 0.9);
  }
}

}  // namespace
}  // namespace coopnets
