#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "numerics/helpers.h"
#include "numerics/pointwise_cases.h"

namespace coopnets {
namespace {

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
    backend.add(x, z, d);
    EXPECT_LE(relative_error(d.values(), sum), tolerance);
    backend.copy(z, y);
    backend.add(x, y, y);  // in place of either
    EXPECT_EQ(y.values(), d.values());
    EXPECT_EQ(x.values(), a);
    backend.add(x, z, x);
    EXPECT_EQ(x.values(), d.values());
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
    backend.add(view(1), view(0), view(1));
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
  EXPECT_THROW(backend.add(z, x, z), std::invalid_argument);
  EXPECT_THROW(backend.add(x, x, z), std::invalid_argument);
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
