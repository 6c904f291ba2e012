#include "nets/network.h"

#include <gtest/gtest.h>

#include "numerics/gradient_check.h"

namespace coopnets {
namespace {

const RandomKey key{1, Purpose::generator_weights};

std::vector<Layer> tiny_generator() {
  return {deconv_layer(5, valid(2), leaky_relu(0.2), true), deconv_layer(4, same_side(3, 2, 3), relu(), true),
          deconv_layer(2, padded(5, 2, 1, 2), tanh_activation(), false)};
}

TEST(Layers, GeometryOfConvolutions) {
  // [M] object descriptor: 64 -> 33 -> 36 -> fully connected
  EXPECT_EQ(geometry(conv_layer(64, padded(4, 2, 2), relu()), {1, 1, 64, 64, 3}).out, (Shape{1, 1, 33, 33, 64}));
  EXPECT_EQ(geometry(conv_layer(128, padded(2, 1, 2), relu()), {1, 1, 33, 33, 64}).out, (Shape{1, 1, 36, 36, 128}));
  const Geometry full = geometry(fully_connected(2, linear()), {7, 1, 36, 36, 128});
  EXPECT_EQ(full.out, (Shape{7, 1, 1, 1, 2}));
  EXPECT_EQ(full.filters, (Shape{1, 36, 36, 128, 2}));
}

TEST(Layers, GeometryOfDeconvolutions) {
  const Activation a = relu();
  EXPECT_EQ(geometry(deconv_layer(8, padded(5, 2, 1, 2), a, true), {1, 1, 7, 7, 3}).out, (Shape{1, 1, 14, 14, 8}));
  EXPECT_EQ(geometry(deconv_layer(8, same_side(4, 2, 7), a, true), {1, 1, 4, 4, 3}).out, (Shape{1, 1, 7, 7, 8}));
  // VALID with the TensorFlow code's output shape: the 32nd frame is reached by no window.
  const Layer video = deconv_layer(128, valid(5, 2, 32), valid(32), valid(32), a, true);
  const Geometry g = geometry(video, {2, 14, 1, 1, 256});
  EXPECT_EQ(g.out, (Shape{2, 32, 32, 32, 128}));
  EXPECT_EQ(g.filters, (Shape{5, 32, 32, 128, 256}));
  EXPECT_THROW(geometry(deconv_layer(8, same_side(4, 2, 9), a, true), {1, 1, 4, 4, 3}), std::invalid_argument);
}

TEST(Network, ParametersHaveNamesShapesAndPublishedInitialValues) {
  Backend &backend = test_backend();
  Network net(backend, "generator", {1, 1, 1, 1, 3}, tiny_generator(), key, 0.05);
  std::vector<std::string> names;
  for (const Parameter &p : net.parameters()) names.push_back(p.name + " " + p.value.shape().str());
  EXPECT_EQ(names, (std::vector<std::string>{"generator.0.filters 1x2x2x5x3", "generator.0.scale 1x1x1x1x5",
                                             "generator.0.shift 1x1x1x1x5", "generator.1.filters 1x3x3x4x5",
                                             "generator.1.scale 1x1x1x1x4", "generator.1.shift 1x1x1x1x4",
                                             "generator.2.filters 1x5x5x2x4", "generator.2.bias 1x1x1x1x2"}));
  EXPECT_EQ(net.parameter_count(), 60 + 10 + 180 + 8 + 200 + 2);
  EXPECT_EQ(net.output({4, 1, 1, 1, 3}), (Shape{4, 1, 6, 6, 2}));
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
  Network a(backend, "g", {1, 1, 1, 1, 3}, tiny_generator(), key, 0.05),
      b(backend, "g", {1, 1, 1, 1, 3}, tiny_generator(), key, 0.05),
      c(backend, "g", {1, 1, 1, 1, 3}, tiny_generator(), {2, Purpose::generator_weights}, 0.05);
  EXPECT_EQ(a.parameters()[0].value.values(), b.parameters()[0].value.values());
  EXPECT_NE(a.parameters()[0].value.values(), c.parameters()[0].value.values());
}

#ifdef COOPNETS_DOUBLE
// The whole net, batch normalisation included: gradient with respect to the latent vectors and to every parameter.
TEST(Network, GradientsOfAGeneratorEqualCentralDifferences) {
  Backend &backend = test_backend();
  Network net(backend, "generator", {1, 1, 1, 1, 3}, tiny_generator(), key, 0.4);
  std::unique_ptr<Network::Use> use;
  check_gradients(
      [&](Tape &t, const std::vector<Variable> &v) {
        use = net.apply(t, v[0], Statistics::batch);
        return use->output;
      },
      {{3, 1, 1, 1, 3}});
  // With respect to the parameters: a loss after one plain gradient step of length h falls by h |gradient|^2.
  Tensor z(backend, {3, 1, 1, 1, 3}, random_values(9, 5));
  Arena arena(backend);
  Tape tape(backend, arena);
  use = net.apply(tape, tape.leaf(z), Statistics::batch);
  tape.keep(use->output);
  Tape::Gradient &g = tape.gradient(use->output, use->parameters);
  tape.plan();
  const std::vector<real> r = random_values(tape.shape(use->output).size(), 6);
  auto loss = [&] {
    tape.forward();
    const std::vector<real> y = values(backend, tape.value(use->output));
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += r[i] * y[i];
    return sum;
  };
  loss();
  backend.upload(r.data(), tape.seed(g).data, r.size() * sizeof(real));
  tape.backward(g);
  std::vector<std::vector<real>> gradients;
  for (Variable p : use->parameters) gradients.push_back(values(backend, tape.of(g, p)));
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
  Network net(backend, "generator", {1, 1, 1, 1, 3}, tiny_generator(), key, 0.3);
  Tensor z(backend, {6, 1, 1, 1, 3}, random_values(18, 5));
  Arena first(backend), second(backend);
  Tape training(backend, first), inference(backend, second);
  auto in_training = net.apply(training, training.leaf(z), Statistics::batch);
  auto in_inference = net.apply(inference, inference.leaf(z), Statistics::running);
  training.keep(in_training->output);
  inference.keep(in_inference->output);
  training.plan();
  inference.plan();
  auto distance = [&] {
    inference.forward();
    const std::vector<real> a = values(backend, training.value(in_training->output)),
                            b = values(backend, inference.value(in_inference->output));
    double most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(double(a[i]) - b[i]));
    return most;
  };
  training.forward();
  EXPECT_GT(distance(), 0.01);
  for (int i = 0; i < 200; ++i) net.track(*in_training);  // 0.9^200 of the start is left
  EXPECT_LE(distance(), 1e-5);
}

TEST(Network, ConvolutionalNetsTakeAnySize) {
  Backend &backend = test_backend();
  Network net(backend, "d", {1, 1, 9, 9, 3},
              {conv_layer(4, padded(3, 2, 1), relu()), conv_layer(2, padded(3, 1, 1), relu())}, key, 0.1);
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor x(backend, {2, 1, 15, 21, 3});
  EXPECT_EQ(tape.shape(net.apply(tape, tape.leaf(x), Statistics::batch)->output), (Shape{2, 1, 8, 11, 2}));
  Tensor wrong(backend, {2, 1, 15, 21, 4});
  EXPECT_THROW(net.apply(tape, tape.leaf(wrong), Statistics::batch), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
