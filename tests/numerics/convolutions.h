// The three convolutions of the tested backend, between guard words, and what their epilogues must give.
#pragma once
#include <gtest/gtest.h>

#include <cmath>

#include "numerics/helpers.h"
#include "numerics/naive_conv.h"
#include "tensor/random.h"

namespace coopnets {

constexpr double rounding = sizeof(real) == 4 ? 1e-5 : 1e-13;  // relative to the norm of the result

inline std::vector<real> noise(int64_t size, uint64_t seed) {
  std::vector<real> out(size);
  for (int64_t i = 0; i < size; ++i) {
    float four[4];
    normals(random_block({seed, Purpose::test}, 0, 0, i / 4), four);
    out[i] = real(four[i % 4]);
  }
  return out;
}

inline std::vector<real> forward(const NaiveConv &c, const std::vector<real> &x, const std::vector<real> &w,
                                 const Epilogue &epilogue = {}) {
  Backend &b = test_backend();
  Guarded y(c.y());
  b.conv_forward(Tensor(b, c.x, x), Tensor(b, c.w(), w), c.window, epilogue, y);
  return y.values();
}

inline std::vector<real> backward_input(const NaiveConv &c, const std::vector<real> &dy, const std::vector<real> &w,
                                        const Epilogue &epilogue = {}) {
  Backend &b = test_backend();
  Guarded dx(c.x);
  b.conv_backward_input(Tensor(b, c.y(), dy), Tensor(b, c.w(), w), c.window, epilogue, dx);
  return dx.values();
}

inline std::vector<real> backward_filter(const NaiveConv &c, const std::vector<real> &x, const std::vector<real> &dy) {
  Backend &b = test_backend();
  Guarded dw(c.w());
  b.conv_backward_filter(Tensor(b, c.x, x), Tensor(b, c.y(), dy), c.window, dw);
  return dw.values();
}

constexpr Activation activations[] = {{},
                                      {Activation::leaky_relu, real(0.2)},
                                      {Activation::tanh, 0},
                                      {Activation::sigmoid, 0},
                                      {Activation::softplus, 0}};

// Both epilogues against the naive statement: activation(y + bias) derivative, whatever the route to y.
inline void expect_epilogues(const NaiveConv &c, const std::vector<real> &x, std::vector<real> w,
                             const std::vector<real> &dy, const Activation &activation) {
  Backend &b = test_backend();
  const auto times_derivative = [&](std::vector<double> y, const std::vector<real> &output) {
    for (size_t i = 0; i < y.size(); ++i) {
      const double a = output[i];
      y[i] *= activation.kind == Activation::leaky_relu ? (a > 0 ? 1 : activation.slope)
              : activation.kind == Activation::tanh     ? 1 - a * a
              : activation.kind == Activation::sigmoid  ? a * (1 - a)
              : activation.kind == Activation::softplus ? 1 - std::exp(-a)
                                                        : 1;
    }
    return y;
  };
  const auto finish = [&](std::vector<double> y, const std::vector<real> &bias) {
    for (size_t i = 0; i < y.size(); ++i) {
      const double v = y[i] + bias[i % bias.size()];
      y[i] = activation.kind == Activation::leaky_relu ? (v > 0 ? v : activation.slope * v)
             : activation.kind == Activation::tanh     ? std::tanh(v)
             : activation.kind == Activation::sigmoid  ? 1 / (1 + std::exp(-v))
             : activation.kind == Activation::softplus ? std::log1p(std::exp(v))
                                                       : v;
    }
    return y;
  };
  for (real &v : w) v *= real(0.02);  // so that smooth activations are not saturated
  const std::vector<real> out_bias = noise(c.cout, 4), in_bias = noise(c.x.c, 5);
  const Tensor out_values(b, {1, 1, 1, 1, c.cout}, out_bias), in_values(b, {1, 1, 1, 1, c.x.c}, in_bias);
  EXPECT_LE(distance(forward(c, x, w, {out_values, activation}), finish(c.forward(x, w), out_bias)), rounding);
  EXPECT_LE(distance(backward_input(c, dy, w, {in_values, activation}), finish(c.backward_input(dy, w), in_bias)),
            rounding);
  EXPECT_LE(distance(forward(c, x, w, {{}, activation}), finish(c.forward(x, w), {real(0)})), rounding);
  const std::vector<real> out_output = noise(c.y().size(), 6), in_output = noise(c.x.size(), 7);
  const Tensor of_y(b, c.y(), out_output), of_x(b, c.x, in_output);
  EXPECT_LE(distance(forward(c, x, w, {{}, {}, {of_y, activation}}), times_derivative(c.forward(x, w), out_output)),
            rounding);
  EXPECT_LE(distance(backward_input(c, dy, w, {in_values, activation, {of_x, activation}}),
                     times_derivative(finish(c.backward_input(dy, w), in_bias), in_output)),
            rounding);
}

}  // namespace coopnets
