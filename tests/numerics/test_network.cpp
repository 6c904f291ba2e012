#include "nets/network.h"

#include <gtest/gtest.h>

#include "learning/pass.h"
#include "numerics/gradient_check.h"
#include "numerics/small_net.h"

namespace coopnets {
namespace {

const RandomKey key{1, Purpose::generator_weights};

NetFunction tiny_generator() {
  return small_net([](Recorder &r, Variable z) {
    Variable h = normalised_deconv(r, z, 5, valid(2), leaky_relu(0.2));
    h = normalised_deconv(r, h, 4, same_side(3, 2, 3), relu());
    return r.deconv(h, 2, padded(5, 2, 1, 2), tanh_activation());
  });
}

TEST(Geometry, OfConvolutions) {
  // [M] object descriptor: 64 -> 33 -> 36 -> fully connected
  EXPECT_EQ(conv_geometry(padded(4, 2, 2), {1, 1, 64, 64, 3}, 64).out, (Shape{1, 1, 33, 33, 64}));
  EXPECT_EQ(conv_geometry(padded(2, 1, 2), {1, 1, 33, 33, 64}, 128).out, (Shape{1, 1, 36, 36, 128}));
  const Geometry full = conv_geometry({valid(0), valid(0), valid(0)}, {7, 1, 36, 36, 128}, 2);
  EXPECT_EQ(full.out, (Shape{7, 1, 1, 1, 2}));
  EXPECT_EQ(full.filters, (Shape{1, 36, 36, 128, 2}));
}

TEST(Geometry, OfDeconvolutions) {
  EXPECT_EQ(deconv_geometry(padded(5, 2, 1, 2), {1, 1, 7, 7, 3}, 8).out, (Shape{1, 1, 14, 14, 8}));
  EXPECT_EQ(deconv_geometry(same_side(4, 2, 7), {1, 1, 4, 4, 3}, 8).out, (Shape{1, 1, 7, 7, 8}));
  // VALID with the TensorFlow code's output shape: the 32nd frame is reached by no window.
  const Geometry g = deconv_geometry({valid(5, 2, 32), valid(32), valid(32)}, {2, 14, 1, 1, 256}, 128);
  EXPECT_EQ(g.out, (Shape{2, 32, 32, 32, 128}));
  EXPECT_EQ(g.filters, (Shape{5, 32, 32, 128, 256}));
  EXPECT_THROW(deconv_geometry(same_side(4, 2, 9), {1, 1, 4, 4, 3}, 8), std::invalid_argument);
}

TEST(Network, ParametersHaveNamesShapesAndPublishedInitialValues) {
  Backend &backend = test_backend();
  Network net(backend, "generator", tiny_generator(), {{1, 1, 1, 1, 3}}, key, 0.05);
  std::vector<std::string> names;
  for (const Parameter &p : net.parameters()) names.push_back(p.name + " " + p.value.shape().str());
  EXPECT_EQ(names, (std::vector<std::string>{"generator.0.filters 1x2x2x5x3", "generator.0.scale 1x1x1x1x5",
                                             "generator.0.shift 1x1x1x1x5", "generator.1.filters 1x3x3x4x5",
                                             "generator.1.scale 1x1x1x1x4", "generator.1.shift 1x1x1x1x4",
                                             "generator.2.filters 1x5x5x2x4", "generator.2.bias 1x1x1x1x2"}));
  EXPECT_EQ(net.parameter_count(), 60 + 10 + 180 + 8 + 200 + 2);
  EXPECT_EQ(net.output(Shape{4, 1, 1, 1, 3}), (Shape{4, 1, 6, 6, 2}));
  for (const Parameter &p : net.parameters()) {
    double sum = 0, squares = 0;
    for (real v : p.value.values()) {
      sum += v;
      squares += double(v) * v;
    }
    const double n = double(p.value.size());
    if (p.kind == Parameter::filters)  // deviation within 5 standard errors
      EXPECT_LE(std::abs(std::sqrt(squares / n) / 0.05 - 1), 5 / std::sqrt(2 * n)) << p.name;
    else
      EXPECT_EQ(sum / n, p.kind == Parameter::scale ? 1 : 0) << p.name;
  }
  EXPECT_EQ(net.state().size(), net.parameters().size() + 4);  // and two running statistics of two layers
}

TEST(Network, TheSameSeedGivesTheSameParameters) {
  Backend &backend = test_backend();
  Network a(backend, "g", tiny_generator(), {{1, 1, 1, 1, 3}}, key, 0.05),
      b(backend, "g", tiny_generator(), {{1, 1, 1, 1, 3}}, key, 0.05),
      c(backend, "g", tiny_generator(), {{1, 1, 1, 1, 3}}, {2, Purpose::generator_weights}, 0.05);
  EXPECT_EQ(a.parameters()[0].value.values(), b.parameters()[0].value.values());
  EXPECT_NE(a.parameters()[0].value.values(), c.parameters()[0].value.values());
}

#ifdef COOPNETS_DOUBLE
// The whole net, batch normalisation included: gradient with respect to the latent vectors and to every parameter.
TEST(Network, GradientsOfAGeneratorEqualCentralDifferences) {
  Backend &backend = test_backend();
  Network net(backend, "generator", tiny_generator(), {{1, 1, 1, 1, 3}}, key, 0.4);
  std::unique_ptr<Network::Use> use;
  check_gradients(
      [&](Tape &t, const std::vector<Variable> &v) {
        use = net.record(t, v, Statistics::batch);
        return use->outputs[0];
      },
      {{3, 1, 1, 1, 3}});
  // With respect to the parameters: a loss after one plain gradient step of length h falls by h |gradient|^2.
  Tensor z(backend, {3, 1, 1, 1, 3}, random_values(9, 5));
  Arena arena(backend);
  Pass pass(net, {z}, Statistics::batch, arena, arena, {Wrt::parameters});
  const Projection loss{pass};
  const std::vector<std::vector<real>> gradients = loss.gradients();
  for (size_t i = 0; i < net.parameters().size(); ++i) {
    Tensor &value = net.parameters()[i].value;
    const std::vector<real> before = value.values();
    double norm = 0;
    for (real v : gradients[i]) norm += v * v;
    norm = std::sqrt(norm);
    auto moved = [&](double h) {
      std::vector<real> v = before;
      for (size_t k = 0; k < v.size(); ++k) v[k] += real(h * gradients[i][k] / norm);
      value.set_values(v);
      return loss();
    };
    const double h = 1e-5, slope = (moved(h) - moved(-h)) / (2 * h);
    value.set_values(before);
    EXPECT_LE(std::abs(slope - norm), 1e-7 * (norm + 1)) << net.parameters()[i].name;
  }
}
#endif

TEST(Network, RunningStatisticsConvergeToThoseOfTheBatch) {
  Backend &backend = test_backend();
  Network net(backend, "generator", tiny_generator(), {{1, 1, 1, 1, 3}}, key, 0.3);
  Tensor z(backend, {6, 1, 1, 1, 3}, random_values(18, 5));
  Arena first(backend), second(backend);
  Pass training(net, {z}, Statistics::batch, first, first, {}),
      inference(net, {z}, Statistics::running, second, second, {});
  auto distance = [&] {
    inference.forward();
    const std::vector<real> a = values(backend, training.output()), b = values(backend, inference.output());
    double most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(double(a[i]) - b[i]));
    return most;
  };
  training.forward();
  EXPECT_GT(distance(), 0.01);
  for (int i = 0; i < 200; ++i) training.track();  // 0.9^200 of the start is left
  EXPECT_LE(distance(), 1e-5);
}

TEST(Network, ConvolutionalNetsTakeAnySize) {
  Backend &backend = test_backend();
  Network net(backend, "d", small_net([](Recorder &r, Variable x) {
                return r.conv(r.conv(x, 4, padded(3, 2, 1), relu()), 2, padded(3, 1, 1), relu());
              }),
              {{1, 1, 9, 9, 3}}, key, 0.1);
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor x(backend, {2, 1, 15, 21, 3});
  EXPECT_EQ(tape.shape(net.record(tape, {tape.leaf(x)}, Statistics::batch)->outputs[0]), (Shape{2, 1, 8, 11, 2}));
  EXPECT_TRUE(net.takes({x.shape()}));
  Tensor wrong(backend, {2, 1, 15, 21, 4});
  EXPECT_THROW(net.record(tape, {tape.leaf(wrong)}, Statistics::batch), std::invalid_argument);
  EXPECT_FALSE(net.takes({wrong.shape()}));
}

// ------------------------------------------------------------------------------------------- nets that branch

TEST(BranchingNets, AreDescribedAsTheyAreRecorded) {
  const Sketch f = sketch(two_branches, "f", {{1, 1, 8, 8, 1}});
  EXPECT_EQ(f.outputs, (std::vector<Shape>{{1, 1, 8, 8, 4}, {1, 1, 1, 1, 2}}));
  EXPECT_EQ(f.lines,
            (std::vector<std::string>{"conv 3x3, leaky ReLU 0.2 -> 8x8 x 4", "halved, binomial of input 1 -> 4x4 x 1",
                                      "conv 3x3, leaky ReLU 0.2 -> 4x4 x 3", "conv 3x3, tanh -> 4x4 x 3",
                                      "sum of 3 and 4 -> 4x4 x 3", "fully connected -> 1x1 x 2"}));
  EXPECT_EQ(f.flop, 2. * (64 * 9 * 4 + 16 * 9 * 3 + 16 * 9 * 3 * 3 + 16 * 3 * 2));
  const Sketch g = sketch(three_noises, "g", three_sizes);
  EXPECT_EQ(g.outputs, (std::vector<Shape>{{1, 1, 8, 8, 1}}));
  EXPECT_EQ(g.batch_norms.size(), 2u);
  EXPECT_EQ(g.lines[4], "sum of 4 and 2 -> 4x4 x 4");
  EXPECT_EQ(g.lines[5], "batch norm, leaky ReLU 0.2 -> 4x4 x 4");
}

// Layers that are named alike are the same layers: their gradient is the sum of both uses.
TEST(BranchingNets, LayersOfOneNameShareTheirParameters) {
  Backend &backend = test_backend();
  const auto twins = [](Recorder &r, const std::vector<Variable> &x) {
    std::vector<Variable> y;
    for (const Variable v : x) {
      r.scope("twin");
      y.push_back(r.conv(v, 2, valid(1), tanh_activation()));
    }
    r.scope("");
    y.push_back(r.conv(y[0], 1, valid(1)));
    return y;
  };
  Network net(backend, "n", twins, {{1, 1, 1, 1, 3}, {1, 1, 1, 1, 3}}, key, 0.5);
  std::vector<std::string> names;
  for (const Parameter &p : net.parameters()) names.push_back(p.name);
  EXPECT_EQ(names, (std::vector<std::string>{"n.twin.0.filters", "n.twin.0.bias", "n.0.filters", "n.0.bias"}));
  Tensor a(backend, {1, 1, 1, 1, 3}, {1, 2, 3}), b(backend, {1, 1, 1, 1, 3}, {3, 2, 1});
  std::vector<std::vector<real>> bias;
  for (const auto &inputs : {std::vector<View>{a, b}, {a, a}, {b, b}}) {
    Arena arena(backend);
    Pass pass(net, inputs, Statistics::batch, arena, arena, {Wrt::parameters});
    pass.forward();
    pass.fill_seed(Wrt::parameters, 0);
    for (size_t k = 0; k < 2; ++k) backend.fill(pass.seed(Wrt::parameters, k), 1);
    pass.backward(Wrt::parameters);
    bias.push_back(values(backend, pass.gradient(Wrt::parameters, 1)));
  }
  for (size_t c = 0; c < 2; ++c) EXPECT_NEAR(bias[0][c], (bias[1][c] + bias[2][c]) / 2, 1e-5);
  const auto unlike = [&](Recorder &r, const std::vector<Variable> &x) {
    for (const int64_t channels : {2, 3}) {
      r.scope("twin");
      r.conv(x[0], channels, valid(1));
    }
    return x;
  };
  EXPECT_THROW(sketch(unlike, "n", {{1, 1, 1, 1, 3}}), std::invalid_argument);
}

// A response that is normalised, modulated by what other layers make of a second input, and added in a learned share.
std::vector<Variable> conditioned(Recorder &r, const std::vector<Variable> &x) {
  const Variable scale = r.fully_connected(x[1], 6, LayerOptions(sigmoid_activation()).zero());
  const Variable shift = r.fully_connected(x[1], 6);
  const Variable h = r.conv(x[0], 6, same_side(3, 1));
  const Variable m = r.modulate(r.group_norm(h, 3), scale, shift);
  const Variable sum = r.add(h, r.scale_channels(r.silu(m), 0.25));
  return {sum, r.batch_norm(h)};  // which is no part of the layer that h comes from: another has begun since
}
const std::vector<Shape> conditioned_inputs = {{1, 1, 4, 4, 2}, {1, 1, 1, 1, 3}};

TEST(ConditionedNets, AreDescribedAsTheyAreRecorded) {
  const Sketch f = sketch(conditioned, "f", conditioned_inputs);
  EXPECT_EQ(f.lines, (std::vector<std::string>{
                         "conv 1x1, sigmoid of input 2 -> 1x1 x 6", "conv 1x1 of input 2 -> 1x1 x 6",
                         "conv 3x3 of input 1 -> 4x4 x 6", "group norm, 3 groups -> 4x4 x 6",
                         "modulated of 4 and 1 and 2 -> 4x4 x 6", "SiLU -> 4x4 x 6", "channels scaled -> 4x4 x 6",
                         "sum of 3 and 7 -> 4x4 x 6", "batch norm of 3 -> 4x4 x 6"}));
  std::vector<std::string> names;
  for (const ParameterSpec &p : f.parameters) names.push_back(p.name);
  EXPECT_EQ(names, (std::vector<std::string>{"f.0.filters", "f.0.bias", "f.1.filters", "f.1.bias", "f.2.filters",
                                             "f.2.bias", "f.3.scale", "f.4.scale", "f.4.shift"}));
}

// Whatever the conventions are.
TEST(ConditionedNets, NumbersBeginWhereTheirLayerSays) {
  for (const Conventions::Initial initial : {Conventions::normal, Conventions::uniform}) {
    const auto net = [initial](Recorder &r, const std::vector<Variable> &x) {
      r.conventions.initial = initial;
      return conditioned(r, x);
    };
    Network f(test_backend(), "f", net, conditioned_inputs, key, 0.5);
    for (const Parameter &p : f.parameters()) {
      const std::vector<real> all = p.value.values(), same(all.size(), all[0]);
      if (p.name == "f.0.filters" || p.name == "f.0.bias") {
        EXPECT_EQ(all, std::vector<real>(all.size(), 0)) << p.name;
      } else if (p.name == "f.3.scale") {
        EXPECT_EQ(all, std::vector<real>(6, real(0.25)));
      } else if (p.kind == ParameterSpec::filters) {
        EXPECT_NE(all, same) << p.name;
      }
    }
  }
}

#ifdef COOPNETS_DOUBLE
TEST(ConditionedNets, GradientsEqualCentralDifferences) {
  std::unique_ptr<Network::Use> use;
  const auto net = [](Recorder &r, const std::vector<Variable> &x) {  // the zero layer would hide its input
    const Variable h = r.conv(x[0], 6, same_side(3, 1)), t = r.fully_connected(x[1], 6, tanh_activation());
    return std::vector<Variable>{r.scale_channels(r.silu(r.modulate(r.group_norm(h, 2), t, t)), 0.25)};
  };
  Network f(test_backend(), "f", net, conditioned_inputs, key, 0.4);
  check_gradients(
      [&](Tape &t, const std::vector<Variable> &v) {
        use = f.record(t, v, Statistics::batch);
        return use->outputs[0];
      },
      {{2, 1, 4, 4, 2}, {2, 1, 1, 1, 3}});
}

TEST(BranchingNets, GradientsEqualCentralDifferences) {
  Backend &backend = test_backend();
  std::unique_ptr<Network::Use> use;
  Network f(backend, "f", two_branches, {{1, 1, 8, 8, 1}}, key, 0.4);
  for (size_t k = 0; k < 2; ++k)
    check_gradients(
        [&](Tape &t, const std::vector<Variable> &v) {
          use = f.record(t, v, Statistics::batch);
          return use->outputs[k];
        },
        {{2, 1, 8, 8, 1}});
  Network g(backend, "g", three_noises, three_sizes, key, 0.4);
  check_gradients(
      [&](Tape &t, const std::vector<Variable> &v) {
        use = g.record(t, v, Statistics::batch);
        return use->outputs[0];
      },
      {{2, 1, 2, 2, 2}, {2, 1, 4, 4, 1}, {2, 1, 8, 8, 1}});
}
#endif

}  // namespace
}  // namespace coopnets
