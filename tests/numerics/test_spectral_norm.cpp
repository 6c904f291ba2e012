// Filters divided by their spectral norm: the kernels against naive loops and matrices whose singular values are known.
#include <gtest/gtest.h>

#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

// Columns of few and of many lanes, and rows of more than one part.
const Shape shapes[] = {{1, 1, 1, 1, 1},  {1, 1, 1, 1, 300}, {1, 1, 1, 300, 1},  {1, 3, 3, 5, 7},
                        {2, 3, 4, 5, 33}, {1, 5, 5, 80, 3},  {1, 1, 1, 20, 900}, {1, 3, 3, 90, 40}};

Shape vector_of(int64_t size) { return {1, 1, 1, 1, size}; }

double dot(const std::vector<real> &a, const std::vector<real> &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * double(b[i]);
  return sum;
}

// A matrix [K, C] and, on the host, its products with vectors.
struct Matrix {
  Shape shape;
  std::vector<real> w;
  explicit Matrix(const Shape &shape, unsigned seed = 1) : shape(shape), w(random_values(shape.size(), seed, 0.1)) {}
  size_t rows() const { return size_t(shape.positions()); }
  size_t columns() const { return size_t(shape.c); }

  std::vector<double> times(const std::vector<real> &u) const {
    std::vector<double> product(rows(), 0);
    for (size_t i = 0; i < w.size(); ++i) product[i / columns()] += double(w[i]) * u[i % columns()];
    return product;
  }
  std::vector<double> transposed_times(const std::vector<real> &v) const {
    std::vector<double> product(columns(), 0);
    for (size_t i = 0; i < w.size(); ++i) product[i % columns()] += double(w[i]) * v[i / columns()];
    return product;
  }
  double norm(const std::vector<real> &u, const std::vector<real> &v) const {
    double sum = 0;
    for (size_t i = 0; i < w.size(); ++i) sum += double(v[i / columns()]) * double(w[i]) * u[i % columns()];
    return sum;
  }
};

std::vector<double> unit(std::vector<double> x) {
  double squares = 0;
  for (const double e : x) squares += e * e;
  for (double &e : x) e /= std::max(std::sqrt(squares), 1e-12);
  return x;
}

std::vector<real> rounded(const std::vector<double> &x) { return std::vector<real>(x.begin(), x.end()); }

// u and v, and what the norm is, in the backend's memory.
struct Vectors {
  Guarded u, v, sigma;
  Vectors(const Matrix &m, const std::vector<real> &u, const std::vector<real> &v)
      : u(vector_of(m.shape.c), u), v(vector_of(m.shape.positions()), v), sigma(Shape{}) {}
  // Of random directions whose product with w is not small.
  explicit Vectors(const Matrix &m)
      : Vectors(m, rounded(unit(m.transposed_times(rounded(unit(m.times(random_values(m.shape.c, 2))))))),
                rounded(unit(m.times(random_values(m.shape.c, 2))))) {}
};

TEST(SpectralNorm, AnIterationMatchesTheNaiveProducts) {
  for (const Shape &shape : shapes) {
    const Matrix m(shape);
    const std::vector<real> first = random_values(shape.c, 2);
    const Guarded w(shape, m.w), u(vector_of(shape.c), first), v(vector_of(shape.positions()));
    test_backend().spectral_iteration(w, u, v);
    EXPECT_LE(relative_error(v.values(), unit(m.times(first))), tolerance) << shape.str();
    EXPECT_LE(relative_error(u.values(), unit(m.transposed_times(v.values()))), tolerance) << shape.str();
    EXPECT_EQ(w.values(), m.w);
  }
}

TEST(SpectralNorm, ForwardMatchesTheNaiveQuotient) {
  for (const Shape &shape : shapes) {
    const Matrix m(shape);
    const Vectors at(m);
    const Guarded w(shape, m.w), y(shape);
    test_backend().spectral_norm_forward(w, at.u, at.v, y, at.sigma);
    const double norm = m.norm(at.u.values(), at.v.values());
    EXPECT_LE(relative_error(at.sigma.values(), std::vector<double>{norm}), tolerance) << shape.str();
    std::vector<double> wanted(m.w.begin(), m.w.end());
    for (double &e : wanted) e /= norm;
    EXPECT_LE(relative_error(y.values(), wanted), tolerance) << shape.str();
  }
}

TEST(SpectralNorm, BackwardMatchesTheNaiveFormula) {
  for (const Shape &shape : shapes) {
    const Matrix m(shape);
    const Vectors at(m);
    const std::vector<real> g = random_values(shape.size(), 3, 0.2), u = at.u.values(), v = at.v.values();
    const double norm = m.norm(u, v), along = dot(g, m.w) / norm;
    std::vector<double> wanted;
    double largest = 0;
    for (size_t i = 0; i < g.size(); ++i) {
      const double pulled = along * v[i / m.columns()] * u[i % m.columns()];
      wanted.push_back((g[i] - pulled) / norm);
      largest = std::max({largest, std::fabs(g[i] / norm), std::fabs(pulled / norm)});
    }
    const Guarded w(shape, m.w), y(shape), dy(shape, g), dw(shape);
    test_backend().spectral_norm_forward(w, at.u, at.v, y, at.sigma);
    test_backend().spectral_norm_backward(w, dy, at.u, at.v, at.sigma, dw);
    EXPECT_LE(relative_error(dw.values(), wanted, largest), tolerance) << shape.str();
    test_backend().spectral_norm_backward(w, dy, at.u, at.v, at.sigma, dy);
    EXPECT_EQ(dy.values(), dw.values()) << shape.str() << " in place";
  }
}

// y does not change with the length of w, so w itself is at a right angle to its gradient.
TEST(SpectralNorm, TheGradientHasNoPartAlongTheFilters) {
  for (const Shape &shape : shapes) {
    const Matrix m(shape);
    const Vectors at(m);
    const std::vector<real> g = random_values(shape.size(), 3, 0.2);
    const Guarded w(shape, m.w), y(shape), dy(shape, g), dw(shape);
    test_backend().spectral_norm_forward(w, at.u, at.v, y, at.sigma);
    test_backend().spectral_norm_backward(w, dy, at.u, at.v, at.sigma, dw);
    double size = 0;  // of the terms that cancel
    for (size_t i = 0; i < g.size(); ++i) size += 2 * std::fabs(double(g[i]) * m.w[i] / at.sigma.values()[0]);
    EXPECT_NEAR(dot(dw.values(), m.w), 0, 10 * tolerance * size) << shape.str();
  }
}

// Of a diagonal matrix the norm is the largest entry, whatever its sign, and the vectors are axes.
TEST(SpectralNorm, IterationsFindTheLargestEntryOfADiagonal) {
  Matrix m({1, 1, 1, 5, 4});
  std::fill(m.w.begin(), m.w.end(), 0);
  const std::vector<real> entries = {1, real(0.5), -3, 2};
  for (size_t i = 0; i < 4; ++i) m.w[i * 4 + i] = entries[i];
  const Guarded w(m.shape, m.w), y(m.shape), u(vector_of(4), {1, 1, 1, 1}), v(vector_of(5)), sigma(Shape{});
  for (int i = 0; i < 60; ++i) test_backend().spectral_iteration(w, u, v);
  test_backend().spectral_norm_forward(w, u, v, y, sigma);
  EXPECT_LE(relative_error(sigma.values(), std::vector<double>{3}), tolerance);
  EXPECT_LE(relative_error(u.values(), std::vector<double>{0, 0, 1, 0}), tolerance);
  EXPECT_LE(relative_error(v.values(), std::vector<double>{0, 0, -1, 0, 0}), tolerance);
  std::vector<double> wanted(m.w.begin(), m.w.end());
  for (double &e : wanted) e /= 3;
  EXPECT_LE(relative_error(y.values(), wanted), tolerance);
}

// W = a b' has one singular value, |a| |b|, which one iteration finds from anywhere.
TEST(SpectralNorm, OneIterationSufficesForRankOne) {
  for (const Shape &shape : shapes) {
    Matrix m(shape);
    const std::vector<real> a = random_values(shape.positions(), 4, 0.5), b = random_values(shape.c, 5, 0.5);
    for (size_t i = 0; i < m.w.size(); ++i) m.w[i] = a[i / m.columns()] * b[i % m.columns()];
    const Guarded w(shape, m.w), y(shape), u(vector_of(shape.c), random_values(shape.c, 6, 1)),
        v(vector_of(shape.positions())), sigma(Shape{});
    test_backend().spectral_iteration(w, u, v);
    test_backend().spectral_norm_forward(w, u, v, y, sigma);
    EXPECT_LE(relative_error(sigma.values(), std::vector<double>{std::sqrt(dot(a, a) * dot(b, b))}), 4 * tolerance);
    const std::vector<double> left = unit({a.begin(), a.end()}), right = unit({b.begin(), b.end()});
    const double sign = dot(u.values(), b) > 0 ? 1 : -1;
    std::vector<double> signed_left = left, signed_right = right;
    for (double &e : signed_left) e *= sign;
    for (double &e : signed_right) e *= sign;
    EXPECT_LE(relative_error(v.values(), signed_left), 4 * tolerance) << shape.str();
    EXPECT_LE(relative_error(u.values(), signed_right), 4 * tolerance) << shape.str();
  }
}

TEST(SpectralNorm, OfZerosTheVectorsAreZero) {
  const Shape shape{1, 1, 1, 4, 3};
  const Guarded w(shape, std::vector<real>(12, 0)), u(vector_of(3), {1, 2, 3}), v(vector_of(4));
  test_backend().spectral_iteration(w, u, v);
  EXPECT_EQ(v.values(), std::vector<real>(4, 0));
  EXPECT_EQ(u.values(), std::vector<real>(3, 0));
}

TEST(SpectralNorm, NanIsNeverLost) {
  for (const Shape &shape : shapes) {
    Matrix m(shape);
    const Vectors at(m);
    std::vector<real> spoilt = m.w;
    spoilt[size_t(shape.size() / 2)] = std::numeric_limits<real>::quiet_NaN();
    const Guarded w(shape, m.w), bad(shape, spoilt), y(shape), dy(shape, spoilt), dw(shape);
    test_backend().spectral_norm_forward(bad, at.u, at.v, y, at.sigma);
    for (const real e : y.values()) ASSERT_TRUE(std::isnan(e)) << shape.str();
    test_backend().spectral_norm_forward(w, at.u, at.v, y, at.sigma);
    test_backend().spectral_norm_backward(w, dy, at.u, at.v, at.sigma, dw);
    for (const real e : dw.values()) ASSERT_TRUE(std::isnan(e)) << shape.str();
    test_backend().spectral_iteration(bad, at.u, at.v);
    for (const real e : at.u.values()) ASSERT_TRUE(std::isnan(e)) << shape.str();
    for (const real e : at.v.values()) ASSERT_TRUE(std::isnan(e)) << shape.str();
  }
}

TEST(SpectralNorm, FiltersMayBeginAnywhere) {
  const Shape shape{1, 3, 3, 5, 7};
  const Matrix m(shape);
  const std::vector<real> g = random_values(shape.size(), 3);
  std::vector<std::vector<real>> aligned;
  for (const int64_t first : {0, 1, 2, 3}) {
    const Vectors at(m);
    const Guarded w(shape, m.w, first), y(shape, unwritten(shape), first), dy(shape, g, first),
        dw(shape, unwritten(shape), first);
    test_backend().spectral_iteration(w, at.u, at.v);
    test_backend().spectral_norm_forward(w, at.u, at.v, y, at.sigma);
    test_backend().spectral_norm_backward(w, dy, at.u, at.v, at.sigma, dw);
    const std::vector<std::vector<real>> got = {y.values(), dw.values(), at.u.values(), at.v.values()};
    if (first == 0) aligned = got;
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_LE(relative_error(got[i], aligned[i]), tolerance) << i << " from element " << first;
  }
}

TEST(SpectralNorm, RefusesDisagreeingShapes) {
  Backend &backend = test_backend();
  const Matrix m({1, 1, 2, 3, 4});
  const Vectors at(m);
  const Guarded w(m.shape, m.w), y(m.shape), other({1, 1, 3, 2, 4}), four(vector_of(4)), six(vector_of(6)),
      five(vector_of(5));
  EXPECT_THROW(backend.spectral_iteration(w, five, six), std::invalid_argument);
  EXPECT_THROW(backend.spectral_iteration(w, four, five), std::invalid_argument);
  EXPECT_THROW(backend.spectral_iteration(w, six, four), std::invalid_argument);
  EXPECT_THROW(backend.spectral_norm_forward(w, five, at.v, y, at.sigma), std::invalid_argument);
  EXPECT_THROW(backend.spectral_norm_forward(w, at.u, at.v, other, at.sigma), std::invalid_argument);
  EXPECT_THROW(backend.spectral_norm_forward(w, at.u, at.v, y, four), std::invalid_argument);
  EXPECT_THROW(backend.spectral_norm_backward(w, y, at.u, five, at.sigma, y), std::invalid_argument);
  EXPECT_THROW(backend.spectral_norm_backward(w, other, at.u, at.v, at.sigma, y), std::invalid_argument);
  EXPECT_THROW(backend.spectral_norm_backward(w, y, at.u, at.v, at.sigma, other), std::invalid_argument);
  EXPECT_THROW(backend.spectral_norm_backward(w, y, at.u, at.v, six, y), std::invalid_argument);
  for (const real e : y.values()) EXPECT_TRUE(std::isnan(e)) << "nothing is computed";
}

}  // namespace
}  // namespace coopnets
