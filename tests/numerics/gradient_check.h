// Reverse-mode gradients against central differences of <r, f(x)> with a random r: a sum of outputs would hide errors
// (through batch normalisation its gradient is zero). Meaningful in double only: h = 1e-5, tolerance 1e-7.
#pragma once
#include <gtest/gtest.h>

#include "autodiff/ops.h"
#include "backends/backend.h"
#include "learning/pass.h"

namespace coopnets {

inline std::vector<real> random_values(int64_t count, int64_t index, real deviation = 1) {
  std::vector<real> v(count);
  for (int64_t i = 0; i < count; ++i) {
    float n[4];
    normals(random_block({7, Purpose::test}, 0, static_cast<uint32_t>(index), i / 4), n);
    v[i] = deviation * n[i % 4];
  }
  return v;
}

// <r, y> of a pass's output y with a random r, and its gradients with respect to each parameter.
struct Projection {
  Pass &pass;
  std::vector<real> r = random_values(pass.output().shape.size(), 6);

  double operator()() const {
    pass.forward();
    const std::vector<real> y = values(test_backend(), pass.output());
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += double(r[i]) * y[i];
    return sum;
  }
  std::vector<std::vector<real>> gradients() const {
    (*this)();
    test_backend().upload(r.data(), pass.seed(Wrt::parameters).data, r.size() * sizeof(real));
    pass.backward(Wrt::parameters);
    std::vector<std::vector<real>> all;
    for (size_t i = 0; i < pass.net().parameters().size(); ++i)
      all.push_back(values(test_backend(), pass.gradient(Wrt::parameters, i)));
    return all;
  }
};

using Graph = std::function<Variable(Tape &, const std::vector<Variable> &leaves)>;

// Checks the gradient of <r, graph(leaves)> with respect to every leaf, along random directions and along single
// elements.
inline void check_gradients(const Graph &graph, const std::vector<Shape> &shapes, real deviation = 1) {
  Backend &backend = test_backend();
  std::vector<Tensor> leaves;
  for (size_t i = 0; i < shapes.size(); ++i)
    leaves.emplace_back(backend, shapes[i], random_values(shapes[i].size(), 10 + i, deviation));
  Arena arena(backend);
  Tape tape(backend, arena);
  std::vector<Variable> variables;
  for (Tensor &leaf : leaves) variables.push_back(tape.leaf(leaf));
  const Variable y = graph(tape, variables);
  tape.keep(y);
  Tape::Gradient &g = tape.gradient({y}, variables);
  tape.plan();
  const std::vector<real> r = random_values(tape.shape(y).size(), 1);
  auto projection = [&] {
    tape.forward();
    const std::vector<real> out = values(backend, tape.value(y));
    double sum = 0;
    for (size_t i = 0; i < out.size(); ++i) sum += double(r[i]) * out[i];
    return sum;
  };
  projection();
  backend.upload(r.data(), tape.seed(g).data, r.size() * sizeof(real));
  tape.backward(g);
  std::vector<std::vector<real>> gradients;
  for (Variable v : variables) gradients.push_back(values(backend, tape.of(g, v)));

  const double h = 1e-5;
  for (size_t leaf = 0; leaf < leaves.size(); ++leaf) {
    const std::vector<real> x = leaves[leaf].values();
    double norm = 0;
    for (real v : gradients[leaf]) norm += double(v) * v;
    norm = std::sqrt(norm);
    ASSERT_GT(norm, 0) << "leaf " << leaf << " has a zero gradient: this check could not fail";
    for (int direction = 0; direction < 4; ++direction) {
      std::vector<real> d(x.size(), 0);
      if (direction < 2)
        d = random_values(x.size(), 50 + direction);
      else
        d[(direction == 2 ? 0 : x.size() * 2 / 3)] = 1;  // one element
      double expected = 0, length = 0;
      for (size_t i = 0; i < d.size(); ++i) {
        expected += double(gradients[leaf][i]) * d[i];
        length += double(d[i]) * d[i];
      }
      auto shifted = [&](double by) {
        std::vector<real> moved = x;
        for (size_t i = 0; i < d.size(); ++i) moved[i] += real(by * d[i]);
        leaves[leaf].set_values(moved);
        return projection();
      };
      const double slope = (shifted(h) - shifted(-h)) / (2 * h);
      leaves[leaf].set_values(x);
      const double tolerance = 1e-7 * (norm * std::sqrt(length) + 1);
      EXPECT_LE(std::abs(slope - expected), tolerance) << "leaf " << leaf << ", direction " << direction;
    }
  }
}

}  // namespace coopnets
