#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

// Few and many channels, one position, sizes that end within a row and within a chunk.
const Shape shapes[] = {{1, 1, 1, 2, 1},    {1, 1, 1, 1, 5},   {3, 1, 5, 7, 1},   {2, 1, 5, 3, 3},
                        {2, 2, 3, 3, 16},   {1, 1, 9, 11, 30}, {2, 1, 1, 1, 100}, {2, 1, 20, 21, 70},
                        {3, 1, 83, 101, 1}, {1, 1, 97, 61, 3}};
const real epsilon = real(1e-3);
const Activation leaky = {Activation::leaky_relu, real(0.2)};

// The whole of backend.h's batch norm in double, one channel at a time.
struct Naive {
  Naive(const Shape &shape, const std::vector<real> &x) : shape(shape), x(x.begin(), x.end()) {}

  void use_batch_statistics() {
    mean.assign(shape.c, 0), inverse.assign(shape.c, 0);
    for (size_t i = 0; i < x.size(); ++i) mean[i % shape.c] += x[i] / shape.positions();
    for (size_t i = 0; i < x.size(); ++i) inverse[i % shape.c] += std::pow(x[i] - mean[i % shape.c], 2);
    for (double &v : inverse) v = 1 / std::sqrt(v / shape.positions() + epsilon);
  }
  void use(const std::vector<real> &given_mean, const std::vector<real> &variance) {
    mean.assign(given_mean.begin(), given_mean.end()), inverse.assign(shape.c, 0);
    for (int64_t c = 0; c < shape.c; ++c) inverse[c] = 1 / std::sqrt(double(variance[c]) + epsilon);
  }
  double normalised(size_t i) const { return (x[i] - mean[i % shape.c]) * inverse[i % shape.c]; }
  std::vector<double> forward(const std::vector<real> &scale, const std::vector<real> &shift) const {
    std::vector<double> y(x.size());
    for (size_t i = 0; i < y.size(); ++i) {
      y[i] = scale[i % shape.c] * normalised(i) + shift[i % shape.c];
      if (!(y[i] > 0)) y[i] *= leaky.slope;
    }
    return y;
  }
  void backward(const std::vector<real> &dv, const std::vector<real> &scale, bool statistics_vary) {
    dshift.assign(shape.c, 0), dscale.assign(shape.c, 0), dx.assign(x.size(), 0);
    for (size_t i = 0; i < x.size(); ++i) {
      dshift[i % shape.c] += dv[i];
      dscale[i % shape.c] += dv[i] * normalised(i);
    }
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t c = i % shape.c;
      const double through = (dshift[c] + normalised(i) * dscale[c]) / shape.positions();
      dx[i] = scale[c] * inverse[c] * (dv[i] - (statistics_vary ? through : 0));
    }
  }

  Shape shape;
  std::vector<double> x, mean, inverse, dx, dscale, dshift;
};

// Tensors of one call: everything is there, with statistics that suit inference.
struct Call {
  explicit Call(const Shape &shape, double centre = 0.3)
      : shape(shape),
        channels{1, 1, 1, 1, shape.c},
        x_values(random_values(shape.size(), 1, centre, 2)),
        dv_values(random_values(shape.size(), 2)),
        scale_values(random_values(shape.c, 3, 1, 0.3)),
        shift_values(random_values(shape.c, 4)),
        mean_values(random_values(shape.c, 5)),
        variance_values(random_values(shape.c, 6)),
        x(shape, x_values),
        dv(shape, dv_values),
        scale(channels, scale_values),
        shift(channels, shift_values),
        y(shape),
        mean(channels),
        inverse(channels),
        dx(shape),
        dscale(channels),
        dshift(channels) {
    for (real &v : variance_values) v = v * v + real(0.1);
  }

  Shape shape, channels;
  std::vector<real> x_values, dv_values, scale_values, shift_values, mean_values, variance_values;
  Guarded x, dv, scale, shift, y, mean, inverse, dx, dscale, dshift;
};

TEST(BatchNorm, TrainingMatchesTheNaiveStatement) {
  for (const Shape &shape : shapes) {
    const Call call(shape);
    Naive naive(shape, call.x_values);
    naive.use_batch_statistics();
    test_backend().batch_norm_forward(call.x, call.scale, call.shift, epsilon, leaky, call.y, call.mean, call.inverse);
    EXPECT_LE(relative_error(call.mean.values(), naive.mean), tolerance) << shape.str();
    EXPECT_LE(relative_error(call.inverse.values(), naive.inverse), tolerance) << shape.str();
    EXPECT_LE(relative_error(call.y.values(), naive.forward(call.scale_values, call.shift_values)), tolerance)
        << shape.str();
    test_backend().batch_norm_forward(call.x, call.scale, call.shift, epsilon, leaky, call.x, call.mean, call.inverse);
    EXPECT_EQ(call.x.values(), call.y.values()) << "in place " << shape.str();
  }
}

TEST(BatchNorm, TrainingGradientMatchesTheNaiveStatement) {
  for (const Shape &shape : shapes) {
    const Call call(shape);
    Naive naive(shape, call.x_values);
    naive.use_batch_statistics();
    naive.backward(call.dv_values, call.scale_values, true);
    test_backend().batch_norm_forward(call.x, call.scale, call.shift, epsilon, {}, call.y, call.mean, call.inverse);
    test_backend().batch_norm_backward(call.x, call.dv, call.scale, call.mean, call.inverse, call.dx, call.dscale,
                                       call.dshift);
    // The terms of dx may cancel, over one position wholly; their size is that of dx in inference.
    naive.backward(call.dv_values, call.scale_values, false);
    double least = 0;
    for (const double v : naive.dx) least = std::max(least, std::fabs(v));
    naive.backward(call.dv_values, call.scale_values, true);
    EXPECT_LE(relative_error(call.dx.values(), naive.dx, least), tolerance) << shape.str();
    EXPECT_LE(relative_error(call.dscale.values(), naive.dscale), tolerance) << shape.str();
    EXPECT_LE(relative_error(call.dshift.values(), naive.dshift), tolerance) << shape.str();

    const std::vector<real> dx = call.dx.values(), dscale = call.dscale.values();
    test_backend().batch_norm_backward(call.x, call.dv, call.scale, call.mean, call.inverse, {}, call.shift,
                                       call.dshift);
    EXPECT_EQ(call.shift.values(), dscale) << "without dx " << shape.str();
    test_backend().batch_norm_backward(call.x, call.dv, call.scale, call.mean, call.inverse, call.dv, call.dscale,
                                       call.dshift);
    EXPECT_EQ(call.dv.values(), dx) << "in place " << shape.str();
  }
}

TEST(BatchNorm, InferenceMatchesTheNaiveStatement) {
  for (const Shape &shape : shapes) {
    const Call call(shape);
    const Guarded mean(call.channels, call.mean_values), variance(call.channels, call.variance_values);
    Naive naive(shape, call.x_values);
    naive.use(call.mean_values, call.variance_values);
    test_backend().batch_norm_inference(call.x, call.scale, call.shift, mean, variance, epsilon, leaky, call.y);
    EXPECT_LE(relative_error(call.y.values(), naive.forward(call.scale_values, call.shift_values)), tolerance);

    naive.backward(call.dv_values, call.scale_values, false);
    test_backend().batch_norm_inference_backward(call.x, call.dv, call.scale, mean, variance, epsilon, call.dx,
                                                 call.dscale, call.dshift);
    EXPECT_LE(relative_error(call.dx.values(), naive.dx), tolerance) << shape.str();
    EXPECT_LE(relative_error(call.dscale.values(), naive.dscale), tolerance) << shape.str();
    EXPECT_LE(relative_error(call.dshift.values(), naive.dshift), tolerance) << shape.str();

    const std::vector<real> dx = call.dx.values(), dscale = call.dscale.values();
    test_backend().batch_norm_inference_backward(call.x, call.dv, call.scale, mean, variance, epsilon, {}, call.shift,
                                                 call.dshift);
    EXPECT_EQ(call.shift.values(), dscale) << "without dx " << shape.str();
    test_backend().batch_norm_inference_backward(call.x, call.dv, call.scale, mean, variance, epsilon, call.dv,
                                                 call.dscale, call.dshift);
    EXPECT_EQ(call.dv.values(), dx) << "in place " << shape.str();
  }
}

// E[x^2] - m^2 in float would have no digit left.
TEST(BatchNorm, VarianceSurvivesALargeMean) {
  const Call call({2, 1, 40, 50, 3}, 3000);
  Naive naive(call.shape, call.x_values);
  naive.use_batch_statistics();
  test_backend().batch_norm_forward(call.x, call.scale, call.shift, epsilon, {}, call.y, call.mean, call.inverse);
  EXPECT_LE(relative_error(call.mean.values(), naive.mean), tolerance);
  EXPECT_LE(relative_error(call.inverse.values(), naive.inverse), tolerance);
}

TEST(BatchNorm, RunningStatisticsFollowTheBatch) {
  const Shape channels = {1, 1, 1, 1, 5};
  const std::vector<real> mean = random_values(5, 1), inverse = {1, 2, real(0.5), 3, real(0.1)},
                          running_mean = random_values(5, 2), running_variance = {1, 2, 3, 4, 5};
  const real keep = real(0.9);
  std::vector<double> wanted_mean, wanted_variance;
  for (int c = 0; c < 5; ++c) {
    wanted_mean.push_back(keep * double(running_mean[c]) + (1 - keep) * double(mean[c]));
    wanted_variance.push_back(keep * double(running_variance[c]) +
                              (1 - keep) * (1 / (double(inverse[c]) * inverse[c]) - epsilon));
  }
  const Guarded m(channels, mean), i(channels, inverse), rm(channels, running_mean), rv(channels, running_variance);
  test_backend().batch_norm_track(m, i, epsilon, keep, rm, rv);
  EXPECT_LE(relative_error(rm.values(), wanted_mean), tolerance);
  EXPECT_LE(relative_error(rv.values(), wanted_variance), tolerance);
}

// The batch's variance is recovered from 1/sqrt(v + epsilon), whose rounding may put it below 0 where v is 0.
TEST(BatchNorm, RunningVarianceOfAConstantChannelIsNeverNegative) {
  Backend &backend = test_backend();
  const Shape shape = {2, 1, 3, 5, 1}, channels = {1, 1, 1, 1, 1};
  for (const double e : {1e-5, 2e-5, 3e-5, 1e-4, 1e-3, 1e-2, 0.1}) {
    const Guarded x(shape, std::vector<real>(shape.size(), 3)), y(shape), scale(channels, {1}), shift(channels, {0}),
        mean(channels), inverse(channels), running_mean(channels, {0}), running_variance(channels, {0});
    backend.batch_norm_forward(x, scale, shift, real(e), {}, y, mean, inverse);
    for (int update = 0; update < 100; ++update) {
      backend.batch_norm_track(mean, inverse, real(e), real(0.9), running_mean, running_variance);
      const real variance = running_variance.values()[0];
      ASSERT_GE(variance, 0) << e << ", update " << update;
      ASSERT_LE(variance, 1e-6 * e);
    }
  }
  const real nan = std::numeric_limits<real>::quiet_NaN();
  const Guarded spoilt(channels, {nan}), running_mean(channels, {0}), running_variance(channels, {0});
  backend.batch_norm_track(spoilt, spoilt, real(1e-5), real(0.9), running_mean, running_variance);
  EXPECT_TRUE(std::isnan(running_mean.values()[0]));
  EXPECT_TRUE(std::isnan(running_variance.values()[0]));
}

TEST(BatchNorm, NanSpoilsItsChannelAlone) {
  const Call call({2, 1, 5, 5, 3});
  std::vector<real> x = call.x_values;
  x[31] = std::numeric_limits<real>::quiet_NaN();  // channel 1
  const Guarded spoilt(call.shape, x);
  test_backend().batch_norm_forward(spoilt, call.scale, call.shift, epsilon, leaky, call.y, call.mean, call.inverse);
  const std::vector<real> y = call.y.values();
  ASSERT_EQ(y.size(), x.size());
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i % 3 == 1) << i;
}

TEST(BatchNorm, RefusesDisagreeingShapes) {
  const Call a({2, 1, 1, 3, 4}), b({2, 1, 1, 4, 3});
  Backend &backend = test_backend();
  EXPECT_THROW(backend.batch_norm_forward(a.x, a.scale, a.shift, epsilon, {}, b.y, a.mean, a.inverse),
               std::invalid_argument);
  EXPECT_THROW(backend.batch_norm_forward(a.x, b.scale, a.shift, epsilon, {}, a.y, a.mean, a.inverse),
               std::invalid_argument);
  EXPECT_THROW(backend.batch_norm_backward(a.x, b.dv, a.scale, a.mean, a.inverse, a.dx, a.dscale, a.dshift),
               std::invalid_argument);
  EXPECT_THROW(backend.batch_norm_backward(a.x, a.dv, a.scale, a.mean, a.inverse, b.dx, a.dscale, a.dshift),
               std::invalid_argument);
  EXPECT_THROW(backend.batch_norm_inference(a.x, a.scale, a.shift, a.mean, b.inverse, epsilon, {}, a.y),
               std::invalid_argument);
  EXPECT_THROW(
      backend.batch_norm_inference_backward(a.x, a.dv, a.scale, a.mean, a.inverse, epsilon, a.dx, b.dscale, a.dshift),
      std::invalid_argument);
  EXPECT_THROW(backend.batch_norm_track(a.mean, a.inverse, epsilon, 0, b.mean, a.inverse), std::invalid_argument);
}

#ifdef COOPNETS_DOUBLE
// d/dp <r, y(p)> by central differences, for p among x, scale and shift, through the activation too.
void check_gradient(const Shape &shape, bool training) {
  Backend &backend = test_backend();
  const Call call(shape);
  const Guarded given_mean(call.channels, call.mean_values), variance(call.channels, call.variance_values);
  const Activation tanh = {Activation::tanh, 0};
  const auto forward = [&](ConstView x, ConstView scale, ConstView shift) {
    if (training)
      backend.batch_norm_forward(x, scale, shift, epsilon, tanh, call.y, call.mean, call.inverse);
    else
      backend.batch_norm_inference(x, scale, shift, given_mean, variance, epsilon, tanh, call.y);
    double projected = 0;
    const std::vector<real> y = call.y.values();
    for (size_t i = 0; i < y.size(); ++i) projected += y[i] * call.dv_values[i];
    return projected;
  };
  forward(call.x, call.scale, call.shift);
  backend.activation_backward(call.y, tanh, call.dv);
  if (training)
    backend.batch_norm_backward(call.x, call.dv, call.scale, call.mean, call.inverse, call.dx, call.dscale,
                                call.dshift);
  else
    backend.batch_norm_inference_backward(call.x, call.dv, call.scale, given_mean, variance, epsilon, call.dx,
                                          call.dscale, call.dshift);

  const auto numeric = [](std::vector<real> at, const Shape &its_shape, const std::function<double(ConstView)> &value) {
    std::vector<double> gradient;
    const double h = 1e-5;
    for (real &v : at) {
      const real centre = v;
      v = centre + h;
      const double above = value(Guarded(its_shape, at));
      v = centre - h;
      const double below = value(Guarded(its_shape, at));
      v = centre;
      gradient.push_back((above - below) / (2 * h));
    }
    return gradient;
  };
  EXPECT_LE(relative_error(call.dx.values(), numeric(call.x_values, shape,
                                                     [&](ConstView x) { return forward(x, call.scale, call.shift); })),
            1e-7);
  EXPECT_LE(relative_error(call.dscale.values(), numeric(call.scale_values, call.channels,
                                                         [&](ConstView s) { return forward(call.x, s, call.shift); })),
            1e-7);
  EXPECT_LE(relative_error(call.dshift.values(), numeric(call.shift_values, call.channels,
                                                         [&](ConstView s) { return forward(call.x, call.scale, s); })),
            1e-7);
}

TEST(BatchNorm, GradientMatchesCentralDifferences) {
  for (const Shape &shape : {Shape{3, 1, 2, 5, 1}, {2, 2, 3, 3, 3}, {4, 1, 3, 1, 17}})
    for (const bool training : {true, false}) {
      SCOPED_TRACE(shape.str() + (training ? " training" : " inference"));
      check_gradient(shape, training);
    }
}
#endif

}  // namespace
}  // namespace coopnets
