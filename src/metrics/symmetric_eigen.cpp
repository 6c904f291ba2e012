// A = Q T Q^T with T tridiagonal (Householder), then T = Z diag Z^T (QL with implicit shifts).
#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "tensor/parallel.h"

#include "metrics/linear_algebra.h"

namespace coopnets {
namespace {

struct Tridiagonal {
  std::vector<double> diagonal, beside;  // beside[k] couples k and k+1; its last element is 0
  std::vector<double> scale;             // reflection k is I - scale[k] v v^T, v = row k of the reduced matrix from k+1
};

// v and scale such that (I - scale v v^T) x = (first, 0, ..., 0); x becomes v. Returns `first`.
double reflect(double *x, int64_t n, double &scale) {
  const double tail = n > 1 ? dot(x + 1, x + 1, n - 1) : 0;
  scale = 0;
  if (tail == 0) return x[0];
  const double norm = std::sqrt(x[0] * x[0] + tail), first = x[0] > 0 ? -norm : norm;
  x[0] -= first;  // no cancellation: the signs differ
  scale = 2 / (x[0] * x[0] + tail);
  return first;
}

// Step k: the reflection H_k of row k; the trailing block becomes H A H = A - v w^T - w v^T with p = scale A v and
// w = p - (scale/2)(p.v) v. The pass over memory that applies this of step k - 1 also forms A v of step k.
Tridiagonal tridiagonalise(Matrix &a) {
  const int64_t n = a.rows;
  Tridiagonal t{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n)};
  std::vector<double> w(n), p(n);  // w belongs to the step before
  const auto update_row = [&](int64_t k, int64_t i, int64_t from) {
    if (k == 0 || t.scale[k - 1] == 0) return;
    const double *v = a.row(k - 1);
    double *row = a.row(i);
    const double vi = v[i], wi = w[i];
    for (int64_t j = from; j < n; ++j) row[j] -= vi * w[j] + wi * v[j];
  };
  for (int64_t k = 0; k < n; ++k) {
    update_row(k, k, k);
    t.diagonal[k] = a(k, k);
    if (k + 1 == n) break;
    double *v = a.row(k);
    t.beside[k] = reflect(v + k + 1, n - k - 1, t.scale[k]);
    const auto reflect_row = [&](int64_t row) {
      const int64_t i = k + 1 + row;
      update_row(k, i, k + 1);
      p[i] = t.scale[k] * dot(a.row(i) + k + 1, v + k + 1, n - k - 1);
    };
    parallel_for(n - k - 1, reflect_row, wake_if((n - k) * (n - k) > 1 << 15));
    const double half = t.scale[k] / 2 * dot(p.data() + k + 1, v + k + 1, n - k - 1);
    for (int64_t i = k + 1; i < n; ++i) w[i] = p[i] - half * v[i];
  }
  return t;
}

// Q = H_0 H_1 ... from the reflections kept in the rows of `reduced`.
Matrix accumulate(const Matrix &reduced, const Tridiagonal &t) {
  const int64_t n = reduced.rows;
  Matrix q = identity(n);
  std::vector<double> u(n);
  for (int64_t k = n - 3; k >= 0; --k) {
    if (t.scale[k] == 0) continue;
    const double *v = reduced.row(k);
    std::fill(u.begin(), u.end(), 0.0);
    for (int64_t i = k + 1; i < n; ++i)
      for (int64_t j = k + 1; j < n; ++j) u[j] += v[i] * q(i, j);
    for (int64_t i = k + 1; i < n; ++i)
      for (int64_t j = k + 1; j < n; ++j) q(i, j) -= t.scale[k] * v[i] * u[j];
  }
  return q;
}

// Diagonalises T in place; `rotate(i, c, s)` is told of each rotation of the vectors i and i + 1.
template <typename Rotate>
void implicit_ql(Tridiagonal &t, Rotate rotate) {
  std::vector<double> &d = t.diagonal, &e = t.beside;
  const int64_t n = int64_t(d.size());
  for (int64_t l = 0; l < n; ++l) {
    for (int iteration = 0;; ++iteration) {
      int64_t m = l;
      while (m + 1 < n && !(std::abs(e[m]) <= 1.2e-16 * (std::abs(d[m]) + std::abs(d[m + 1])))) ++m;
      if (m == l) break;
      if (iteration == 60)
        throw std::runtime_error("the eigenvalues of a symmetric matrix did not converge (is there a NaN?)");
      // Wilkinson's shift from the upper 2 x 2 block, carried in the difference g = d[m] - shift.
      const double half = (d[l + 1] - d[l]) / (2 * e[l]), root = std::hypot(half, 1.0);
      double g = d[m] - d[l] + e[l] / (half + (half < 0 ? -root : root));
      double s = 1, c = 1, p = 0;
      int64_t i = m - 1;
      for (; i >= l; --i) {
        const double f = s * e[i], b = c * e[i];
        const double r = std::hypot(f, g);
        e[i + 1] = r;
        if (r == 0) {  // the matrix has split
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        const double turn = (d[i] - g) * s + 2 * c * b;
        p = s * turn;
        d[i + 1] = g + p;
        g = c * turn - b;
        rotate(i, c, s);
      }
      if (i >= l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
}

Matrix full_from_upper(const Matrix &a) {
  if (a.rows != a.cols) throw std::invalid_argument("eigenvalues need a square matrix");
  Matrix full = a;
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j < i; ++j) full(i, j) = a(j, i);
  return full;
}

}  // namespace

std::vector<double> symmetric_eigenvalues(const Matrix &a) {
  Matrix reduced = full_from_upper(a);
  Tridiagonal t = tridiagonalise(reduced);
  implicit_ql(t, [](int64_t, double, double) {});
  std::sort(t.diagonal.begin(), t.diagonal.end(), [](double x, double y) { return x > y; });
  return t.diagonal;
}

SymmetricEigen symmetric_eigen(const Matrix &a) {
  const int64_t n = a.rows;
  Matrix reduced = full_from_upper(a);
  Tridiagonal t = tridiagonalise(reduced);
  Matrix vectors = transpose(accumulate(reduced, t));  // rows, so that a rotation streams through memory
  implicit_ql(t, [&](int64_t i, double c, double s) {
    double *x = vectors.row(i), *y = vectors.row(i + 1);
    for (int64_t k = 0; k < n; ++k) {
      const double f = y[k];
      y[k] = s * x[k] + c * f;
      x[k] = c * x[k] - s * f;
    }
  });
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return t.diagonal[i] > t.diagonal[j]; });
  SymmetricEigen result{std::vector<double>(n), Matrix(n, n)};
  for (int64_t i = 0; i < n; ++i) {
    result.values[i] = t.diagonal[order[i]];
    std::copy_n(vectors.row(order[i]), n, result.vectors.row(i));
  }
  return result;
}

}  // namespace coopnets
