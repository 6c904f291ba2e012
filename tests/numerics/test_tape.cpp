#include "autodiff/tape.h"

#include <gtest/gtest.h>

#include "nets/layers.h"
#include "numerics/gradient_check.h"

namespace coopnets {
namespace {

const Shape four{1, 1, 1, 1, 4};

// y = 2 x; remembers what it was asked for.
struct Doubler final : Op {
  explicit Doubler(int &calls) : calls(calls) {}
  void forward(Backend &b, const std::vector<ConstView> &in, View y) override {
    b.copy(in[0], y);
    b.add(in[0], y);
  }
  void backward(Backend &b, const std::vector<ConstView> &, View dy, const Derivative &,
                const std::vector<View> &d_in) override {
    ++calls;
    b.copy(dy, d_in[0]);
    b.add(dy, d_in[0]);
  }
  bool backward_reads_input(size_t, const std::vector<bool> &) const override { return false; }
  int &calls;
};

// y = a(x); remembers whose derivative it was to multiply by.
struct Passer final : Op {
  Passer(Activation a, bool multiplies, Derivative &given) : a(a), multiplies(multiplies), given(given) {}
  void forward(Backend &b, const std::vector<ConstView> &in, View y) override { b.activation_forward(in[0], a, y); }
  Activation activation() const override { return a; }
  void backward(Backend &b, const std::vector<ConstView> &, View dv, const Derivative &derivative,
                const std::vector<View> &d_in) override {
    given = derivative;
    b.copy(dv, d_in[0]);
    if (derivative.output.data) b.activation_backward(derivative.output, derivative.activation, d_in[0]);
  }
  bool backward_multiplies() const override { return multiplies; }
  bool backward_reads_input(size_t, const std::vector<bool> &) const override { return false; }
  Activation a;
  bool multiplies;
  Derivative &given;
};

// The derivative of an activation is applied once: by the only use of what it gave where that multiplies, else by the
// tape.
TEST(Tape, TheOnlyUseAppliesTheDerivative) {
  Backend &backend = test_backend();
  Tensor x(backend, four, {-1, 2, -3, 4});
  for (bool multiplies : {false, true})
    for (bool used_twice : {false, true}) {
      Arena arena(backend);
      Tape tape(backend, arena);
      Derivative first, second;
      const Variable vx = tape.leaf(x);
      const Variable u = tape.record(std::make_unique<Passer>(leaky_relu(0.5), multiplies, first), {vx}, four);
      const Variable v = tape.record(std::make_unique<Passer>(leaky_relu(0.25), multiplies, second), {u}, four);
      const Variable y = used_twice ? add(tape, v, u) : v;
      Tape::Gradient &g = tape.gradient(y, {vx});
      tape.plan();
      tape.forward();
      backend.fill(tape.seed(g), 1);
      tape.backward(g);
      EXPECT_FALSE(first.output.data);  // of a leaf
      EXPECT_EQ(bool(second.output.data), multiplies && !used_twice);
      EXPECT_EQ(second.activation.slope, second.output.data ? real(0.5) : real(0));
      const real below = used_twice ? real(0.625) : real(0.125), above = used_twice ? 2 : 1;
      EXPECT_EQ(values(backend, tape.of(g, vx)), (std::vector<real>{below, above, below, above}));
    }
}

// What convolutions and deconvolutions do: of all activations in a chain of them, the tape applies the last one's alone.
TEST(Tape, ConvolutionsApplyTheDerivatives) {
  Backend &backend = test_backend();
  const Window window{{}, {2, 2, 0, 0}, {2, 2, 0, 0}};
  const Shape image{1, 1, 4, 4, 1};
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor x(backend, image), w(backend, filter_shape(window, 1, 2));
  const Variable vx = tape.leaf(x), vw = tape.leaf(w);
  const Variable a = conv(tape, vx, vw, {}, window, tanh_activation());
  const Variable b = deconv(tape, a, vw, {}, window, image, tanh_activation());
  const Variable c = conv(tape, activate(tape, b, tanh_activation()), vw, {}, window, tanh_activation());
  const Tape::Gradient &g = tape.gradient(c, {vx});
  tape.plan();
  std::vector<std::pair<bool, bool>> steps;
  for (const auto &step : g.steps) steps.emplace_back(step.multiply, step.multiplies_input);
  // conv, activate, deconv, conv; activate has no registers that the next derivative could be applied in
  EXPECT_EQ(steps, (std::vector<std::pair<bool, bool>>{{true, true}, {false, false}, {true, true}, {false, false}}));
}

TEST(Tape, OrderOfRecordingIsTopological) {  // b = a + a; c = b + b, so dc/da = 4
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor a(backend, four, {1, 2, 3, 4});
  const Variable va = tape.leaf(a), vb = add(tape, va, va), vc = add(tape, vb, vb);
  tape.keep(vc);
  Tape::Gradient &g = tape.gradient(vc, {va});
  tape.plan();
  for (int replay = 0; replay < 3; ++replay) {  // gradients are not carried from one replay to the next
    tape.forward();
    EXPECT_EQ(values(backend, tape.value(vc)), (std::vector<real>{4, 8, 12, 16}));
    backend.fill(tape.seed(g), 1);
    tape.backward(g);
    EXPECT_EQ(values(backend, tape.of(g, va)), (std::vector<real>{4, 4, 4, 4}));
  }
}

TEST(Tape, BackwardIsCutDownToWhatIsAsked) {
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor a(backend, four), b(backend, four);
  int left = 0, right = 0;
  const Variable va = tape.leaf(a), vb = tape.leaf(b);
  const Variable da = tape.record(std::make_unique<Doubler>(left), {va}, four);
  const Variable db = tape.record(std::make_unique<Doubler>(right), {vb}, four);
  const Variable sum = add(tape, da, db);
  Tape::Gradient &g = tape.gradient(sum, {va});
  tape.plan();
  tape.forward();
  backend.fill(tape.seed(g), 1);
  tape.backward(g);
  EXPECT_EQ(left, 1);
  EXPECT_EQ(right, 0);
  EXPECT_EQ(values(backend, tape.of(g, va)), (std::vector<real>{2, 2, 2, 2}));
}

TEST(Tape, AVariableUsedTwiceGetsBothShares) {
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor x(backend, four, {1, 1, 1, 1});
  int calls = 0;
  const Variable vx = tape.leaf(x);
  const Variable d = tape.record(std::make_unique<Doubler>(calls), {vx}, four);
  const Variable sum = add(tape, d, vx);  // 3 x
  Tape::Gradient &g = tape.gradient(sum, {vx});
  tape.plan();
  tape.forward();
  backend.fill(tape.seed(g), 1);
  tape.backward(g);
  EXPECT_EQ(values(backend, tape.of(g, vx)), (std::vector<real>{3, 3, 3, 3}));
}

TEST(Tape, PlanReusesMemoryWithoutChangingResults) {
  Backend &backend = test_backend();
  const Shape shape{1, 1, 6, 6, 2};
  Tensor x(backend, shape, random_values(shape.size(), 3));
  std::vector<std::vector<real>> results[2];
  size_t bytes[2];
  for (int keep_all = 0; keep_all < 2; ++keep_all) {
    Arena arena(backend);
    Tape tape(backend, arena);
    const Variable vx = tape.leaf(x);
    Variable v = vx;
    for (int i = 0; i < 8; ++i) {
      v = add(tape, activate(tape, v, i % 2 ? tanh_activation() : leaky_relu(0.3)), v);
      if (keep_all) tape.keep(v);
    }
    tape.keep(v);
    Tape::Gradient &g = tape.gradient(v, {vx});
    tape.plan();
    tape.forward();
    results[keep_all].push_back(values(backend, tape.value(v)));
    backend.fill(tape.seed(g), 1);
    tape.backward(g);
    results[keep_all].push_back(values(backend, tape.of(g, vx)));
    bytes[keep_all] = tape.bytes();
    EXPECT_LT(tape.bytes(), tape.bytes_unplanned());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_LT(bytes[0], bytes[1]);
}

TEST(Tape, ValuesSurviveTapesThatUseTheArenaOfGradients) {
  Backend &backend = test_backend();
  const Shape shape{1, 1, 6, 6, 2};
  Tensor x(backend, shape, random_values(shape.size(), 3));
  std::vector<real> results[2][2];
  size_t bytes[2];
  for (int apart = 0; apart < 2; ++apart) {
    Arena own(backend), shared(backend);
    Tape tape(backend, own, apart ? shared : own), other(backend, shared);
    const Variable vx = tape.leaf(x);
    Variable v = vx, w = other.leaf(x);
    for (int i = 0; i < 5; ++i) {
      v = activate(tape, v, tanh_activation());
      w = activate(other, w, sigmoid_activation());
      other.keep(w);
    }
    tape.keep(v);
    Tape::Gradient &g = tape.gradient(v, {vx});
    tape.plan();
    other.plan();
    tape.forward();
    other.forward();
    results[apart][0] = values(backend, tape.value(v));
    backend.fill(tape.seed(g), 1);
    tape.backward(g);
    results[apart][1] = values(backend, tape.of(g, vx));
    bytes[apart] = own.bytes() + shared.bytes();
  }
  EXPECT_EQ(results[0][0], results[1][0]);
  EXPECT_EQ(results[0][1], results[1][1]);
  EXPECT_LT(bytes[1], bytes[0]);  // the gradients take turns with the other tape
}

TEST(Tape, ForwardAloneNeedsTwoBuffersHoweverLongTheChain) {
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor x(backend, {1, 1, 1, 1, 64});
  Variable v = tape.leaf(x);
  for (int i = 0; i < 20; ++i) v = activate(tape, v, tanh_activation());
  tape.plan();
  EXPECT_EQ(tape.bytes(), 2 * 64 * sizeof(real));
}

TEST(Tape, MisuseIsRefused) {
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor a(backend, four), b(backend, four);
  const Variable va = tape.leaf(a), vb = tape.leaf(b), vc = activate(tape, va, linear());
  EXPECT_THROW(tape.forward(), std::logic_error);           // not planned
  EXPECT_THROW(tape.gradient(vc, {vc}), std::logic_error);  // not a leaf
  tape.gradient(vc, {vb});
  EXPECT_THROW(tape.plan(), std::logic_error);                   // vc does not depend on vb
  EXPECT_THROW(activate(tape, va, linear()), std::logic_error);  // already planned
}

}  // namespace
}  // namespace coopnets
