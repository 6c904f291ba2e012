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
void PrintTo(const OpCase &c, std::ostream *out) { *out << c.name; }

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

Graph group_norm_case(int64_t groups) {
  return [groups](Tape &t, const std::vector<Variable> &v) { return group_norm(t, v[0], groups, 1e-3); };
}

// modulate of the first leaf, by the other leaves: a scale, a shift, or both.
Graph modulate_case(bool scale, bool shift) {
  return [=](Tape &t, const std::vector<Variable> &v) {
    return modulate(t, v[0], scale ? v[1] : Variable{}, shift ? v.back() : Variable{});
  };
}

Graph batch_norm_case(Activation a) {
  return [a](Tape &t, const std::vector<Variable> &v) {
    statistics().emplace_back(test_backend(), 3);
    return batch_norm(t, v[0], v[1], v[2], 1e-3, a, statistics().back());
  };
}

// The singular vectors and norms of the nodes below, which outlive every tape of this file.
std::deque<Tensor> &singular() {
  static std::deque<Tensor> all;
  return all;
}

// Of the leaf's value when it is recorded: u and v stay as they are then.
Variable divided(Tape &t, Variable w) {
  const auto vector = [](int64_t size) -> Tensor & {
    return singular().emplace_back(test_backend(), Shape{1, 1, 1, 1, size}, random_values(size, 3));
  };
  Tensor &u = vector(t.shape(w).c), &v = vector(t.shape(w).positions()), &sigma = vector(1);
  for (int i = 0; i < 3; ++i) test_backend().spectral_iteration(t.value(w), u, v);
  return spectral_norm(t, w, u, v, sigma);
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
  // An op of the first leaf alone.
  auto of_one = [](std::function<Variable(Tape &, Variable)> op) -> Graph {
    return [=](Tape &t, const std::vector<Variable> &v) { return op(t, v[0]); };
  };
  const Shape six{2, 2, 3, 2, 6}, vectors{5, 1, 1, 1, 12}, for_all{1, 1, 1, 1, 6}, for_each{2, 1, 1, 1, 6};
  const RandomKey key{5, Purpose::test};
  return {
      {"conv", {x, w}, conv_case(strided, linear(), false)},
      {"conv_bias_leaky", {x, w, channels4}, conv_case(strided, leaky_relu(0.2), true)},
      {"conv_relu", {x, w, channels4}, conv_case(strided, relu(), true)},
      {"conv_fully_connected", {x, filter_shape(full, 3, 4), channels4}, conv_case(full, tanh_activation(), true)},
      {"deconv", {y, w}, deconv_case(strided, x, linear(), false)},
      {"deconv_bias_tanh", {y, w, channels3}, deconv_case(strided, x, tanh_activation(), true)},
      {"spectral_norm", {w}, of_one(divided)},
      {"spectral_norm_of_two_uses", {w}, of_one([](Tape &t, Variable v) { return add(t, divided(t, v), v); })},
      {"conv_with_spectral_norm",
       {x, w},
       [strided](Tape &t, const std::vector<Variable> &v) {
         return conv(t, v[0], divided(t, v[1]), {}, strided, tanh_activation());
       }},
      {"deconv_of_conv_with_one_spectral_norm",
       {x, w},
       [strided, x](Tape &t, const std::vector<Variable> &v) {
         const Variable filters = divided(t, v[1]);
         return deconv(t, conv(t, v[0], filters, {}, strided, leaky_relu(0.2)), filters, {}, strided, x, linear());
       }},
      {"batch_norm", {x, channels3, channels3}, batch_norm_case(linear())},
      {"batch_norm_leaky", {x, channels3, channels3}, batch_norm_case(leaky_relu(0.2))},
      {"batch_norm_inference",
       {x, channels3, channels3},
       [](Tape &t, const std::vector<Variable> &v) {
         statistics().emplace_back(test_backend(), 3);
         return batch_norm_inference(t, v[0], v[1], v[2], running(0), running(1), 1e-3, sigmoid_activation(),
                                     statistics().back());
       }},
      {"group_norm", {six}, group_norm_case(3)},
      {"group_norm_of_one_group", {six}, group_norm_case(1)},
      {"group_norm_of_channels", {six}, group_norm_case(6)},
      {"group_norm_of_vectors", {vectors}, group_norm_case(3)},
      {"modulate", {six, for_each, for_each}, modulate_case(true, true)},
      {"modulate_all_alike", {six, for_all, for_all}, modulate_case(true, true)},
      {"modulate_scale_of_all", {six, for_all, for_each}, modulate_case(true, true)},
      {"modulate_shift_of_all", {six, for_each, for_all}, modulate_case(true, true)},
      {"modulate_scale", {six, for_each}, modulate_case(true, false)},
      {"modulate_scale_alike", {six, for_all}, modulate_case(true, false)},
      {"modulate_shift", {six, for_each}, modulate_case(false, true)},
      {"modulate_shift_alike", {six, for_all}, modulate_case(false, true)},
      {"modulate_by_itself", {vectors}, of_one([](Tape &t, Variable v) {
         const Variable u = activate(t, v, tanh_activation());
         return modulate(t, u, u, u);
       })},
      // What a net does with the time of a diffusion: it scales and shifts a normalised response by it.
      {"silu_of_modulated_group_norm_of_conv",
       {x, w, Shape{2, 1, 1, 1, 4}, Shape{2, 1, 1, 1, 4}},
       [strided](Tape &t, const std::vector<Variable> &v) {
         const Variable u = group_norm(t, conv(t, v[0], v[1], {}, strided, linear()), 2, 1e-3);
         const Variable scale = activate(t, v[2], tanh_activation());
         return apply(t, modulate(t, u, scale, v[3]), Function::silu);
       }},
      {"tanh_of_group_norm_of_tanh", {six}, of_one([](Tape &t, Variable v) {
         return activate(t, group_norm(t, activate(t, v, tanh_activation()), 2, 1e-3), tanh_activation());
       })},
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
      {"apply_silu", {x}, of_one([](Tape &t, Variable v) { return apply(t, v, Function::silu); })},
      {"silu_of_conv",
       {x, w, channels4},
       [strided](Tape &t, const std::vector<Variable> &v) {
         return apply(t, conv(t, v[0], v[1], v[2], strided, tanh_activation()), Function::silu);
       }},
      {"apply_exponential", {x}, of_one([](Tape &t, Variable v) { return apply(t, v, Function::exponential); })},
      // Away from 0, where a logarithm is too steep for these differences.
      {"apply_log_square", {x}, of_one([](Tape &t, Variable v) {
         return apply(t, affine(t, v, 0.1, 1), Function::log_square);
       })},
      {"apply_normal_to_uniform", {x}, of_one([](Tape &t, Variable v) {
         return apply(t, v, Function::normal_to_uniform);
       })},
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
      {"multiply", {x, x}, [](Tape &t, const std::vector<Variable> &v) { return multiply(t, v[0], v[1]); }},
      {"multiply_by_itself", {x}, of_one([](Tape &t, Variable v) { return multiply(t, v, v); })},
      {"multiply_of_activations",
       {x, x},
       [](Tape &t, const std::vector<Variable> &v) {
         const Variable a = activate(t, v[0], tanh_activation()), b = activate(t, v[1], sigmoid_activation());
         return add(t, multiply(t, multiply(t, a, b), a), b);
       }},
      {"affine", {x}, of_one([](Tape &t, Variable v) { return affine(t, v, -1.5, 0.25); })},
      {"slice", {six}, of_one([](Tape &t, Variable v) { return slice(t, v, 1, 4); })},
      {"join", {x, Shape{2, 3, 5, 7, 4}}, [](Tape &t, const std::vector<Variable> &v) { return join(t, v[0], v[1]); }},
      {"join_of_slices", {six}, of_one([](Tape &t, Variable v) {
         const Variable u = activate(t, v, tanh_activation());
         return join(t, join(t, slice(t, u, 4, 2), slice(t, u, 0, 3)), slice(t, u, 2, 3));
       })},
      {"sum_examples", {x}, of_one([](Tape &t, Variable v) { return sum_examples(t, v); })},
      {"log_softmax", {six}, of_one([](Tape &t, Variable v) { return log_softmax(t, v); })},
      {"softmax", {six}, of_one([](Tape &t, Variable v) {
         return apply(t, log_softmax(t, v), Function::exponential);
       })},
      {"maxout", {six}, of_one([](Tape &t, Variable v) { return maxout(t, v, 3); })},
      {"maxout_of_one_piece", {six}, of_one([](Tape &t, Variable v) { return maxout(t, v, 1); })},
      {"dropout", {x}, of_one([key](Tape &t, Variable v) { return dropout(t, v, 0.625, key, 3); })},
      {"two_dropouts", {x}, of_one([key](Tape &t, Variable v) {
         return add(t, dropout(t, v, 0.5, key, 0), dropout(t, activate(t, v, tanh_activation()), 0.75, key, 1));
       })},
      {"cosines", {Shape{5, 1, 2, 3, 2}}, of_one([](Tape &t, Variable v) { return cosines(t, v); })},
      {"closeness", {vectors}, of_one([](Tape &t, Variable v) { return closeness(t, v, 3); })},
      // What an op gave is not kept for it where the next needs none of it.
      {"tanh_of_log_softmax", {six}, of_one([](Tape &t, Variable v) {
         return activate(t, log_softmax(t, v), tanh_activation());
       })},
      {"tanh_of_maxout_of_tanh", {six}, of_one([](Tape &t, Variable v) {
         return activate(t, maxout(t, activate(t, v, tanh_activation()), 2), tanh_activation());
       })},
      {"sum_of_cosines_of_tanh", {vectors}, of_one([](Tape &t, Variable v) {
         return sum_examples(t, apply(t, cosines(t, activate(t, v, tanh_activation())), Function::silu));
       })},
      {"closeness_of_tanh_joined_with_it", {vectors}, of_one([](Tape &t, Variable v) {
         const Variable u = activate(t, v, tanh_activation());
         return join(t, u, closeness(t, u, 4));
       })},
      {"one_value_of_many_uses", {six}, of_one([key](Tape &t, Variable v) {
         const Variable u = activate(t, v, tanh_activation());
         const Variable square = multiply(t, u, u), largest = multiply(t, u, one_hot(t, u));
         const Variable sum = add(t, add(t, log_softmax(t, u), square), dropout(t, largest, 0.75, key, 2));
         return add(t, sum, affine(t, u, 2, -1));
       })},
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

}  // namespace
}  // namespace coopnets
