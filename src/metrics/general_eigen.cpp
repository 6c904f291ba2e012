// Eigenvalues of a general real matrix through its complex Schur form A = P^H T P, T upper triangular, P unitary.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "metrics/linear_algebra.h"

namespace coopnets {
namespace {

using Complex = std::complex<double>;

struct ComplexMatrix {
  int64_t n;
  std::vector<Complex> values;
  explicit ComplexMatrix(int64_t size) : n(size), values(size * size) {}
  Complex &operator()(int64_t i, int64_t j) { return values[i * n + j]; }
  Complex operator()(int64_t i, int64_t j) const { return values[i * n + j]; }
};

struct Schur {
  ComplexMatrix t, p;
};

// A product without the detour for infinities that std::complex takes.
inline Complex times(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// A = Q H Q^T with zeros below the subdiagonal of H (Householder).
void hessenberg(Matrix &h, Matrix &q_transposed) {
  const int64_t n = h.rows;
  q_transposed = identity(n);
  std::vector<double> v(n), u(n);
  for (int64_t k = 0; k + 2 < n; ++k) {
    double tail = 0;
    for (int64_t i = k + 2; i < n; ++i) tail += h(i, k) * h(i, k);
    if (tail == 0) continue;
    const double norm = std::sqrt(h(k + 1, k) * h(k + 1, k) + tail);
    const double first = h(k + 1, k) > 0 ? -norm : norm;
    for (int64_t i = k + 1; i < n; ++i) v[i] = h(i, k);
    v[k + 1] -= first;
    const double scale = 2 / (v[k + 1] * v[k + 1] + tail);
    const auto from_the_left = [&](Matrix &m) {
      std::fill(u.begin(), u.end(), 0.0);
      for (int64_t i = k + 1; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) u[j] += v[i] * m(i, j);
      for (int64_t i = k + 1; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) m(i, j) -= scale * v[i] * u[j];
    };
    from_the_left(h);
    from_the_left(q_transposed);
    for (int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (int64_t j = k + 1; j < n; ++j) sum += h(i, j) * v[j];
      for (int64_t j = k + 1; j < n; ++j) h(i, j) -= scale * sum * v[j];
    }
    for (int64_t i = k + 2; i < n; ++i) h(i, k) = 0;
  }
}

// The eigenvalue of [a b; c d] nearer to d (Wilkinson).
Complex wilkinson_shift(Complex a, Complex b, Complex c, Complex d) {
  const Complex half = (a - d) / 2.0, root = std::sqrt(half * half + b * c);
  const Complex low = d + half - root, high = d + half + root;
  return std::abs(low - d) < std::abs(high - d) ? low : high;
}

Schur schur(const Matrix &a) {
  if (a.rows != a.cols) throw std::invalid_argument("eigenvalues need a square matrix");
  const int64_t n = a.rows;
  Matrix real_h = a, real_p;
  hessenberg(real_h, real_p);
  Schur s{ComplexMatrix(n), ComplexMatrix(n)};
  std::copy(real_h.values.begin(), real_h.values.end(), s.t.values.begin());
  std::copy(real_p.values.begin(), real_p.values.end(), s.p.values.begin());
  ComplexMatrix &t = s.t;

  // Rows i, i+1 of m times the unitary [conj c, conj s; -s, c], columns from `from` on.
  const auto rotate_rows = [n](ComplexMatrix &m, int64_t i, int64_t from, Complex c, Complex sine) {
    for (int64_t j = from; j < n; ++j) {
      const Complex x = m(i, j), y = m(i + 1, j);
      m(i, j) = times(std::conj(c), x) + times(std::conj(sine), y);
      m(i + 1, j) = times(c, y) - times(sine, x);
    }
  };
  const double norm = std::sqrt(dot(a.values.data(), a.values.data(), n * n));
  const auto negligible = [&](int64_t i) {  // t(i, i - 1); NaN is not
    const double around = std::abs(t(i, i)) + std::abs(t(i - 1, i - 1));
    return std::abs(t(i, i - 1)) <= 2.3e-16 * (around > 0 ? around : norm);
  };
  std::vector<Complex> cosines(n), sines(n);
  int iteration = 0;
  for (int64_t last = n - 1; last > 0;) {
    int64_t first = last;  // the active block is first..last
    while (first > 0 && !negligible(first)) --first;
    if (first > 0) t(first, first - 1) = 0;
    if (first == last) {
      --last;
      iteration = 0;
      continue;
    }
    if (++iteration > 200) throw std::runtime_error("the eigenvalues of a matrix did not converge (is there a NaN?)");
    Complex shift = wilkinson_shift(t(last - 1, last - 1), t(last - 1, last), t(last, last - 1), t(last, last));
    if (iteration % 10 == 0) shift += std::abs(t(last, last - 1));  // breaks a cycle
    // One QR step, T - shift = Q R, T <- R Q + shift; the rotations from the right follow two behind.
    for (int64_t k = first; k <= last; ++k) t(k, k) -= shift;
    for (int64_t k = first; k < last; ++k) {
      const double r = std::hypot(std::abs(t(k, k)), std::abs(t(k + 1, k)));
      cosines[k] = r > 0 ? t(k, k) / r : 1;
      sines[k] = r > 0 ? t(k + 1, k) / r : 0;
      rotate_rows(t, k, k, cosines[k], sines[k]);
      rotate_rows(s.p, k, 0, cosines[k], sines[k]);
    }
    for (int64_t i = 0; i <= last; ++i)
      for (int64_t k = std::max(first, i - 1); k < last; ++k) {
        const Complex x = t(i, k), y = t(i, k + 1);
        t(i, k) = times(x, cosines[k]) + times(y, sines[k]);
        t(i, k + 1) = times(y, std::conj(cosines[k])) - times(x, std::conj(sines[k]));
      }
    for (int64_t k = first; k <= last; ++k) t(k, k) += shift;
  }
  return s;
}

}  // namespace

std::vector<Complex> eigenvalues(const Matrix &a) {
  const Schur s = schur(a);
  std::vector<Complex> values(a.rows);
  for (int64_t i = 0; i < a.rows; ++i) values[i] = s.t(i, i);
  return values;
}

// Keeping the eigenvectors and changing the eigenvalues is a function of the matrix, F = P^H f(T) P. f(T) is triangular
// with diagonal f(t_ii) and commutes with T, which gives its other elements one diagonal after another (Parlett 1976).
// So the poles are right even where the eigenvectors are nearly parallel and V f(D) V^-1 would lose all digits.
Matrix relocate_poles(const Matrix &a, double radius) {
  const Schur s = schur(a);
  const int64_t n = a.rows;
  constexpr double outside = 1 + 1e-9;  // rounding alone moves no pole
  ComplexMatrix f(n);
  double largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double modulus = std::abs(s.t(i, i));
    largest = std::max(largest, modulus);
    f(i, i) = modulus > outside ? s.t(i, i) * (radius / modulus) : s.t(i, i);
  }
  if (!(largest > outside)) return a;
  for (int64_t d = 1; d < n; ++d)
    for (int64_t i = 0; i + d < n; ++i) {
      const int64_t j = i + d;
      const Complex gap = s.t(i, i) - s.t(j, j);
      if (std::abs(gap) <= 1e-12 * largest) {  // a repeated pole: its whole block is scaled alike
        f(i, j) = s.t(i, i) == 0.0 ? s.t(i, j) : s.t(i, j) * f(i, i) / s.t(i, i);
        continue;
      }
      Complex sum = s.t(i, j) * (f(i, i) - f(j, j));
      for (int64_t k = i + 1; k < j; ++k) sum += times(f(i, k), s.t(k, j)) - times(s.t(i, k), f(k, j));
      f(i, j) = sum / gap;
    }
  // Re(P^H F P)
  ComplexMatrix fp(n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = i; k < n; ++k)
      for (int64_t j = 0; j < n; ++j) fp(i, j) += times(f(i, k), s.p(k, j));
  Matrix result(n, n);
  for (int64_t k = 0; k < n; ++k)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) result(i, j) += times(std::conj(s.p(k, i)), fp(k, j)).real();
  // Where rounding in a nearly defective matrix still leaves a pole outside, all poles are shrunk alike.
  double outermost = 0;
  for (Complex value : eigenvalues(result)) outermost = std::max(outermost, std::abs(value));
  if (!(outermost <= outside)) {
    result = a;
    for (double &value : result.values) value *= radius / largest;
  }
  return result;
}

}  // namespace coopnets
