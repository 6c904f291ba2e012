#include <gtest/gtest.h>

#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

// Few and many channels, one position, one example, sizes that end within a row and within a chunk.
const Shape shapes[] = {{1, 1, 1, 1, 1}, {5, 1, 1, 1, 7},   {3, 1, 5, 7, 1},    {2, 2, 3, 3, 16},   {1, 1, 9, 11, 30},
                        {7, 1, 2, 2, 3}, {2, 1, 1, 3, 100}, {2, 1, 20, 21, 70}, {2, 1, 83, 101, 1}, {1, 1, 61, 67, 3}};

enum Kind { absent, shared, own };
const Kind kinds[] = {absent, shared, own};

// A parameter and its gradient, one of each example, or one of all; or nothing.
struct Parameter {
  Parameter(Kind kind, const Shape &x, unsigned seed, int64_t first)
      : kind(kind),
        channels(x.c),
        example(x.example()),
        shape{kind == own ? x.n : 1, 1, 1, 1, x.c},
        values(random_values(shape.size(), seed, 0.5)),
        given(shape, values, first),
        d(shape, unwritten(shape), first) {}
  ConstView view() const { return kind == absent ? ConstView{} : ConstView(given); }
  // Where an element of x finds its number.
  size_t place(size_t i) const { return (kind == own ? i / example * channels : 0) + i % channels; }

  Kind kind;
  size_t channels, example;
  Shape shape;
  std::vector<real> values;
  Guarded given, d;
};

// What belongs to one call.
struct Call {
  Call(const Shape &shape, Kind scale, Kind shift, int64_t first = 0)
      : shape(shape),
        a(random_values(shape.size(), 1, 0.3)),
        g(random_values(shape.size(), 2)),
        scale(scale, shape, 3, first),
        shift(shift, shape, 4, first),
        x(shape, a, first),
        dy(shape, g, first),
        y(shape, unwritten(shape), first),
        dx(shape, unwritten(shape), first) {}

  double factor(size_t i) const { return scale.kind == absent ? 1 : double(scale.values[scale.place(i)]); }
  std::vector<double> output() const {
    std::vector<double> out(a.size());
    for (size_t i = 0; i < a.size(); ++i)
      out[i] = factor(i) * a[i] + (shift.kind == absent ? 0 : double(shift.values[shift.place(i)]));
    return out;
  }
  std::vector<double> input_gradient() const {
    std::vector<double> out(a.size());
    for (size_t i = 0; i < a.size(); ++i) out[i] = factor(i) * g[i];
    return out;
  }
  std::vector<double> sums(const Parameter &of, bool of_products) const {
    std::vector<double> out(of.shape.size());
    for (size_t i = 0; i < a.size(); ++i) out[of.place(i)] += of_products ? double(g[i]) * a[i] : double(g[i]);
    return out;
  }
  std::string name() const {
    return shape.str() + ", scale " + std::to_string(scale.kind) + ", shift " + std::to_string(shift.kind);
  }

  Shape shape;
  std::vector<real> a, g;
  Parameter scale, shift;
  Guarded x, dy, y, dx;
};

TEST(Modulate, MatchesTheNaiveStatement) {
  for (const Shape &shape : shapes)
    for (const Kind scale : kinds)
      for (const Kind shift : kinds) {
        if (scale == absent && shift == absent) continue;
        for (const int64_t first : {0, 3}) {
          const Call call(shape, scale, shift, first);
          test_backend().modulate_forward(call.x, call.scale.view(), call.shift.view(), call.y);
          EXPECT_LE(relative_error(call.y.values(), call.output(), 1), tolerance) << call.name();
          EXPECT_EQ(call.x.values(), call.a) << call.name();
        }
      }
}

// More than a CUDA grid may have along y or z.
TEST(Modulate, TakesAnyNumberOfExamples) {
  const Call call({65536, 1, 1, 1, 1}, own, absent);
  test_backend().modulate_forward(call.x, call.scale.view(), call.shift.view(), call.y);
  EXPECT_LE(relative_error(call.y.values(), call.output(), 1), tolerance);
}

// All outputs that are wanted, and no other, whichever these are; bit 0: dx, 1: d_scale, 2: d_shift.
void check_gradients(const Call &call, int wanted) {
  const View dx = wanted & 1 ? View(call.dx) : View{}, d_scale = wanted & 2 ? View(call.scale.d) : View{},
             d_shift = wanted & 4 ? View(call.shift.d) : View{};
  test_backend().modulate_backward(call.x, call.scale.view(), call.dy, dx, d_scale, d_shift);
  const double least = std::sqrt(double(call.shape.positions()));  // of terms that may cancel
  if (wanted & 1) {
    EXPECT_LE(relative_error(call.dx.values(), call.input_gradient(), 1), tolerance) << call.name();
  }
  if (wanted & 2) {
    EXPECT_LE(relative_error(call.scale.d.values(), call.sums(call.scale, true), least), tolerance) << call.name();
  }
  if (wanted & 4) {
    EXPECT_LE(relative_error(call.shift.d.values(), call.sums(call.shift, false), least), tolerance) << call.name();
  }
  EXPECT_EQ(call.x.values(), call.a) << call.name();
  EXPECT_EQ(call.dy.values(), call.g) << call.name();
}

TEST(Modulate, GradientsMatchTheNaiveStatement) {
  for (const Shape &shape : shapes)
    for (const Kind scale : kinds)
      for (const Kind shift : kinds)
        for (int wanted = 0; wanted < 8; ++wanted) {
          if ((wanted & 2 && scale == absent) || (wanted & 4 && shift == absent)) continue;
          if (wanted != 7 && shape.size() > 1000) continue;
          check_gradients(Call(shape, scale, shift), wanted);
        }
  for (const Shape &shape : shapes) check_gradients(Call(shape, own, shared, 3), 7);
}

// dx may be dy whatever else is wanted.
TEST(Modulate, GradientMayTakeThePlaceOfTheOutputs) {
  for (const Shape &shape : shapes)
    for (const Kind scale : kinds) {
      const Call call(shape, scale, shared), same(shape, scale, shared);
      const View d_scale = scale == absent ? View{} : View(call.scale.d),
                 d_same = scale == absent ? View{} : View(same.scale.d);
      test_backend().modulate_backward(call.x, call.scale.view(), call.dy, call.dx, d_scale, call.shift.d);
      test_backend().modulate_backward(same.x, same.scale.view(), same.dy, same.dy, d_same, same.shift.d);
      EXPECT_EQ(same.dy.values(), call.dx.values()) << call.name();
      EXPECT_EQ(same.shift.d.values(), call.shift.d.values()) << call.name();
      if (scale != absent) {
        EXPECT_EQ(same.scale.d.values(), call.scale.d.values()) << call.name();
      }
    }
}

// The scale's gradient needs no scale.
TEST(Modulate, WhatIsNotWantedIsNotRead) {
  const Call call({2, 1, 3, 5, 3}, own, own);
  const real nan = std::numeric_limits<real>::quiet_NaN();
  const Guarded spoilt(call.shape, std::vector<real>(call.shape.size(), nan)), spoilt_scale(call.scale.shape);
  test_backend().modulate_backward(call.x, spoilt_scale, call.dy, {}, call.scale.d, call.shift.d);
  EXPECT_LE(relative_error(call.scale.d.values(), call.sums(call.scale, true), 1), tolerance);
  EXPECT_LE(relative_error(call.shift.d.values(), call.sums(call.shift, false), 1), tolerance);
  test_backend().modulate_backward(spoilt, call.scale.view(), call.dy, call.dx, {}, call.shift.d);
  EXPECT_LE(relative_error(call.dx.values(), call.input_gradient()), tolerance);
  EXPECT_LE(relative_error(call.shift.d.values(), call.sums(call.shift, false), 1), tolerance);
}

TEST(Modulate, NoExamplesHaveNoGradient) {
  const Shape none{0, 1, 2, 2, 3}, channels{1, 1, 1, 1, 3};
  const Guarded x(none), scale(channels, {1, 2, 3}), d_scale(channels), d_shift(channels);
  test_backend().modulate_forward(x, scale, {}, x);
  test_backend().modulate_backward(x, scale, x, x, d_scale, d_shift);
  EXPECT_EQ(d_scale.values(), std::vector<real>(3, 0));
  EXPECT_EQ(d_shift.values(), std::vector<real>(3, 0));
}

TEST(Modulate, RefusesDisagreeingShapes) {
  Backend &backend = test_backend();
  const Guarded x({3, 1, 1, 2, 4}), z({3, 1, 1, 4, 2}), good({3, 1, 1, 1, 4}), for_all({1, 1, 1, 1, 4}),
      two({2, 1, 1, 1, 4}), few({3, 1, 1, 1, 3}), rows({3, 1, 2, 1, 4}), nothing({3, 1, 1, 2, 0}),
      none({3, 1, 1, 1, 0});
  EXPECT_THROW(backend.modulate_forward(x, {}, {}, x), std::invalid_argument);
  EXPECT_THROW(backend.modulate_forward(x, good, {}, z), std::invalid_argument);
  EXPECT_THROW(backend.modulate_forward(nothing, none, {}, nothing), std::invalid_argument);
  for (const Guarded *wrong : {&two, &few, &rows, &x}) {
    EXPECT_THROW(backend.modulate_forward(x, *wrong, good, x), std::invalid_argument);
    EXPECT_THROW(backend.modulate_forward(x, good, *wrong, x), std::invalid_argument);
    EXPECT_THROW(backend.modulate_backward(x, *wrong, x, x, {}, {}), std::invalid_argument);
    EXPECT_THROW(backend.modulate_backward(x, {}, x, x, *wrong, {}), std::invalid_argument);
    EXPECT_THROW(backend.modulate_backward(x, {}, x, x, {}, *wrong), std::invalid_argument);
  }
  EXPECT_THROW(backend.modulate_backward(x, good, x, x, for_all, {}), std::invalid_argument);
  EXPECT_THROW(backend.modulate_backward(x, good, z, x, {}, {}), std::invalid_argument);
  EXPECT_THROW(backend.modulate_backward(x, good, x, z, {}, {}), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
