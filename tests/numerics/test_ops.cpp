// Every op of autodiff/ops.h: its gradient against central differences (double), its shape rule, and its errors. Adding
// an op means adding one entry to the list.
#include <gtest/gtest.h>

#include "nets/recorder.h"
#include "numerics/gradient_check.h"

namespace coopnets {
namespace {

struct OpCase {
  const char *name;
  std::vector<Shape> leaves;
  Graph graph;
};

const Shape channels3{1, 1, 1, 1, 3}, channels4{1, 1, 1, 1, 4};

std::deque<BatchStatistics> &statistics() {
  static std::deque<BatchStatistics> all;
  return all;
}

// mean and variance that a batch_norm_inference node reads; they outlive every tape of this file.
Tensor &running(int which) {
  static Tensor mean(test_backend(), channels3, {0.3, -0.2, 0.1}), variance(test_backend(), channels3, {0.5, 1.5, 2});
  return which ? variance : mean;
}

Graph batch_norm_case(Activation a) {
  return [a](Tape &t, const std::vector<Variable> &v) {
    statistics().emplace_back(test_backend(), 3);
    return batch_norm(t, v[0], v[1], v[2], 1e-3, a, statistics().back());
  };
}

std::vector<OpCase> cases() {
  const Window strided{{2, 1, 0, 1}, {3, 2, 1, 0}, {4, 3, 2, 1}};
  const Shape x{2, 3, 5, 7, 3}, y = strided.out(x, 4), w = filter_shape(strided, 3, 4);
  const Window full{{3, 1, 0, 0}, {5, 1, 0, 0}, {7, 1, 0, 0}};
  auto conv_case = [](Window window, Activation a, bool bias) -> Graph {
    return [=](Tape &t, const std::vector<Variable> &v) {
      return conv(t, v[0], v[1], bias ? v[2] : Variable{}, window, a);
    };
  };
  auto deconv_case = [](Window window, Shape out, Activation a, bool bias) -> Graph {
    return [=](Tape &t, const std::vector<Variable> &v) {
      return deconv(t, v[0], v[1], bias ? v[2] : Variable{}, window, out, a);
    };
  };
  auto resampling_case = [](Resampling filter, bool up) -> Graph {
    return [=](Tape &t, const std::vector<Variable> &v) {
      return up ? upsample(t, v[0], filter) : downsample(t, v[0], filter);
    };
  };
  return {
      {"conv", {x, w}, conv_case(strided, linear(), false)},
      {"conv_bias_leaky", {x, w, channels4}, conv_case(strided, leaky_relu(0.2), true)},
      {"conv_relu", {x, w, channels4}, conv_case(strided, relu(), true)},
      {"conv_fully_connected", {x, filter_shape(full, 3, 4), channels4}, conv_case(full, tanh_activation(), true)},
      {"deconv", {y, w}, deconv_case(strided, x, linear(), false)},
      {"deconv_bias_tanh", {y, w, channels3}, deconv_case(strided, x, tanh_activation(), true)},
      {"batch_norm", {x, channels3, channels3}, batch_norm_case(linear())},
      {"batch_norm_leaky", {x, channels3, channels3}, batch_norm_case(leaky_relu(0.2))},
      {"batch_norm_inference",
       {x, channels3, channels3},
       [](Tape &t, const std::vector<Variable> &v) {
         statistics().emplace_back(test_backend(), 3);
         return batch_norm_inference(t, v[0], v[1], v[2], running(0), running(1), 1e-3, sigmoid_activation(),
                                     statistics().back());
       }},
      {"activate_tanh",
       {x},
       [](Tape &t, const std::vector<Variable> &v) { return activate(t, v[0], tanh_activation()); }},
      {"activate_sigmoid",
       {x},
       [](Tape &t, const std::vector<Variable> &v) { return activate(t, v[0], sigmoid_activation()); }},
      {"activate_leaky",
       {x},
       [](Tape &t, const std::vector<Variable> &v) { return activate(t, v[0], leaky_relu(0.1)); }},
      {"activate_softplus", {x}, [](Tape &t, const std::vector<Variable> &v) { return activate(t, v[0], softplus()); }},
      {"silu", {x}, [](Tape &t, const std::vector<Variable> &v) { return silu(t, v[0]); }},
      {"silu_of_conv",
       {x, w, channels4},
       [strided](Tape &t, const std::vector<Variable> &v) {
         return silu(t, conv(t, v[0], v[1], v[2], strided, tanh_activation()));
       }},
      {"downsample_average", {x}, resampling_case(Resampling::same(Resampling::average), false)},
      {"downsample_binomial", {x}, resampling_case(Resampling::same(Resampling::binomial), false)},
      {"downsample_inside", {x}, resampling_case(Resampling::valid(Resampling::binomial), false)},
      {"upsample_nearest", {x}, resampling_case(Resampling::same(Resampling::average), true)},
      {"upsample_bilinear", {x}, resampling_case(Resampling::same(Resampling::binomial), true)},
      {"upsample_inside", {x}, resampling_case(Resampling::inner_doubling(), true)},
      // An image at two scales, both seen by the same filters.
      {"sum_over_scales",
       {x, w, channels4},
       [](Tape &t, const std::vector<Variable> &v) {
         const Window seen{{2, 1, 0, 1}, {3, 1, 1, 1}, {4, 1, 1, 2}};
         const Resampling half = Resampling::same(Resampling::average);
         const Variable fine = conv(t, v[0], v[1], v[2], seen, leaky_relu(0.2));
         const Variable coarse = conv(t, downsample(t, v[0], half), v[1], v[2], seen, leaky_relu(0.2));
         return add(t, downsample(t, fine, half), coarse);
       }},
      {"add", {x, x}, [](Tape &t, const std::vector<Variable> &v) { return add(t, v[0], v[1]); }},
      {"add_to_itself", {x}, [](Tape &t, const std::vector<Variable> &v) { return add(t, v[0], v[0]); }},
      // Convolutions hand the gradient down through their input's activation, whichever op that belongs to.
      {"conv_of_conv",
       {x, w, filter_shape(strided, 4, 3)},
       [strided](Tape &t, const std::vector<Variable> &v) {
         const Variable u = conv(t, v[0], v[1], {}, strided, tanh_activation());
         return conv(t, u, v[2], {}, strided, leaky_relu(0.2));
       }},
      {"deconv_of_batch_norm_of_conv",
       {x, w, channels4, channels4},
       [strided, x](Tape &t, const std::vector<Variable> &v) {
         statistics().emplace_back(test_backend(), 4);
         const Variable u = conv(t, v[0], v[1], {}, strided, sigmoid_activation());
         const Variable b = batch_norm(t, u, v[2], v[3], 1e-3, tanh_activation(), statistics().back());
         return deconv(t, b, v[1], {}, strided, x, tanh_activation());
       }},
      {"two_convs_of_one_conv",
       {x, w, filter_shape(strided, 4, 3)},
       [strided](Tape &t, const std::vector<Variable> &v) {
         const Variable u = conv(t, v[0], v[1], {}, strided, tanh_activation());
         return add(t, conv(t, u, v[2], {}, strided, linear()), conv(t, u, v[2], {}, strided, sigmoid_activation()));
       }},
      {"conv_with_computed_filters",
       {x, w, w},
       [strided](Tape &t, const std::vector<Variable> &v) {
         const Variable filters = activate(t, add(t, v[1], v[2]), tanh_activation());
         return conv(t, activate(t, v[0], tanh_activation()), filters, {}, strided, tanh_activation());
       }},
      // Two uses of one value, one of them through an op that may work in place.
      {"shared_value",
       {x, w},
       [strided, x](Tape &t, const std::vector<Variable> &v) {
         const Variable u = activate(t, v[0], tanh_activation());
         const Variable c = conv(t, u, v[1], {}, strided, leaky_relu(0.2));
         return add(t, activate(t, u, sigmoid_activation()), deconv(t, c, v[1], {}, strided, x, linear()));
       }},
  };
}

class Ops : public testing::TestWithParam<OpCase> {};

#ifdef COOPNETS_DOUBLE
TEST_P(Ops, GradientEqualsCentralDifferences) { check_gradients(GetParam().graph, GetParam().leaves, 0.7); }
#else
// In float: the op runs, twice with the same result, and its value and gradients are finite.
TEST_P(Ops, ReplayIsExact) {
  Backend &backend = test_backend();
  std::vector<Tensor> leaves;
  Arena arena(backend);
  Tape tape(backend, arena);
  std::vector<Variable> variables;
  for (const Shape &s : GetParam().leaves) {
    leaves.emplace_back(backend, s, random_values(s.size(), leaves.size()));
    variables.push_back(tape.leaf(leaves.back()));
  }
  const Variable y = GetParam().graph(tape, variables);
  tape.keep(y);
  Tape::Gradient &g = tape.gradient({y}, variables);
  tape.plan();
  std::vector<std::vector<real> > first, second;
  for (auto *result : {&first, &second}) {
    tape.forward();
    backend.fill(tape.seed(g), 0.5);
    tape.backward(g);
    result->push_back(values(backend, tape.value(y)));
    for (Variable v : variables) result->push_back(values(backend, tape.of(g, v)));
  }
  EXPECT_EQ(first, second);
  for (const auto &v : first)
    for (real e : v) ASSERT_TRUE(std::isfinite(e));
}
#endif

INSTANTIATE_TEST_SUITE_P(All, Ops, testing::ValuesIn(cases()), [](const auto &info) { return info.param.name; });

TEST(OpErrors, ShapesThatDisagreeAreRefusedWhenRecorded) {
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor x(backend, {1, 1, 4, 4, 3}), w(backend, {1, 3, 3, 2, 5}), small(backend, {1, 1, 2, 2, 3});
  const Variable vx = tape.leaf(x), vw = tape.leaf(w), vs = tape.leaf(small);
  const Window window{{}, {3, 1, 1, 1}, {3, 1, 1, 1}};
  EXPECT_THROW(conv(tape, vx, vw, {}, window, linear()), std::invalid_argument);
  EXPECT_THROW(deconv(tape, vx, vw, {}, window, {1, 1, 4, 4, 9}, linear()), std::invalid_argument);
  EXPECT_THROW(add(tape, vx, vs), std::invalid_argument);
  BatchStatistics s;
  EXPECT_THROW(batch_norm(tape, vx, vs, vs, 1e-5, linear(), s), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
