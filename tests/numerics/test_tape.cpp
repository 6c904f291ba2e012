#include "autodiff/tape.h"

#include <gtest/gtest.h>

#include "nets/recorder.h"
#include "numerics/gradient_check.h"

namespace coopnets {
namespace {

const Shape four{1, 1, 1, 1, 4};

// y = 2 x; counts its backward passes.
Op doubler(int &calls) {
  Op op;
  op.forward = [](Backend &b, const Inputs &in, View y) { b.add(in[0], in[0], y); };
  op.backward = [&calls](Backend &b, const Inputs &, View dy, const Derivative &, const Gradients &d_in) {
    ++calls;
    b.add(dy, dy, d_in[0]);
  };
  return op;
}

// y = a(x); remembers whose derivative it was to multiply by.
Op passer(Activation a, bool multiplies, Derivative &given) {
  Op op;
  op.activation = a;
  op.multiplies = multiplies;
  op.forward = [a](Backend &b, const Inputs &in, View y) { b.activation_forward(in[0], a, y); };
  op.backward = [&given](Backend &b, const Inputs &, View dv, const Derivative &derivative, const Gradients &d_in) {
    given = derivative;
    b.copy(dv, d_in[0]);
    if (derivative.output.data) b.activation_backward(derivative.output, derivative.activation, d_in[0]);
  };
  return op;
}

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
      const Variable u = tape.record(passer(leaky_relu(0.5), multiplies, first), {vx}, four);
      const Variable v = tape.record(passer(leaky_relu(0.25), multiplies, second), {u}, four);
      const Variable y = used_twice ? add(tape, v, u) : v;
      Tape::Gradient &g = tape.gradient({y}, {vx});
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
  const Tape::Gradient &g = tape.gradient({c}, {vx});
  tape.plan();
  using Step = Tape::Instruction;
  std::string steps;  // d: a derivative by itself, b: a backward pass, B: one that multiplies by the next derivative
  for (size_t i = g.first; i < g.last; ++i) {
    const Step &step = tape.program()[i];
    if (step.kind == Step::derivative) steps += 'd';
    if (step.kind == Step::backward) steps += step.multiplies_input ? 'B' : 'b';
  }
  // conv, activate, deconv, conv; activate has no registers that the next derivative could be applied in
  EXPECT_EQ(steps, "dBbdBb");
}

TEST(Tape, OrderOfRecordingIsTopological) {  // b = a + a; c = b + b, so dc/da = 4
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor a(backend, four, {1, 2, 3, 4});
  const Variable va = tape.leaf(a), vb = add(tape, va, va), vc = add(tape, vb, vb);
  tape.keep(vc);
  Tape::Gradient &g = tape.gradient({vc}, {va});
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
  const Variable da = tape.record(doubler(left), {va}, four);
  const Variable db = tape.record(doubler(right), {vb}, four);
  const Variable sum = add(tape, da, db);
  Tape::Gradient &g = tape.gradient({sum}, {va});
  tape.plan();
  tape.forward();
  backend.fill(tape.seed(g), 1);
  tape.backward(g);
  EXPECT_EQ(left, 1);
  EXPECT_EQ(right, 0);
  EXPECT_EQ(values(backend, tape.of(g, va)), (std::vector<real>{2, 2, 2, 2}));
}

// The last layer is linear: the gradient needs its filters, and no value of it.
TEST(Tape, OfTheForwardPassASweepMayLeaveOutWhatItDoesNotRead) {
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  const Tensor x(backend, {1, 1, 1, 1, 3}, random_values(3, 1)), v(backend, {1, 1, 1, 3, 4}, random_values(12, 2));
  const Tensor w(backend, {1, 1, 1, 4, 2}, random_values(8, 3));
  const Variable vx = tape.leaf(x), h = conv(tape, vx, tape.leaf(v), {}, {}, tanh_activation());
  const Variable y = conv(tape, h, tape.leaf(w), {}, {}, {});
  const Tape::Gradient &g = tape.gradient({y}, {vx});
  tape.plan();
  int run = 0;
  tape.watch([&](const Work &, const std::function<void()> &work) { ++run, work(); });
  const auto gradient = [&](bool whole) {
    whole ? tape.forward() : tape.forward_for(g);
    EXPECT_EQ(std::exchange(run, 0), whole ? 2 : 1);
    backend.fill(tape.seed(g), 1);
    tape.backward(g);
    run = 0;
    return values(backend, tape.of(g, vx));
  };
  EXPECT_EQ(gradient(true), gradient(false));
}

TEST(Tape, AVariableUsedTwiceGetsBothShares) {
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor x(backend, four, {1, 1, 1, 1});
  int calls = 0;
  const Variable vx = tape.leaf(x);
  const Variable d = tape.record(doubler(calls), {vx}, four);
  const Variable sum = add(tape, d, vx);  // 3 x
  Tape::Gradient &g = tape.gradient({sum}, {vx});
  tape.plan();
  tape.forward();
  backend.fill(tape.seed(g), 1);
  tape.backward(g);
  EXPECT_EQ(values(backend, tape.of(g, vx)), (std::vector<real>{3, 3, 3, 3}));
}

// With several outputs the gradient is that of the sum of <seed_k, of_k>, also where one output is made of another.
TEST(Tape, SeveralOutputsHaveASeedEach) {
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor x(backend, four, {1, 2, 3, 4});
  int calls = 0;
  const Variable vx = tape.leaf(x);
  const Variable twice = tape.record(doubler(calls), {vx}, four);
  const Variable four_times = tape.record(doubler(calls), {twice}, four);
  const Variable five_times = add(tape, four_times, vx);
  Tape::Gradient &g = tape.gradient({twice, five_times}, {vx});
  tape.plan();
  for (int replay = 0; replay < 2; ++replay) {
    tape.forward();
    EXPECT_EQ(values(backend, tape.value(twice)), (std::vector<real>{2, 4, 6, 8}));
    EXPECT_EQ(values(backend, tape.value(five_times)), (std::vector<real>{5, 10, 15, 20}));
    backend.fill(tape.seed(g, 0), 10);
    backend.fill(tape.seed(g, 1), 1);
    tape.backward(g);
    EXPECT_EQ(values(backend, tape.of(g, vx)), (std::vector<real>{25, 25, 25, 25}));
  }
  EXPECT_EQ(calls, 4);  // each op once per sweep
}

// What a branch computes and no gradient reads is still there when the forward pass ends, if that is asked for.
TEST(Tape, ValuesCanBeKeptUntilTheBackwardPass) {
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor x(backend, {1, 1, 1, 1, 64}, random_values(64, 3));
  const Variable vx = tape.leaf(x);
  int calls = 0;
  std::vector<Variable> chain = {vx};
  for (int i = 0; i < 6; ++i) {
    chain.push_back(tape.record(doubler(calls), {chain.back()}, tape.shape(vx)));
    tape.keep_until_backward(chain.back());
  }
  tape.gradient({chain.back()}, {vx});
  tape.plan();
  tape.forward();
  for (int i = 1; i <= 6; ++i) {
    std::vector<real> expected = x.values();
    for (real &v : expected) v *= real(1 << i);
    EXPECT_EQ(values(backend, tape.value(chain[i])), expected) << i;
  }
}

// y = e^x, whose gradient dy y needs what it gave and not what it took.
TEST(Tape, AnOpMayReadWhatItGave) {
  Backend &backend = test_backend();
  const auto exponential = [] {
    Op op;
    op.in_place = op.reads_output = true;
    op.forward = [](Backend &b, const Inputs &in, View y) { b.function_forward(in[0], Function::exponential, y); };
    op.backward = [](Backend &b, const Inputs &in, View dy, const Derivative &, const Gradients &d_in) {
      EXPECT_EQ(in.size(), 2u);
      b.multiply(dy, in.back(), d_in[0]);
    };
    return op;
  };
  const Shape shape{1, 1, 1, 1, 64};
  Tensor x(backend, shape, random_values(64, 3, real(0.1)));
  Arena arena(backend);
  Tape tape(backend, arena);
  const Variable vx = tape.leaf(x);
  const Variable u = tape.record(exponential(), {vx}, shape), v = tape.record(exponential(), {u}, shape);
  const Variable y = affine(tape, affine(tape, v, 2, 0), 2, 0);  // which leave room where v was not kept
  Tape::Gradient &g = tape.gradient({y}, {vx});
  tape.plan();
  tape.forward();
  backend.fill(tape.seed(g), 1);
  tape.backward(g);
  const std::vector<real> gradient = values(backend, tape.of(g, vx)), at = x.values();
  for (size_t i = 0; i < at.size(); ++i) {
    const double once = std::exp(double(at[i]));
    EXPECT_NEAR(gradient[i], 4 * std::exp(once) * once, 1e-4);
  }
}

// What each instruction is worth, by hand: multiply-adds x 2, and elements read and written.
TEST(Tape, AnObserverRunsEachInstructionAndKnowsItsWork) {
  Backend &backend = test_backend();
  const Window halving{{}, {2, 2, 0, 0}, {2, 2, 0, 0}};
  const Shape image{2, 1, 4, 4, 1};
  Tensor x(backend, image, random_values(32, 3)), w(backend, filter_shape(halving, 1, 3), random_values(12, 4));
  Tensor v(backend, filter_shape(halving, 3, 5), random_values(60, 5)), b(backend, {1, 1, 1, 1, 3});
  Arena arena(backend);
  Tape tape(backend, arena);
  const Variable vx = tape.leaf(x), vw = tape.leaf(w), vb = tape.leaf(b), vv = tape.leaf(v);
  const Variable h = conv(tape, vx, vw, vb, halving, tanh_activation());  // [2,1,2,2,3], 24
  tape.label(h, "first");
  const Variable u = conv(tape, h, vv, {}, halving, tanh_activation());  // [2,1,1,1,5], 10
  const Variable y = add(tape, affine(tape, u, 2, 0), u);
  tape.label(y, "second");
  tape.keep(y);
  const Tape::Gradient &g = tape.gradient({y}, {vx, vw, vb, vv});
  tape.plan();
  const auto gradients = [&] {
    tape.forward();
    backend.fill(tape.seed(g), 1);
    tape.backward(g);
    std::vector<std::vector<real>> all = {values(backend, tape.value(y))};
    for (const Variable leaf : {vx, vw, vb, vv}) all.push_back(values(backend, tape.of(g, leaf)));
    return all;
  };
  const std::vector<std::vector<real>> expected = gradients();
  std::vector<std::string> seen;
  tape.watch([&](const Work &work, const std::function<void()> &run) {
    seen.push_back(work.layer + ": " + work.what + ' ' + std::to_string(int64_t(work.flop)) + ' ' +
                   std::to_string(int64_t(work.bytes / sizeof(real))));
    run();
  });
  EXPECT_EQ(gradients(), expected);
  EXPECT_EQ(seen, (std::vector<std::string>{
                      "first: conv 192 71",                         // 2 12 8; 32 + 12 + 3, 24
                      "second: conv 240 94",                        // 2 60 2; 24 + 60, 10
                      "second: affine 0 20",                        // 10, 10
                      "second: sum 0 30",                           // 10 + 10, 10
                      "second: sum, gradients 0 30",                // 10, 10 + 10
                      "second: affine, gradients 0 20",             // 10, 10
                      "second: sum of gradients 0 30",              // 10 + 10, 10
                      "second: derivative of the activation 0 30",  // 10 + 10, 10
                      "second: conv, gradient of filters 240 94",   // 10 + 24, 60
                      "second: conv, gradient of input 240 118",    // 10 + 60, 24, and h for its derivative
                      "first: conv, gradient of bias 0 27",         // 24, 3
                      "first: conv, gradient of filters 192 68",    // 24 + 32, 12
                      "first: conv, gradient of input 192 68"}));   // 24 + 12, 32
  tape.watch({});
  EXPECT_EQ(gradients(), expected);
  EXPECT_EQ(seen.size(), 13u);
}

TEST(Tape, ATapeWithoutABackendKnowsShapesAlone) {
  Tape tape;
  const Variable x = tape.leaf({{2, 1, 4, 4, 3}, nullptr}), y = activate(tape, x, relu());
  EXPECT_EQ(tape.shape(y), (Shape{2, 1, 4, 4, 3}));
  EXPECT_THROW(tape.plan(), std::logic_error);
}

TEST(Tape, MisuseIsRefused) {
  Backend &backend = test_backend();
  Arena arena(backend);
  Tape tape(backend, arena);
  Tensor a(backend, four), b(backend, four);
  const Variable va = tape.leaf(a), vb = tape.leaf(b), vc = activate(tape, va, linear());
  EXPECT_THROW(tape.forward(), std::logic_error);             // not planned
  EXPECT_THROW(tape.gradient({vc}, {vc}), std::logic_error);  // not a leaf
  EXPECT_THROW(tape.gradient({va}, {va}), std::logic_error);  // nothing but a leaf
  tape.gradient({vc}, {vb});
  EXPECT_THROW(tape.plan(), std::logic_error);                   // vc does not depend on vb
  EXPECT_THROW(activate(tape, va, linear()), std::logic_error);  // already planned
}

}  // namespace
}  // namespace coopnets
