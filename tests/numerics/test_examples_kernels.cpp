// Kernels that add up an example, and those that compare examples with each other.
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

Shape one_each(const Shape &x) { return {x.n, 1, 1, 1, 1}; }
Shape one_per_pair(const Shape &x) { return {x.n, 1, 1, 1, x.n}; }

// Gradients that are sums of terms, of which the largest is the measure of their rounding.
struct Sums {
  std::vector<double> values;
  double largest_term = 0;
  explicit Sums(int64_t count) : values(count, 0) {}
  void add(int64_t i, double term) {
    values[i] += term;
    largest_term = std::max(largest_term, std::fabs(term));
  }
};

#ifdef COOPNETS_DOUBLE
// d<r, forward(x)>/dx by central differences.
std::vector<double> differences(const std::function<void(ConstView, View)> &forward, const Shape &shape,
                                const std::vector<real> &x, const Shape &y_shape, const std::vector<real> &r) {
  const real h = 1e-5;
  const Guarded y(y_shape);
  const auto projection = [&](size_t i, real by) {
    std::vector<real> moved = x;
    moved[i] += by;
    forward(Guarded(shape, moved), y);
    const std::vector<real> values = y.values();
    double sum = 0;
    for (size_t k = 0; k < r.size(); ++k) sum += r[k] * values[k];
    return sum;
  };
  std::vector<double> slopes;
  for (size_t i = 0; i < x.size(); ++i) slopes.push_back((projection(i, h) - projection(i, -h)) / (2 * h));
  return slopes;
}
#endif

// --- Sums of examples ------------------------------------------------------------------------------------------------

const Shape shapes[] = {{1, 1, 1, 1, 1},   {7, 1, 1, 1, 1},    {1, 1, 1, 1, 8193},  {3, 2, 3, 5, 7},
                        {5, 1, 61, 67, 3}, {300, 1, 1, 1, 33}, {2, 1, 1, 1, 20001}, {2049, 1, 1, 1, 5}};

TEST(Examples, SumsMatchTheNaiveOnes) {
  for (const Shape &shape : shapes) {
    const int64_t size = shape.example();
    const std::vector<real> a = random_values(shape.size(), 1, 0.2);
    const Guarded x(shape, a), y(one_each(shape));
    test_backend().sum_examples(x, y);
    const std::vector<real> got = y.values();
    ASSERT_EQ(int64_t(got.size()), shape.n);
    for (int64_t n = 0; n < shape.n; ++n) {
      double sum = 0, absolute = 0;
      for (int64_t i = 0; i < size; ++i) {
        sum += a[n * size + i];
        absolute += std::fabs(double(a[n * size + i]));
      }
      EXPECT_NEAR(got[n], sum, tolerance * absolute) << shape.str() << ' ' << n;
    }
    EXPECT_EQ(x.values(), a);
  }
}

TEST(Examples, SpreadingCopiesOneNumberToAllOfAnExample) {
  for (const Shape &shape : shapes) {
    const std::vector<real> numbers = random_values(shape.n, 1);
    std::vector<real> wanted;
    for (const real v : numbers) wanted.insert(wanted.end(), shape.example(), v);
    const Guarded y(one_each(shape), numbers), x(shape);
    test_backend().spread_examples(y, x);
    EXPECT_EQ(x.values(), wanted) << shape.str();
  }
}

// <y, sum x> = <spread y, x>, by the kernels alone.
TEST(Examples, SummingAndSpreadingAreAdjoint) {
  for (const Shape &shape : shapes) {
    const std::vector<real> a = random_values(shape.size(), 3, 1), b = random_values(shape.n, 4, 1);
    const Guarded x(shape, a), y(one_each(shape)), dy(one_each(shape), b), dx(shape);
    test_backend().sum_examples(x, y);
    test_backend().spread_examples(dy, dx);
    const std::vector<real> sums = y.values(), spread = dx.values();
    double left = 0, right = 0, size = 0;
    for (size_t i = 0; i < b.size(); ++i) left += double(b[i]) * sums[i];
    for (size_t i = 0; i < a.size(); ++i) {
      right += double(a[i]) * spread[i];
      size += std::fabs(double(a[i]) * spread[i]);
    }
    EXPECT_GT(size, 0.1);
    EXPECT_NEAR(left, right, tolerance * size) << shape.str();
  }
}

TEST(Examples, ANanSpoilsTheSumOfItsExample) {
  for (const Shape &shape : {Shape{3, 1, 1, 1, 1}, Shape{3, 1, 2, 3, 5}, Shape{3, 1, 1, 1, 9001}})
    for (const int64_t where : {int64_t{0}, shape.example() / 2, shape.example() - 1}) {
      std::vector<real> a = random_values(shape.size(), 1);
      a[shape.example() + where] = std::numeric_limits<real>::quiet_NaN();
      const Guarded x(shape, a), y(one_each(shape));
      test_backend().sum_examples(x, y);
      const std::vector<real> got = y.values();
      for (size_t n = 0; n < got.size(); ++n) EXPECT_EQ(std::isnan(got[n]), n == 1) << shape.str() << ' ' << where;
    }
}

// --- Cosines ---------------------------------------------------------------------------------------------------------

const Shape compared[] = {{1, 1, 1, 1, 1},   {1, 1, 3, 4, 5},    {2, 1, 1, 1, 7},   {5, 1, 3, 5, 3},
                          {3, 1, 37, 41, 5}, {2, 1, 1, 1, 8193}, {33, 1, 1, 1, 19}, {40, 2, 1, 3, 1}};

// Never taken as less than 1e-12.
std::vector<double> lengths(const Shape &shape, const std::vector<real> &x) {
  std::vector<double> result;
  for (int64_t n = 0; n < shape.n; ++n) {
    double sum = 0;
    for (int64_t k = 0; k < shape.example(); ++k) sum += std::pow(double(x[n * shape.example() + k]), 2);
    result.push_back(std::max(std::sqrt(sum), 1e-12));
  }
  return result;
}

std::vector<double> naive_cosines(const Shape &shape, const std::vector<real> &x) {
  const int64_t size = shape.example();
  const std::vector<double> length = lengths(shape, x);
  std::vector<double> y;
  for (int64_t i = 0; i < shape.n; ++i)
    for (int64_t j = 0; j < shape.n; ++j) {
      double product = 0;
      for (int64_t k = 0; k < size; ++k) product += double(x[i * size + k]) * x[j * size + k];
      y.push_back(product / (length[i] * length[j]));
    }
  return y;
}

// Of example i alone: sum_j (dy[i,j] + dy[j,i]) (x_j / |x_j| - y[i,j] x_i / |x_i|) / |x_i|.
Sums naive_cosines_gradient(const Shape &shape, const std::vector<real> &x, const std::vector<real> &y,
                            const std::vector<real> &dy, int64_t i) {
  const int64_t size = shape.example();
  const std::vector<double> length = lengths(shape, x);
  Sums dx(size);
  for (int64_t j = 0; j < shape.n; ++j) {
    const double weight = (double(dy[i * shape.n + j]) + dy[j * shape.n + i]) / length[i];
    for (int64_t k = 0; k < size; ++k) {
      dx.add(k, weight * x[j * size + k] / length[j]);
      dx.add(k, -weight * y[i * shape.n + j] * x[i * size + k] / length[i]);
    }
  }
  return dx;
}

void expect_cosines_gradient(const Shape &shape, const std::vector<real> &x, const std::vector<real> &y,
                             const std::vector<real> &dy, const std::vector<real> &got) {
  const int64_t size = shape.example();
  ASSERT_EQ(int64_t(got.size()), shape.size());
  for (int64_t i = 0; i < shape.n; ++i) {
    const Sums wanted = naive_cosines_gradient(shape, x, y, dy, i);
    const std::vector<real> of_example(got.begin() + i * size, got.begin() + (i + 1) * size);
    EXPECT_LE(relative_error(of_example, wanted.values, wanted.largest_term), tolerance) << shape.str() << ' ' << i;
  }
}

TEST(Examples, CosinesMatchTheirFormula) {
  for (const Shape &shape : compared)
    for (const double mean : {0., 0.5}) {
      const std::vector<real> a = random_values(shape.size(), 1, mean), g = random_values(shape.n * shape.n, 2);
      const Guarded x(shape, a), y(one_per_pair(shape)), dy(one_per_pair(shape), g), dx(shape);
      test_backend().cosines_forward(x, y);
      const std::vector<real> got = y.values();
      EXPECT_LE(relative_error(got, naive_cosines(shape, a)), tolerance) << shape.str();
      for (int64_t i = 0; i < shape.n; ++i)
        EXPECT_NEAR(got[i * (shape.n + 1)], 1, tolerance) << shape.str() << ' ' << i;
      test_backend().cosines_backward(x, y, dy, dx);
      expect_cosines_gradient(shape, a, got, g, dx.values());
      EXPECT_EQ(x.values(), a);
      EXPECT_EQ(y.values(), got);
      EXPECT_EQ(dy.values(), g);
    }
}

TEST(Examples, CosinesOfKnownAngles) {
  const Shape shape = {4, 1, 1, 1, 2};
  const Guarded x(shape, {3, 0, 5, 5, 0, real(-0.5), -7, 0}), y(one_per_pair(shape));
  test_backend().cosines_forward(x, y);
  const double half = std::sqrt(0.5);
  EXPECT_LE(relative_error(y.values(),
                           std::vector<double>{1, half, 0, -1, half, 1, -half, -half, 0, -half, 1, 0, -1, -half, 0, 1}),
            tolerance);
}

// The cosine of nothing with anything is 0, and its gradient is as large as the least length lets it be.
TEST(Examples, CosinesOfAZeroExampleAreFinite) {
  for (const Shape &shape : {Shape{1, 1, 1, 1, 6}, Shape{4, 1, 2, 3, 5}, Shape{35, 1, 1, 1, 9}}) {
    std::vector<real> a = random_values(shape.size(), 1);
    const int64_t zero = shape.n / 2;
    std::fill_n(a.begin() + zero * shape.example(), shape.example(), real(0));
    const std::vector<real> g = random_values(shape.n * shape.n, 2);
    const Guarded x(shape, a), y(one_per_pair(shape)), dy(one_per_pair(shape), g), dx(shape);
    test_backend().cosines_forward(x, y);
    const std::vector<real> got = y.values();
    EXPECT_LE(relative_error(got, naive_cosines(shape, a)), tolerance) << shape.str();
    for (int64_t j = 0; j < shape.n; ++j) {
      EXPECT_EQ(got[zero * shape.n + j], 0) << shape.str() << ' ' << j;
      EXPECT_EQ(got[j * shape.n + zero], 0) << shape.str() << ' ' << j;
    }
    test_backend().cosines_backward(x, y, dy, dx);
    for (const real v : dx.values()) EXPECT_TRUE(std::isfinite(v));
    expect_cosines_gradient(shape, a, got, g, dx.values());
  }
}

#ifdef COOPNETS_DOUBLE
TEST(Examples, CosinesGradientEqualsCentralDifferences) {
  for (const Shape &shape : {Shape{2, 1, 1, 1, 2}, Shape{5, 1, 2, 3, 2}, Shape{17, 1, 1, 1, 5}}) {
    const std::vector<real> a = random_values(shape.size(), 1), r = random_values(shape.n * shape.n, 2);
    const Guarded x(shape, a), y(one_per_pair(shape)), dy(one_per_pair(shape), r), dx(shape);
    test_backend().cosines_forward(x, y);
    test_backend().cosines_backward(x, y, dy, dx);
    const auto forward = [](ConstView from, View to) { test_backend().cosines_forward(from, to); };
    EXPECT_LE(relative_error(dx.values(), differences(forward, shape, a, one_per_pair(shape), r)), 1e-7) << shape.str();
  }
}
#endif

// --- Closeness -------------------------------------------------------------------------------------------------------

struct Features {
  int64_t n, b, k;  // examples, features, numbers of a feature
  Shape x() const { return {n, 1, 1, 1, b * k}; }
  Shape y() const { return {n, 1, 1, 1, b}; }
};

const Features several[] = {{1, 3, 2}, {2, 1, 1}, {5, 3, 4}, {9, 1, 300}, {4, 37, 1}, {17, 100, 5}, {70, 13, 3}};

std::ostream &operator<<(std::ostream &out, const Features &f) {
  return out << f.n << " examples, " << f.b << " x " << f.k;
}

// e^-d(i,j,b).
double naive_closeness(const Features &f, const std::vector<real> &x, int64_t i, int64_t j, int64_t b) {
  double distance = 0;
  for (int64_t k = b * f.k; k < (b + 1) * f.k; ++k)
    distance += std::fabs(double(x[i * f.b * f.k + k]) - x[j * f.b * f.k + k]);
  return std::exp(-distance);
}

std::vector<double> naive_closeness(const Features &f, const std::vector<real> &x) {
  std::vector<double> y(f.n * f.b, 0);
  for (int64_t i = 0; i < f.n; ++i)
    for (int64_t b = 0; b < f.b; ++b)
      for (int64_t j = 0; j < f.n; ++j)
        if (j != i) y[i * f.b + b] += naive_closeness(f, x, i, j, b);
  return y;
}

Sums naive_closeness_gradient(const Features &f, const std::vector<real> &x, const std::vector<real> &dy) {
  Sums dx(f.x().size());
  for (int64_t i = 0; i < f.n; ++i)
    for (int64_t b = 0; b < f.b; ++b)
      for (int64_t j = 0; j < f.n; ++j) {
        const double weight = (double(dy[i * f.b + b]) + dy[j * f.b + b]) * naive_closeness(f, x, i, j, b);
        for (int64_t k = b * f.k; k < (b + 1) * f.k; ++k) {
          const real mine = x[i * f.b * f.k + k], other = x[j * f.b * f.k + k];
          dx.add(i * f.b * f.k + k, mine > other ? -weight : mine < other ? weight : 0);
        }
      }
  return dx;
}

// Distances of about 3, whatever the numbers of a feature.
std::vector<real> random_features(const Features &f) { return random_values(f.x().size(), 1, 0.5, 3. / double(f.k)); }

TEST(Examples, ClosenessMatchesItsFormula) {
  for (const Features &f : several) {
    const std::vector<real> a = random_features(f), g = random_values(f.y().size(), 2);
    const Guarded x(f.x(), a), y(f.y()), dy(f.y(), g), dx(f.x());
    test_backend().closeness_forward(x, y);
    EXPECT_LE(relative_error(y.values(), naive_closeness(f, a)), tolerance) << f;
    test_backend().closeness_backward(x, dy, dx);
    const Sums gradient = naive_closeness_gradient(f, a, g);
    EXPECT_LE(relative_error(dx.values(), gradient.values, gradient.largest_term), tolerance) << f;
    EXPECT_EQ(x.values(), a);
    EXPECT_EQ(dy.values(), g);
  }
}

TEST(Examples, ASingleExampleIsCloseToNone) {
  const Features f = {1, 4, 3};
  const Guarded x(f.x(), random_features(f)), y(f.y()), dy(f.y(), random_values(4, 2)), dx(f.x());
  test_backend().closeness_forward(x, y);
  EXPECT_EQ(y.values(), std::vector<real>(4, 0));
  test_backend().closeness_backward(x, dy, dx);
  EXPECT_EQ(dx.values(), std::vector<real>(12, 0));
}

// Of five examples three are equal, and the other two far from all: e^0 for each of the other two, and nothing pulls.
TEST(Examples, EqualExamplesAreCloseAndFarOnesAreNot) {
  const Features f = {5, 2, 3};
  std::vector<real> a(f.x().size(), real(0.3));
  std::fill_n(a.begin() + 6, 6, real(1000));
  std::fill_n(a.begin() + 24, 6, real(-1000));
  const Guarded x(f.x(), a), y(f.y()), dy(f.y(), std::vector<real>(10, 1)), dx(f.x());
  test_backend().closeness_forward(x, y);
  const std::vector<real> got = y.values();
  ASSERT_EQ(got.size(), 10u);
  for (size_t i = 0; i < 10; ++i) EXPECT_NEAR(got[i], i / 2 == 1 || i / 2 == 4 ? 0 : 2, 1e-36) << i;
  test_backend().closeness_backward(x, dy, dx);
  const std::vector<real> gradient = dx.values();
  ASSERT_EQ(gradient.size(), a.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(gradient[i], 0, 1e-36) << i;
}

#ifdef COOPNETS_DOUBLE
TEST(Examples, ClosenessGradientEqualsCentralDifferences) {
  for (const Features &f : {Features{2, 1, 1}, Features{5, 3, 4}, Features{9, 2, 1}}) {
    const std::vector<real> a = random_features(f), r = random_values(f.y().size(), 2);
    const Guarded x(f.x(), a), dy(f.y(), r), dx(f.x());
    test_backend().closeness_backward(x, dy, dx);
    const auto forward = [](ConstView from, View to) { test_backend().closeness_forward(from, to); };
    EXPECT_LE(relative_error(dx.values(), differences(forward, f.x(), a, f.y(), r)), 1e-7) << f;
  }
}
#endif

// --- All -------------------------------------------------------------------------------------------------------------

// Kernels that take several elements at once hold for tensors that begin anywhere.
TEST(Examples, TensorsMayBeginAnywhere) {
  Backend &backend = test_backend();
  for (const int64_t size : {3, 4, 8, 260})
    for (const int64_t first : {1, 2, 3}) {
      const Features f = {6, size, 2};
      const Shape shape = f.x();
      const std::vector<real> a = random_features(f), g = random_values(36, 2);
      std::vector<std::vector<real>> results[2];
      for (const int64_t at : {int64_t{0}, first}) {
        const auto output = [at](const Shape &of) { return Guarded(of, unwritten(of), at); };
        const Guarded x(shape, a, at), dy(one_per_pair(shape), g, at),
            sums = output(one_each(shape)), spread = output(shape), y = output(one_per_pair(shape)), dx = output(shape),
            near = output(f.y()), d_near = output(shape);
        backend.sum_examples(x, sums);
        backend.spread_examples(sums, spread);
        backend.cosines_forward(x, y);
        backend.cosines_backward(x, y, dy, dx);
        backend.closeness_forward(x, near);
        backend.closeness_backward(x, near, d_near);
        results[at != 0] = {sums.values(), spread.values(), y.values(), dx.values(), near.values(), d_near.values()};
      }
      for (size_t i = 0; i < 6; ++i)
        EXPECT_LE(relative_error(results[1][i], results[0][i], 1), tolerance) << i << ", from element " << first;
    }
}

TEST(Examples, RefuseDisagreeingShapes) {
  Backend &backend = test_backend();
  const Guarded x({3, 1, 2, 1, 4}), one({3, 1, 1, 1, 1}), two({2, 1, 1, 1, 1}), pairs({3, 1, 1, 1, 3}),
      row({1, 1, 1, 1, 9}), column({3, 1, 3, 1, 1}), other({3, 1, 1, 1, 8});
  for (const Guarded *y : {&two, &pairs, &row, &column}) {
    EXPECT_THROW(backend.sum_examples(x, *y), std::invalid_argument);
    EXPECT_THROW(backend.spread_examples(*y, x), std::invalid_argument);
  }
  for (const Guarded *y : {&one, &two, &row, &column, &x}) {
    EXPECT_THROW(backend.cosines_forward(x, *y), std::invalid_argument);
    EXPECT_THROW(backend.cosines_backward(x, *y, pairs, x), std::invalid_argument);
    EXPECT_THROW(backend.cosines_backward(x, pairs, *y, x), std::invalid_argument);
  }
  EXPECT_THROW(backend.cosines_backward(x, pairs, pairs, other), std::invalid_argument);

  // x [3,1,1,1,8] goes with [3,1,1,1,1], 2, 4 or 8.
  const Guarded four({3, 1, 1, 1, 4}), few({2, 1, 1, 1, 4}), rows({3, 1, 2, 1, 2}), same({3, 1, 1, 1, 8}),
      folded({3, 1, 2, 1, 4});
  for (const Guarded *y : {&pairs, &few, &rows}) {
    EXPECT_THROW(backend.closeness_forward(other, *y), std::invalid_argument);
    EXPECT_THROW(backend.closeness_backward(other, *y, same), std::invalid_argument);
  }
  EXPECT_THROW(backend.closeness_forward(x, four), std::invalid_argument);
  EXPECT_THROW(backend.closeness_backward(x, four, folded), std::invalid_argument);
  EXPECT_THROW(backend.closeness_backward(other, four, x), std::invalid_argument);
  EXPECT_THROW(backend.closeness_backward(other, four, four), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
