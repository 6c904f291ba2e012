// Every op of autodiff/ops.h: its gradient against central differences (double), its shape rule, and its errors. Adding
// an op means adding one entry to the list.
#include <gtest/gtest.h>

#include "nets/recorder.h"
#include "numerics/gradient_check.h"

namespace coopnets {
namespace {

// It is constant wherever no two channels are equal: what passes through it adds nothing to what comes another way.
TEST(OneHot, ItsGradientIsZero) {
  Backend &backend = test_backend();
  const Shape shape{2, 1, 1, 2, 3};
  const Tensor x(backend, shape, {1, 3, 2, -1, -4, -2, 0, 0, 5, 7, 6, 6});
  const std::vector<real> product{0, 3, 0, -1, 0, 0, 0, 0, 5, 7, 0, 0}, twice_hot{0, 2, 0, 2, 0, 0, 0, 0, 2, 2, 0, 0};
  for (const bool alone : {true, false}) {
    Arena arena(backend);
    Tape tape(backend, arena);
    const Variable vx = tape.leaf(x), hot = one_hot(tape, vx), y = alone ? hot : multiply(tape, vx, hot);
    tape.keep(y);
    Tape::Gradient &g = tape.gradient({y}, {vx});
    tape.plan();
    tape.forward();
    backend.fill(tape.seed(g), 2);
    tape.backward(g);
    EXPECT_EQ(values(backend, tape.of(g, vx)), alone ? std::vector<real>(12, 0) : twice_hot);
    if (!alone) {
      EXPECT_EQ(values(backend, tape.value(y)), product);
    }
  }
}

// Each gradient is the same whichever others are taken: an op computes what is asked, and no more is kept for it.
TEST(Modulate, GradientsAreTheSameWhicheverAreWanted) {
  Backend &backend = test_backend();
  const Shape shape{2, 2, 3, 2, 6}, for_each{2, 1, 1, 1, 6}, for_all{1, 1, 1, 1, 6};
  std::vector<Tensor> leaves;
  for (const Shape &s : {shape, for_each, for_all}) leaves.emplace_back(backend, s, random_values(s.size(), s.n));
  std::vector<std::vector<real>> all(3);
  for (int wanted = 7; wanted > 0; --wanted) {
    Arena arena(backend);
    Tape tape(backend, arena);
    std::vector<Variable> v, wrt;
    for (const Tensor &leaf : leaves) v.push_back(tape.leaf(leaf));
    const Variable x = activate(tape, v[0], tanh_activation()), scale = activate(tape, v[1], tanh_activation());
    const Variable y = affine(tape, modulate(tape, x, scale, affine(tape, v[2], 2, 0)), 3, 0);
    for (int k = 0; k < 3; ++k)
      if (wanted >> k & 1) wrt.push_back(v[k]);
    Tape::Gradient &g = tape.gradient({y}, wrt);
    tape.plan();
    tape.forward();
    const std::vector<real> seed = random_values(shape.size(), 9);
    backend.upload(seed.data(), tape.seed(g).data, seed.size() * sizeof(real));
    tape.backward(g);
    for (int k = 0; k < 3; ++k) {
      if (!(wanted >> k & 1)) continue;
      const std::vector<real> gradient = values(backend, tape.of(g, v[k]));
      if (wanted == 7) all[k] = gradient;
      EXPECT_EQ(gradient, all[k]) << wanted << ' ' << k;
    }
  }
}

TEST(OpShapes, ChannelsAndExamples) {
  Tape tape;
  const Variable x = tape.leaf({{4, 2, 3, 5, 6}, nullptr}), vectors = tape.leaf({{4, 1, 1, 1, 12}, nullptr});
  EXPECT_EQ(tape.shape(slice(tape, x, 2, 3)), (Shape{4, 2, 3, 5, 3}));
  EXPECT_EQ(tape.shape(join(tape, x, slice(tape, x, 0, 1))), (Shape{4, 2, 3, 5, 7}));
  EXPECT_EQ(tape.shape(sum_examples(tape, x)), (Shape{4, 1, 1, 1, 1}));
  EXPECT_EQ(tape.shape(log_softmax(tape, x)), (Shape{4, 2, 3, 5, 6}));
  EXPECT_EQ(tape.shape(one_hot(tape, x)), (Shape{4, 2, 3, 5, 6}));
  EXPECT_EQ(tape.shape(maxout(tape, x, 3)), (Shape{4, 2, 3, 5, 2}));
  EXPECT_EQ(tape.shape(cosines(tape, x)), (Shape{4, 1, 1, 1, 4}));
  EXPECT_EQ(tape.shape(closeness(tape, vectors, 3)), (Shape{4, 1, 1, 1, 3}));
  EXPECT_EQ(tape.shape(group_norm(tape, x, 3, 1e-5)), (Shape{4, 2, 3, 5, 6}));
  EXPECT_EQ(tape.shape(modulate(tape, x, {}, tape.leaf({{4, 1, 1, 1, 6}, nullptr}))), (Shape{4, 2, 3, 5, 6}));
}

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
  EXPECT_THROW(multiply(tape, vx, vs), std::invalid_argument);
  EXPECT_THROW(slice(tape, vx, 2, 2), std::invalid_argument);
  EXPECT_THROW(slice(tape, vx, -1, 2), std::invalid_argument);
  EXPECT_THROW(join(tape, vx, vs), std::invalid_argument);
  for (const int64_t pieces : {2, 6, 0}) EXPECT_THROW(maxout(tape, vx, pieces), std::invalid_argument);
  for (const real keep : {real(0), real(-0.5), real(1.5)})
    EXPECT_THROW(dropout(tape, vx, keep, {}, 0), std::invalid_argument);
  EXPECT_THROW(closeness(tape, vx, 3), std::invalid_argument);  // it has rows
  Tensor vector(backend, {4, 1, 1, 1, 12});
  for (const int64_t features : {5, 24, 0})
    EXPECT_THROW(closeness(tape, tape.leaf(vector), features), std::invalid_argument);
  for (const int64_t groups : {2, 6, 0, -1}) EXPECT_THROW(group_norm(tape, vx, groups, 1e-5), std::invalid_argument);
  Tensor two(backend, {2, 1, 1, 1, 3}), five(backend, {1, 1, 1, 1, 5}), three(backend, {1, 1, 1, 1, 3});
  for (const Variable wrong : {tape.leaf(two), tape.leaf(five), vs}) {
    EXPECT_THROW(modulate(tape, vx, wrong, tape.leaf(three)), std::invalid_argument);
    EXPECT_THROW(modulate(tape, vx, {}, wrong), std::invalid_argument);
  }
  EXPECT_THROW(modulate(tape, vx, {}, {}), std::invalid_argument);
  BatchStatistics s;
  EXPECT_THROW(batch_norm(tape, vx, vs, vs, 1e-5, linear(), s), std::invalid_argument);
  Tensor u(backend, {1, 1, 1, 1, 5}), v(backend, {1, 1, 1, 1, 18}), sigma(backend, {});
  spectral_norm(tape, vw, u, v, sigma);
  EXPECT_THROW(spectral_norm(tape, vw, v, u, sigma), std::invalid_argument);
  EXPECT_THROW(spectral_norm(tape, vx, u, v, sigma), std::invalid_argument);
  EXPECT_THROW(spectral_norm(tape, vw, u, v, u), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
