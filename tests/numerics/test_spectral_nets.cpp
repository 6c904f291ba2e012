// Nets whose filters are divided by their spectral norm.
#include <gtest/gtest.h>

#include "learning/pass.h"
#include "numerics/gradient_check.h"
#include "numerics/small_net.h"

namespace coopnets {
namespace {

const RandomKey key{1, Purpose::generator_weights};

// All kinds of layers with filters, one of them used twice, one before the convention holds.
std::vector<Variable> divided_net(Recorder &r, const std::vector<Variable> &x) {
  Variable h = r.conv(x[0], 3, same_side(3, 1), tanh_activation());
  r.conventions.spectral_norm = true;
  for (int i = 0; i < 2; ++i) {
    r.scope("twin");
    h = r.conv(h, 3, same_side(3, 1), leaky_relu(0.2));
  }
  r.scope("");
  h = r.deconv(h, 2, same_side(4, 2));
  return {r.fully_connected(h, 4)};
}

TEST(SpectralNormOfNets, IsListedAndKept) {
  Backend &backend = test_backend();
  const Shape shape{1, 1, 4, 4, 2};
  const Sketch s = sketch(divided_net, "n", {shape});
  EXPECT_EQ(s.lines,
            (std::vector<std::string>{"conv 3x3, tanh -> 4x4 x 3", "conv 3x3, spectral norm, leaky ReLU 0.2 -> 4x4 x 3",
                                      "conv 3x3, spectral norm, leaky ReLU 0.2 -> 4x4 x 3",
                                      "deconv 4x4 stride 2x2, spectral norm -> 8x8 x 2",
                                      "fully connected, spectral norm -> 1x1 x 4"}));
  std::vector<std::string> divided;
  for (const ParameterSpec &p : s.parameters)
    if (p.spectral_norm) divided.push_back(p.name);
  EXPECT_EQ(divided, (std::vector<std::string>{"n.twin.0.filters", "n.1.filters", "n.2.filters"}));
  Network net(backend, "n", divided_net, {shape}, key, 0.3);
  std::vector<std::string> kept;
  const NamedViews state = net.state();
  for (size_t i = net.parameters().size(); i < state.size(); ++i)
    kept.push_back(state[i].first + " " + state[i].second.shape.str());
  EXPECT_EQ(kept, (std::vector<std::string>{"n.twin.0.filters.left 1x1x1x1x27", "n.twin.0.filters.right 1x1x1x1x3",
                                            "n.1.filters.left 1x1x1x1x32", "n.1.filters.right 1x1x1x1x3",
                                            "n.2.filters.left 1x1x1x1x128", "n.2.filters.right 1x1x1x1x4"}));
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor x(backend, shape);
  EXPECT_EQ(net.record(tape, {tape.leaf(x)}, Statistics::batch)->spectral_norms.size(), 3u) << "one of the twins";
}

// The filters of a linear layer are a diagonal matrix: of all recordings the output is divided by its largest entry, and
// what moves that is iterations alone.
TEST(SpectralNormOfNets, EveryRecordingDividesByTheSameNorm) {
  Backend &backend = test_backend();
  const Shape three{1, 1, 1, 1, 3};
  Network net(backend, "n", small_net([](Recorder &r, Variable x) {
                r.conventions.spectral_norm = true;
                return r.fully_connected(x, 3, LayerOptions().without_bias());
              }),
              {three}, key, 0.3);
  Tensor x(backend, three, {1, 2, 3});
  Arena first(backend), second(backend);
  Pass a(net, {x}, Statistics::batch, first, first, {}), b(net, {x}, Statistics::batch, second, second, {});
  const auto outputs = [&] {
    for (int i = 0; i < 3; ++i) a.forward();
    b.forward();
    const std::vector<real> y = values(backend, a.output());
    EXPECT_EQ(values(backend, b.output()), y);
    return y;
  };
  Tensor &w = net.parameters()[0].value;
  w.set_values({4, 0, 0, 0, 1, 0, 0, 0, 2});
  for (int i = 0; i < 60; ++i) net.iterate_spectral_norms();
  const std::vector<real> divided = outputs(), wanted{1, real(0.5), real(1.5)};
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(divided[i], wanted[i], 1e-5);
  w.set_values({4, 0, 0, 0, 1, 0, 0, 0, 8});  // the norm along the old vectors is still 4
  const std::vector<real> frozen = outputs();
  EXPECT_NEAR(frozen[0], 1, 1e-5);
  EXPECT_NEAR(frozen[2], 6, 1e-5);
  net.parameters()[0].right.set_values({1, 0, 1});
  for (int i = 0; i < 60; ++i) net.iterate_spectral_norms();
  EXPECT_NEAR(outputs()[2], 3, 1e-5);
}

// The first vectors are those of the net's key after so many iterations that the norm is nearly the true one.
TEST(SpectralNormOfNets, BeginsNearTheTrueNorm) {
  Backend &backend = test_backend();
  Network net(backend, "n", divided_net, {{1, 1, 4, 4, 2}}, key, 0.3),
      same(backend, "n", divided_net, {{1, 1, 4, 4, 2}}, key, 0.3);
  for (size_t i = 0; i < net.parameters().size(); ++i) {
    Parameter &p = net.parameters()[i];
    if (!p.spectral_norm) continue;
    EXPECT_EQ(p.left.values(), same.parameters()[i].left.values());
    const Tensor y(backend, p.shape), sigma(backend, {});
    const auto norm = [&] {
      backend.spectral_norm_forward(p.value, p.right, p.left, y, sigma);
      return double(sigma.values()[0]);
    };
    const double at_first = norm();
    for (int k = 0; k < 200; ++k) backend.spectral_iteration(p.value, p.right, p.left);
    EXPECT_GT(at_first, 0.9 * norm()) << p.name;
    EXPECT_LT(at_first, 1.0001 * norm()) << p.name;
  }
}

// A net that is given the state of another goes on as that one, to the bit.
TEST(SpectralNormOfNets, ResumingIsExact) {
  Backend &backend = test_backend();
  const Shape shape{1, 1, 4, 4, 2};
  Network first(backend, "n", divided_net, {shape}, key, 0.3),
      second(backend, "n", divided_net, {shape}, {2, Purpose::generator_weights}, 0.3);
  const auto state_of = [&](Network &net) {
    std::vector<std::vector<real>> all;
    for (const auto &[name, view] : net.state()) all.push_back(values(backend, view));
    return all;
  };
  EXPECT_NE(state_of(first), state_of(second));
  const auto saved = state_of(first);
  const NamedViews target = second.state();
  for (size_t i = 0; i < saved.size(); ++i)
    backend.upload(saved[i].data(), target[i].second.data, saved[i].size() * sizeof(real));
  for (Network *net : {&first, &second}) net->iterate_spectral_norms();
  EXPECT_EQ(state_of(first), state_of(second));
  EXPECT_NE(state_of(first), saved);
}

#ifdef COOPNETS_DOUBLE
// With respect to inputs and to every element of every parameter, u and v staying as they are.
TEST(SpectralNormOfNets, GradientsEqualCentralDifferences) {
  Backend &backend = test_backend();
  const Shape shape{2, 1, 4, 4, 2};
  Network net(backend, "n", divided_net, {shape}, key, 0.4);
  std::unique_ptr<Network::Use> use;
  check_gradients(
      [&](Tape &t, const std::vector<Variable> &v) {
        use = net.record(t, v, Statistics::batch);
        return use->outputs[0];
      },
      {shape});
  Tensor x(backend, shape, random_values(shape.size(), 5));
  Arena arena(backend);
  Pass pass(net, {x}, Statistics::batch, arena, arena, {Wrt::parameters});
  const Projection loss{pass};
  const std::vector<std::vector<real>> gradients = loss.gradients();
  for (size_t i = 0; i < gradients.size(); ++i) {
    Tensor &value = net.parameters()[i].value;
    const std::vector<real> before = value.values();
    for (size_t e = 0; e < before.size(); ++e) {
      const auto moved = [&](double h) {
        std::vector<real> v = before;
        v[e] += h;
        value.set_values(v);
        return loss();
      };
      EXPECT_NEAR((moved(1e-5) - moved(-1e-5)) / 2e-5, gradients[i][e], 1e-7) << net.parameters()[i].name << ' ' << e;
    }
    value.set_values(before);
  }
}
#endif

}  // namespace
}  // namespace coopnets
