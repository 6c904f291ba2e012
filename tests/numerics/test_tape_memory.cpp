// The memory that a tape plans.
#include <gtest/gtest.h>

#include "autodiff/ops.h"
#include "autodiff/tape.h"
#include "numerics/gradient_check.h"

namespace coopnets {
namespace {

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
    Tape::Gradient &g = tape.gradient({v}, {vx});
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
    Tape::Gradient &g = tape.gradient({v}, {vx});
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

}  // namespace
}  // namespace coopnets
