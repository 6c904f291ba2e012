#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

const double unit = std::numeric_limits<real>::epsilon();

const Shape shapes[] = {{1, 1, 1, 1, 1}, {2, 1, 3, 5, 3}, {5, 1, 1, 1, 17}, {1, 1, 1, 1, 8193}, {3, 1, 37, 41, 5}};

double activate(const Activation &a, double v) {
  switch (a.kind) {
    case Activation::none:
      return v;
    case Activation::leaky_relu:
      return v > 0 ? v : a.slope * v;
    case Activation::tanh:
      return std::tanh(v);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-v));
    case Activation::softplus:
      return std::max(v, 0.) + std::log1p(std::exp(-std::fabs(v)));
  }
  return v;
}

double derivative(const Activation &a, double y) {
  switch (a.kind) {
    case Activation::none:
      return 1;
    case Activation::leaky_relu:
      return y > 0 ? 1 : a.slope;
    case Activation::tanh:
      return 1 - y * y;
    case Activation::sigmoid:
      return y * (1 - y);
    case Activation::softplus:
      return -std::expm1(-y);
  }
  return 1;
}

const Activation activations[] = {
    {Activation::none, 0}, {Activation::leaky_relu, 0}, {Activation::leaky_relu, real(0.2)},
    {Activation::tanh, 0}, {Activation::sigmoid, 0},    {Activation::softplus, 0}};

TEST(Pointwise, Fills) {
  for (const Shape &shape : shapes) {
    const Guarded x(shape);
    test_backend().fill(x, real(2.5));
    EXPECT_EQ(x.values(), std::vector<real>(shape.size(), real(2.5)));
  }
}

TEST(Pointwise, ClearsBorders) {
  for (const Shape &shape : {Shape{2, 1, 5, 7, 3}, Shape{1, 2, 4, 4, 1}, Shape{1, 1, 3, 9, 2}, Shape{1, 1, 1, 1, 4}})
    for (const int64_t border : {0, 1, 2, 3}) {
      const std::vector<real> before = random_values(shape.size(), 4);
      const Guarded x(shape, before);
      test_backend().clear_border(x, border);
      const std::vector<real> got = x.values();
      const auto inside = [border](int64_t i, int64_t side) { return i >= border && i + border < side; };
      for (int64_t i = 0; i < shape.size(); ++i) {
        const int64_t w = i / shape.c % shape.w, h = i / (shape.c * shape.w) % shape.h;
        ASSERT_EQ(got[i], inside(h, shape.h) && inside(w, shape.w) ? before[i] : 0) << shape.str() << ' ' << i;
      }
    }
}

TEST(Pointwise, CopiesAddsAndSubtracts) {
  Backend &backend = test_backend();
  for (const Shape &shape : shapes) {
    const std::vector<real> a = random_values(shape.size(), 1), b = random_values(shape.size(), 2);
    std::vector<double> sum(a.size()), difference(a.size());
    for (size_t i = 0; i < a.size(); ++i) {
      sum[i] = double(a[i]) + b[i];
      difference[i] = -0.75 * (double(a[i]) - b[i]);
    }
    const Guarded x(shape, a), y(shape), z(shape, b), d(shape);
    backend.copy(x, y);
    EXPECT_EQ(y.values(), a);
    backend.difference(real(-0.75), x, z, d);
    EXPECT_LE(relative_error(d.values(), difference), tolerance);
    backend.difference(real(-0.75), y, z, y);  // in place of either
    EXPECT_EQ(y.values(), d.values());
    backend.copy(z, y);
    backend.difference(real(-0.75), x, y, y);
    EXPECT_EQ(y.values(), d.values());
    backend.add(x, z);
    EXPECT_LE(relative_error(z.values(), sum), tolerance);
    EXPECT_EQ(x.values(), a);
  }
}

TEST(Pointwise, GathersAndScattersExamples) {
  Backend &backend = test_backend();
  const std::vector<int64_t> chosen = {4, 0, 4, 2, 4};
  Memory index(backend, chosen.size() * sizeof(int64_t));
  backend.upload(chosen.data(), index.data(), chosen.size() * sizeof(int64_t));
  const auto *const at = static_cast<const int64_t *>(index.data());
  for (const Shape &shape : {Shape{6, 1, 1, 1, 1}, Shape{6, 1, 2, 1, 100}, Shape{6, 1, 1, 1, 301}}) {
    const int64_t size = shape.example();
    const std::vector<real> a = random_values(shape.size(), 1), b = random_values(5 * size, 2);
    std::vector<real> gathered, scattered = a;
    for (size_t i = 0; i < chosen.size(); ++i) {
      gathered.insert(gathered.end(), a.begin() + chosen[i] * size, a.begin() + (chosen[i] + 1) * size);
      std::copy_n(b.begin() + int64_t(i) * size, size, scattered.begin() + chosen[i] * size);
    }
    const Guarded table(shape, a), y(shape.with_n(5)), x(shape.with_n(5), b);
    backend.gather(table, at, y);
    EXPECT_EQ(y.values(), gathered);
    backend.scatter(x, at, table);
    EXPECT_EQ(table.values(), scattered);
    EXPECT_THROW(backend.gather(table, at, Guarded({5, 1, 1, 1, 7})), std::invalid_argument);
    EXPECT_THROW(backend.scatter(Guarded({5, 1, 1, 1, 7}), at, table), std::invalid_argument);
  }
}

TEST(Pointwise, ActivatesAndDifferentiates) {
  Backend &backend = test_backend();
  for (const Activation &activation : activations)
    for (const Shape &shape : shapes) {
      const std::vector<real> a = random_values(shape.size(), 1, 0, 2), g = random_values(shape.size(), 2);
      std::vector<double> wanted(a.size());
      for (size_t i = 0; i < a.size(); ++i) wanted[i] = activate(activation, a[i]);
      const Guarded x(shape, a), y(shape), dy(shape, g);
      backend.activation_forward(x, activation, y);
      const std::vector<real> got = y.values();
      EXPECT_LE(relative_error(got, wanted), tolerance) << activation.kind;
      backend.activation_forward(x, activation, x);
      EXPECT_EQ(x.values(), got);

      std::vector<double> gradient(a.size());
      for (size_t i = 0; i < a.size(); ++i) gradient[i] = g[i] * derivative(activation, got[i]);
      backend.activation_backward(y, activation, dy);
      EXPECT_LE(relative_error(dy.values(), gradient), tolerance) << activation.kind;
    }
}

// Where activations are difficult: tiny and huge numbers, the knees, infinity.
std::vector<real> hard_numbers() {
  std::vector<real> v = {0,  real(1e-30), real(1e-10), real(-1e-10), real(1e-4), real(-1e-3), 60,        -60,
                         88, -88,         100,         -100,         1000,       -1000,       real(1e30)};
  for (int i = -4000; i <= 4000; ++i) v.push_back(real(i * 0.005));
  v.push_back(std::numeric_limits<real>::infinity());
  v.push_back(-std::numeric_limits<real>::infinity());
  return v;
}

// Each element on its own: tiny ones keep their relative precision, huge ones saturate, NaN stays.
TEST(Pointwise, ActivationsAreAccurateEverywhere) {
  const std::vector<real> v = hard_numbers();
  const Guarded x({1, 1, 1, 1, int64_t(v.size())}, v), y({1, 1, 1, 1, int64_t(v.size())});
  for (const Activation::Kind kind : {Activation::tanh, Activation::sigmoid, Activation::softplus}) {
    test_backend().activation_forward(x, {kind, 0}, y);
    const std::vector<real> got = y.values();
    ASSERT_EQ(got.size(), v.size());
    for (size_t i = 0; i < v.size(); ++i) {
      const double wanted = activate({kind, 0}, v[i]);
      // The exponential is clamped at e^87 = 6e37 in float, below whose inverse nothing is asked.
      if (std::isinf(wanted))
        EXPECT_EQ(got[i], wanted) << kind << " at " << v[i];
      else
        EXPECT_NEAR(got[i], wanted, 6 * unit * std::fabs(wanted) + 1e-37) << kind << " at " << v[i];
    }
  }
}

// The derivative of softplus is the sigmoid, all of whose digits are there where it is almost 0.
TEST(Pointwise, SoftplusKeepsSmallDerivatives) {
  const std::vector<real> v = hard_numbers();
  const Shape shape = {1, 1, 1, 1, int64_t(v.size())};
  const Guarded x(shape, v), y(shape), dy(shape, std::vector<real>(v.size(), 1));
  test_backend().activation_forward(x, {Activation::softplus, 0}, y);
  test_backend().activation_backward(y, {Activation::softplus, 0}, dy);
  const std::vector<real> got = dy.values();
  ASSERT_EQ(got.size(), v.size());
  for (size_t i = 0; i < v.size(); ++i) {
    const double wanted = 1 / (1 + std::exp(-double(v[i])));
    EXPECT_NEAR(got[i], wanted, 12 * unit * wanted + 1e-37) << v[i];
  }
}

struct Applied {
  std::vector<real> value, gradient;
};

// f of these numbers, and g times its derivative there; both in place too.
Applied applied(Function f, const std::vector<real> &v, const std::vector<real> &g) {
  Backend &backend = test_backend();
  const Shape shape = {1, 1, 1, 1, int64_t(v.size())};
  const Guarded x(shape, v), y(shape), dy(shape, g), dx(shape);
  backend.function_forward(x, f, y);
  backend.function_backward(x, dy, f, dx);
  const Applied result = {y.values(), dx.values()};
  EXPECT_EQ(result.value.size(), v.size());
  EXPECT_EQ(result.gradient.size(), v.size());
  backend.function_backward(x, dy, f, dy);
  EXPECT_EQ(dy.values(), result.gradient) << "in place";
  backend.function_forward(x, f, x);
  EXPECT_EQ(x.values(), result.value) << "in place";
  return result;
}

const Function functions[] = {Function::silu, Function::exponential, Function::log_square, Function::normal_to_uniform};

TEST(Pointwise, SiluMatchesItsFormula) {
  const std::vector<real> v = hard_numbers(), g = random_values(v.size(), 3);
  const auto [got, gradient] = applied(Function::silu, v, g);
  for (size_t i = 0; i < v.size(); ++i) {
    const double a = v[i], s = 1 / (1 + std::exp(-a)), rest = 1 / (1 + std::exp(a));  // rest: 1 - s
    if (std::isinf(a)) {                                                              // the limits
      EXPECT_EQ(got[i] > 0 ? got[i] : 0, a > 0 ? a : 0);
      EXPECT_NEAR(gradient[i], a > 0 ? double(g[i]) : 0, 1e-35);
      continue;
    }
    EXPECT_NEAR(got[i], a * s, 6 * unit * std::fabs(a * s) + 2e-36) << a;
    const double most = s + std::fabs(a) * s * rest;
    EXPECT_NEAR(gradient[i], g[i] * s * (1 + a * rest), 8 * unit * std::fabs(g[i]) * most + 1e-35) << a;
  }
}

TEST(Pointwise, ExponentialMatchesItsFormula) {
  const std::vector<real> v = hard_numbers(), g = random_values(v.size(), 3);
  const auto [got, gradient] = applied(Function::exponential, v, g);
  const double most = sizeof(real) == 4 ? 87 : 700;  // where exponents are held
  for (size_t i = 0; i < v.size(); ++i) {
    const double wanted = std::exp(std::min(std::max(double(v[i]), -most), most));
    EXPECT_NEAR(got[i], wanted, 6 * unit * wanted + 1e-37) << v[i];
    EXPECT_NEAR(gradient[i], g[i] * wanted, 8 * unit * std::fabs(g[i]) * wanted + 1e-36) << v[i];
  }
}

TEST(Pointwise, LogSquareMatchesItsFormula) {
  std::vector<real> v = hard_numbers();
  v.resize(v.size() - 2);  // without infinity, where 2 x / (x^2 + 1e-8) says nothing
  const std::vector<real> g = random_values(v.size(), 3);
  const auto [got, gradient] = applied(Function::log_square, v, g);
  for (size_t i = 0; i < v.size(); ++i) {
    const double a = v[i], square = a * a + 1e-8, wanted = std::log(square), derivative = 2 * a / square;
    if (square > std::numeric_limits<real>::max())  // exact or infinite
      EXPECT_GE(got[i], wanted * (1 - 6 * unit)) << a;
    else
      EXPECT_NEAR(got[i], wanted, 6 * unit * std::fabs(wanted) + 4 * unit) << a;
    EXPECT_NEAR(gradient[i], g[i] * derivative, 8 * unit * std::fabs(g[i] * derivative) + 1e-29) << a;
  }
}

TEST(Pointwise, NormalToUniformMatchesItsFormula) {
  const std::vector<real> v = hard_numbers(), g = random_values(v.size(), 3);
  const auto [got, gradient] = applied(Function::normal_to_uniform, v, g);
  for (size_t i = 0; i < v.size(); ++i) {
    const double a = v[i], wanted = std::erf(a / std::sqrt(2.)), square = std::min(a * a, 1e4),
                 derivative = std::sqrt(2 / M_PI) * std::exp(-a * a / 2);
    EXPECT_LE(std::fabs(got[i]), 1) << a;
    EXPECT_NEAR(got[i], wanted, 6 * unit * std::fabs(wanted)) << a;
    const double error = (8 + square) * unit;  // of the exponential of a rounded square
    EXPECT_NEAR(gradient[i], g[i] * derivative, error * std::fabs(g[i] * derivative) + 1e-36) << a;
  }
}

// The share of normal numbers below each bound of the uniform ones, within 4 standard deviations.
TEST(Pointwise, NormalToUniformGivesUniformNumbers) {
  const int64_t size = 20000;
  const Guarded x({1, 1, 1, 1, size}, random_values(size, 5));
  test_backend().function_forward(x, Function::normal_to_uniform, x);
  const std::vector<real> got = x.values();
  for (const double bound : {-0.9, -0.5, 0., 0.3, 0.8}) {
    const double share = (1 + bound) / 2;
    double below = 0;
    for (const real v : got) below += v < bound;
    EXPECT_NEAR(below / size, share, 4 * std::sqrt(share * (1 - share) / size)) << bound;
  }
}

TEST(Pointwise, FunctionsPassNanOn) {
  const real nan = std::numeric_limits<real>::quiet_NaN();
  const Shape shape = {1, 1, 1, 1, 40};
  std::vector<real> spoilt(40, 1);
  spoilt[17] = nan;
  for (const Function f : functions) {
    const Guarded x(shape, spoilt), y(shape), dy(shape, std::vector<real>(40, 1)), dx(shape);
    const auto expect_one = [f](const std::vector<real> &values) {
      for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(std::isnan(values[i]), i == 17) << int(f) << ' ' << i;
    };
    test_backend().function_forward(x, f, y);
    expect_one(y.values());
    test_backend().function_backward(x, dy, f, dx);
    expect_one(dx.values());
    test_backend().function_backward(dy, x, f, dx);
    expect_one(dx.values());
  }
}

TEST(Pointwise, MultipliesAndMapsAffinely) {
  Backend &backend = test_backend();
  for (const Shape &shape : shapes) {
    const std::vector<real> a = random_values(shape.size(), 1), b = random_values(shape.size(), 2);
    std::vector<double> product(a.size()), square(a.size()), mapped(a.size());
    for (size_t i = 0; i < a.size(); ++i) {
      product[i] = double(a[i]) * b[i];
      square[i] = double(a[i]) * a[i];
      mapped[i] = -0.75 * a[i] + 1.5;
    }
    const Guarded x(shape, a), z(shape, b), y(shape), t(shape);
    backend.multiply(x, z, y);
    const std::vector<real> got = y.values();
    EXPECT_LE(relative_error(got, product), tolerance) << shape.str();
    backend.copy(x, t);
    backend.multiply(t, z, t);  // in place of either
    EXPECT_EQ(t.values(), got);
    backend.copy(z, t);
    backend.multiply(x, t, t);
    EXPECT_EQ(t.values(), got);
    backend.multiply(x, x, t);
    EXPECT_LE(relative_error(t.values(), square), tolerance) << shape.str();

    backend.affine(x, real(-0.75), real(1.5), y);
    EXPECT_LE(relative_error(y.values(), mapped, 1.5), tolerance) << shape.str();
    EXPECT_EQ(x.values(), a);
    backend.affine(x, real(-0.75), real(1.5), x);
    EXPECT_EQ(x.values(), y.values()) << "in place";
    EXPECT_EQ(z.values(), b);
  }
}

TEST(Pointwise, ClipsToABound) {
  for (const Shape &shape : shapes)
    for (const real bound : {real(0.01), real(0.75), real(100)}) {
      std::vector<real> wanted = random_values(shape.size(), 1);
      const Guarded x(shape, wanted);
      for (real &v : wanted) v = std::min(std::max(v, -bound), bound);
      test_backend().clip(x, bound);
      EXPECT_EQ(x.values(), wanted) << shape.str() << ' ' << bound;
    }
  const real infinity = std::numeric_limits<real>::infinity(), nan = std::numeric_limits<real>::quiet_NaN();
  const Guarded x({1, 1, 1, 1, 9},
                  {real(0.5), real(-0.5), 0, real(0.25), real(0.75), real(-0.75), infinity, -infinity, nan});
  test_backend().clip(x, real(0.5));
  std::vector<real> got = x.values();
  ASSERT_EQ(got.size(), 9u);
  EXPECT_TRUE(std::isnan(got.back()));
  got.pop_back();
  EXPECT_EQ(got, (std::vector<real>{0.5, -0.5, 0, 0.25, 0.5, -0.5, 0.5, -0.5}));
}

#ifdef COOPNETS_DOUBLE
// The gradients by central differences of the forward kernels.
TEST(Pointwise, DerivativesAreThoseOfTheForwardKernels) {
  Backend &backend = test_backend();
  using Forward = std::function<void(View, View)>;
  using Backward = std::function<void(View x, View dy)>;  // dy in place
  const auto check = [&](const std::vector<real> &v, const Forward &forward, const Backward &backward) {
    const Shape shape = {1, 1, 1, 1, int64_t(v.size())};
    std::vector<real> above = v, below = v;
    for (size_t i = 0; i < v.size(); ++i) above[i] += 1e-5, below[i] -= 1e-5;
    const Guarded x(shape, v), dy(shape, std::vector<real>(v.size(), 1)), up(shape, above), down(shape, below);
    backward(x, dy);
    forward(up, up);
    forward(down, down);
    const std::vector<real> derivative = dy.values(), y1 = up.values(), y0 = down.values();
    for (size_t i = 0; i < v.size(); ++i)
      EXPECT_NEAR(derivative[i], (y1[i] - y0[i]) / (above[i] - below[i]), 1e-9 * std::max(1., std::fabs(derivative[i])))
          << v[i];
  };
  const std::vector<real> v = {-100, -20, -5, -1.5, -1.278, -1, -1e-3, 0, 1e-3, 1, 2, 5, 20, 100};
  for (const Activation::Kind kind : {Activation::tanh, Activation::sigmoid, Activation::softplus})
    check(
        v,
        [&](View x, View y) {
          backend.activation_forward(x, {kind, 0}, y);
        },
        [&](View x, View dy) {
          backend.activation_forward(x, {kind, 0}, x);
          backend.activation_backward(x, {kind, 0}, dy);
        });
  // A logarithm is too steep for these differences close to 0.
  const std::vector<real> away = {-100, -20, -5, -1.5, -1, -0.5, 0, 0.5, 1, 2, 5, 20, 100};
  for (const Function f : functions)
    check(
        f == Function::log_square ? away : v, [&](View x, View y) { backend.function_forward(x, f, y); },
        [&](View x, View dy) { backend.function_backward(x, dy, f, dy); });
}
#endif

TEST(Pointwise, ActivationsPassNanOn) {
  const real nan = std::numeric_limits<real>::quiet_NaN();
  for (const Activation &activation : activations) {
    const Guarded x({1, 1, 1, 1, 40}, std::vector<real>(40, nan)), y({1, 1, 1, 1, 40}, std::vector<real>(40, 1)),
        dy({1, 1, 1, 1, 40}, std::vector<real>(40, nan));
    test_backend().activation_forward(x, activation, y);
    test_backend().activation_backward(y, activation, dy);
    for (const real value : y.values()) EXPECT_TRUE(std::isnan(value)) << activation.kind;
    for (const real value : dy.values()) EXPECT_TRUE(std::isnan(value)) << activation.kind;
  }
}

class Dropout : public testing::Test {
 protected:
  void TearDown() override { test_backend().set_clock({}); }
};

const RandomKey dropout_key = {77, Purpose::test};

// Element 4 block + j takes word j of the block.
TEST_F(Dropout, KeepsTheElementsThatTheRandomWordsTell) {
  for (const Shape &shape : shapes)
    for (const auto &[iteration, index] : {std::pair<int64_t, int64_t>{0, 0}, {1, 0}, {0, 1}, {int64_t{1} << 40, 29}})
      for (const double keep : {0.125, 0.5, 0.75}) {
        const std::vector<real> a = random_values(shape.size(), 1);
        const Guarded x(shape, a), y(shape);
        test_backend().set_clock({iteration, 0.5});  // the schedule of the rates has no say
        test_backend().dropout(x, real(keep), dropout_key, index, y);
        const std::vector<real> got = y.values();
        ASSERT_EQ(got.size(), a.size());
        for (size_t i = 0; i < a.size(); ++i) {
          const Words words = random_block(dropout_key, uint64_t(iteration), uint32_t(index), i / 4);
          const double wanted = uniform(words.v[i % 4]) <= keep ? a[i] / keep : 0;
          ASSERT_NEAR(got[i], wanted, tolerance * std::fabs(wanted)) << shape.str() << ' ' << i;
        }
        EXPECT_EQ(x.values(), a);
        test_backend().dropout(x, real(keep), dropout_key, index, x);
        EXPECT_EQ(x.values(), got) << "in place";
      }
}

TEST_F(Dropout, KeepsItsShare) {
  const int64_t size = 20001;
  const Guarded x({1, 1, 1, 1, size}, std::vector<real>(size, 3)), y({1, 1, 1, 1, size});
  for (const double keep : {0.1, 0.5, 0.8}) {
    test_backend().dropout(x, real(keep), dropout_key, 5, y);
    double kept = 0;
    for (const real v : y.values()) kept += v != 0;
    EXPECT_NEAR(kept / size, keep, 4 * std::sqrt(keep * (1 - keep) / size));
  }
}

TEST_F(Dropout, BernoulliNumbersAreOneAsOftenAsTheirProbabilitySays) {
  for (const Shape &shape : shapes) {
    std::vector<real> probability(size_t(shape.size()));
    for (size_t i = 0; i < probability.size(); ++i) probability[i] = real(i % 5) / 4;
    const Guarded p(shape, probability), y(shape);
    test_backend().set_clock({3, 1});
    test_backend().bernoulli(p, dropout_key, 7, y);
    const std::vector<real> got = y.values();
    ASSERT_EQ(got.size(), probability.size());
    for (size_t i = 0; i < got.size(); ++i) {
      const Words words = random_block(dropout_key, 3, 7, i / 4);
      ASSERT_EQ(got[i], real(uniform(words.v[i % 4]) <= float(probability[i]))) << shape.str() << ' ' << i;
    }
    test_backend().bernoulli(p, dropout_key, 7, p);
    EXPECT_EQ(p.values(), got) << "in place";
    EXPECT_THROW(test_backend().bernoulli(p, dropout_key, 7, Guarded({1, 1, 1, 1, shape.size() + 1})),
                 std::invalid_argument);
  }
}

// Masks of half the elements that have nothing to do with each other differ in half of them.
TEST_F(Dropout, EveryKeyIndexAndIterationHasItsOwnMask) {
  const int64_t size = 20001;
  const Guarded x({1, 1, 1, 1, size}, std::vector<real>(size, 3)), y({1, 1, 1, 1, size});
  const auto mask = [&](RandomKey key, int64_t index, int64_t iteration) {
    test_backend().set_clock({iteration, 1});
    test_backend().dropout(x, real(0.5), key, index, y);
    return y.values();
  };
  const std::vector<real> first = mask(dropout_key, 5, 2);
  EXPECT_EQ(mask(dropout_key, 5, 2), first);
  for (const std::vector<real> &other :
       {mask({78, Purpose::test}, 5, 2), mask({77, Purpose::mask}, 5, 2), mask(dropout_key, 6, 2),
        mask(dropout_key, 5, 3), mask(dropout_key, 5, int64_t{1} << 32)}) {
    double different = 0;
    for (int64_t i = 0; i < size; ++i) different += first[i] != other[i];
    EXPECT_NEAR(different / size, 0.5, 4 * std::sqrt(0.25 / size));
  }
}

TEST_F(Dropout, KeepingEverythingIsTheIdentity) {
  for (const Shape &shape : shapes) {
    const std::vector<real> a = random_values(shape.size(), 1);
    const Guarded x(shape, a), y(shape);
    test_backend().dropout(x, 1, dropout_key, 0, y);
    EXPECT_EQ(y.values(), a);
    test_backend().dropout(x, 1, dropout_key, 0, x);
    EXPECT_EQ(x.values(), a) << "in place";
  }
}

// What is dropped is 0 whatever it was, and what is kept stays NaN.
TEST_F(Dropout, KeptNanStays) {
  const Shape shape = {1, 1, 1, 1, 101};
  const Guarded x(shape, std::vector<real>(101, std::numeric_limits<real>::quiet_NaN())),
      ones(shape, std::vector<real>(101, 1));
  test_backend().dropout(x, real(0.5), dropout_key, 0, x);
  test_backend().dropout(ones, real(0.5), dropout_key, 0, ones);
  const std::vector<real> got = x.values(), mask = ones.values();
  for (size_t i = 0; i < 101; ++i) EXPECT_EQ(std::isnan(got[i]), mask[i] != 0) << i;
}

// Kernels that take several elements at once give the same wherever a tensor begins, and touch nothing beside it.
TEST(Pointwise, TensorsMayBeginAnywhere) {
  Backend &backend = test_backend();
  const int64_t size = 13, room = size + 8;
  const auto run = [&](int64_t first) {
    std::vector<real> out;
    std::vector<Tensor> memory;
    for (unsigned i = 0; i < 4; ++i) {
      std::vector<real> values(room, real(-12345));
      const std::vector<real> inside = random_values(size, i, 3, 1);
      std::copy(inside.begin(), inside.end(), values.begin() + first);
      memory.emplace_back(backend, Shape{1, 1, 1, 1, room}, values);
    }
    const auto view = [&](int i) { return View{{1, 1, 1, 1, size}, memory[i].data() + first}; };
    backend.set_clock({});
    backend.add(view(0), view(1));
    backend.difference(2, view(0), view(1), view(2));
    backend.activation_forward(view(2), {Activation::tanh, 0}, view(0));
    backend.activation_backward(view(0), {Activation::tanh, 0}, view(1));
    backend.function_backward(view(0), view(1), Function::silu, view(2));
    backend.function_forward(view(2), Function::silu, view(0));
    for (const Function f : functions) {
      backend.function_backward(view(0), view(1), f, view(2));
      backend.function_forward(view(2), Function::normal_to_uniform, view(1));
      backend.function_forward(view(1), f, view(0));
      backend.clip(view(0), 2);
    }
    backend.multiply(view(0), view(1), view(2));
    backend.affine(view(2), 2, real(0.5), view(1));
    backend.dropout(view(1), real(0.75), {7, Purpose::test}, 4, view(0));
    backend.langevin(view(0), view(1), {real(0.1), 1, real(0.1), {7, Purpose::test}, 2});
    backend.langevin(view(0), view(1), {real(0.1), 1, real(0.1), {7, Purpose::test}, 3, view(2)});
    backend.adam({{view(0), view(1), view(2), view(3), real(0.01)}}, {});
    backend.capped_momentum({{view(1), view(0), view(2), real(0.01), 2, real(0.1), real(0.001)}}, real(0.9));
    backend.rmsprop({{view(0), view(1), view(3), real(0.01)}}, real(0.9), real(1e-8));
    backend.average({{view(1), view(3)}}, real(0.3));
    for (const Tensor &t : memory) {
      const std::vector<real> all = t.values();
      for (int64_t i = 0; i < room; ++i) {
        if (i < first || i >= first + size)
          EXPECT_EQ(all[i], real(-12345)) << "beside the tensor";
        else
          out.push_back(all[i]);
      }
    }
    backend.fill(view(3), 5);
    backend.fill_normal(view(2), 1, 2, {7, Purpose::test}, 3);
    for (int i : {2, 3}) {
      const std::vector<real> all = memory[i].values();
      EXPECT_EQ(all[first + size], real(-12345));
      out.insert(out.end(), all.begin() + first, all.begin() + first + size);
    }
    return out;
  };
  const std::vector<real> aligned = run(0);
  for (const real v : aligned) EXPECT_TRUE(std::isfinite(v));
  for (const int64_t first : {1, 2, 3, 4}) EXPECT_EQ(run(first), aligned) << "from element " << first;
}

TEST(Pointwise, RefusesDisagreeingShapes) {
  Backend &backend = test_backend();
  const Guarded x({2, 1, 1, 1, 6}), y({2, 1, 1, 2, 3}), z({2, 1, 1, 1, 5});
  backend.copy(x, y);  // equal sizes suffice
  EXPECT_THROW(backend.copy(x, z), std::invalid_argument);
  EXPECT_THROW(backend.add(x, z), std::invalid_argument);
  EXPECT_THROW(backend.difference(1, x, x, z), std::invalid_argument);
  EXPECT_THROW(backend.difference(1, x, z, x), std::invalid_argument);
  EXPECT_THROW(backend.clear_border(x, -1), std::invalid_argument);
  EXPECT_THROW(backend.activation_forward(x, {}, z), std::invalid_argument);
  EXPECT_THROW(backend.activation_backward(x, {}, z), std::invalid_argument);
  for (const Function f : functions) {
    EXPECT_THROW(backend.function_forward(x, f, z), std::invalid_argument);
    EXPECT_THROW(backend.function_backward(x, z, f, x), std::invalid_argument);
    EXPECT_THROW(backend.function_backward(x, x, f, z), std::invalid_argument);
  }
  EXPECT_THROW(backend.multiply(x, z, x), std::invalid_argument);
  EXPECT_THROW(backend.multiply(z, x, x), std::invalid_argument);
  EXPECT_THROW(backend.multiply(x, x, z), std::invalid_argument);
  EXPECT_THROW(backend.affine(x, 1, 0, z), std::invalid_argument);
  EXPECT_THROW(backend.dropout(x, real(0.5), {}, 0, z), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
