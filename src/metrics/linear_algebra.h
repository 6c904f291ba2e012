// Dense linear algebra in double precision for the metrics and the rival systems: as much as they need.
// No result depends on the number of threads.
#pragma once
#include <complex>
#include <cstdint>
#include <vector>

namespace coopnets {

// Row-major.
struct Matrix {
  int64_t rows = 0, cols = 0;
  std::vector<double> values;

  Matrix() = default;
  Matrix(int64_t rows, int64_t cols);                              // zeros
  Matrix(int64_t rows, int64_t cols, std::vector<double> values);  // throws std::invalid_argument if the sizes differ

  double &operator()(int64_t i, int64_t j) { return values[i * cols + j]; }
  double operator()(int64_t i, int64_t j) const { return values[i * cols + j]; }
  double *row(int64_t i) { return values.data() + i * cols; }
  const double *row(int64_t i) const { return values.data() + i * cols; }
};

double dot(const double *x, const double *y, int64_t n);

Matrix identity(int64_t n);
Matrix transpose(const Matrix &);

// Products throw std::invalid_argument when the inner sizes differ.
Matrix multiply(const Matrix &a, const Matrix &b);       // A B
Matrix multiply_at_b(const Matrix &a, const Matrix &b);  // A^T B
Matrix multiply_a_bt(const Matrix &a, const Matrix &b);  // A B^T

// A = L L^T of a symmetric positive definite matrix, of which the lower triangle is read.
class Cholesky {
 public:
  explicit Cholesky(const Matrix &a);   // throws std::runtime_error when A is not positive definite
  double log_determinant() const;       // ln |A|
  Matrix solve(const Matrix &b) const;  // A^-1 B
  Matrix inverse() const { return solve(identity(lower_.rows)); }
  const Matrix &lower() const { return lower_; }

 private:
  Matrix lower_;
};

// A [n x n] symmetric positive semi-definite, perhaps singular: L [n x rank] with A = L L^T, by Cholesky's method with
// the largest remaining diagonal element as pivot. Throws std::runtime_error when A is clearly indefinite.
Matrix semidefinite_root(const Matrix &a);

// A = sum_i values[i] v_i v_i^T with orthonormal v_i = row i of `vectors`; values descend.
// Householder tridiagonalisation, then QL with implicit shifts (Golub & Van Loan, 8.3). Only A's upper triangle
// matters.
struct SymmetricEigen {
  std::vector<double> values;
  Matrix vectors;
};
SymmetricEigen symmetric_eigen(const Matrix &a);
std::vector<double> symmetric_eigenvalues(const Matrix &a);  // the same values in O(n^2) after the tridiagonalisation

// A = sum_i values[i] u_i v_i^T with u_i = row i of `left`, v_i = row i of `right`, values > 0 descending: the
// numerical rank decides how many there are.
struct Svd {
  std::vector<double> values;
  Matrix left, right;
};
// One-sided Jacobi: every singular value above the rounding of the largest is accurate. For hundreds of rows or
// columns.
Svd svd(const Matrix &a);
// Through the eigenvectors of A A^T, for few long rows. The squared condition number hides values below about
// 1e-7 times the largest; they are left out.
Svd svd_by_gram(const Matrix &a);

// X of least norm among those that minimise |A X - B|: the pseudo-inverse of A times B.
Matrix least_squares(const Matrix &a, const Matrix &b);

// Of a general real matrix: Hessenberg form, then QR with Wilkinson's shift in complex arithmetic. In no special order.
// Throws std::runtime_error when the iteration does not converge (a matrix with NaN).
std::vector<std::complex<double>> eigenvalues(const Matrix &a);

// A with each eigenvalue of modulus above 1 (by more than 1e-9) moved to modulus `radius`, its phase and its
// eigenvector kept. (Doretto et al., IJCV 2003, so that a synthesised video does not diverge.)
Matrix relocate_poles(const Matrix &a, double radius = 0.99);

}  // namespace coopnets
