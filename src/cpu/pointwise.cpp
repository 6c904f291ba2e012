#include <algorithm>
#include <cstring>

#include "cpu/activation.h"
#include "cpu/cpu_backend.h"
#include "cpu/noise.h"

namespace coopnets {

void CpuBackend::fill(View x, real value) {
  for_elements(threads_, x.shape.size(), [=](int64_t i) { x.data[i] = value; });
}

void CpuBackend::clear_border(View x, int64_t border) {
  require(border >= 0, "clear_border: no border is narrower than 0");
  const int64_t rows = x.shape.n * x.shape.t * x.shape.h, row = x.shape.w * x.shape.c;
  const int64_t edge = std::min(border * x.shape.c, row);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t h = r % x.shape.h;
    const bool inner = h >= border && h < x.shape.h - border;
    real *const first = x.data + r * row;
    std::fill(first, first + (inner ? edge : row), real(0));
    if (inner) std::fill(first + row - edge, first + row, real(0));
  }
}

void CpuBackend::fill_normal(View x, real mean, real deviation, RandomKey key, int64_t index) {
  for_elements_with_noise(threads_, x.shape, key, clock_.iteration, index,
                          [=](int64_t i, real n) { x.data[i] = mean + deviation * n; });
}

void CpuBackend::copy(ConstView from, View to) {
  require(from.shape.size() == to.shape.size(), "copy: the tensors differ in size");
  for_chunks(threads_, to.shape.size(), elements_a_chunk, [=](int64_t begin, int64_t end) {
    std::memcpy(to.data + begin, from.data + begin, (end - begin) * sizeof(real));
  });
}

void CpuBackend::gather(ConstView table, const int64_t *index, View y) {
  require_same(table.shape.with_n(y.shape.n), y.shape, "gather");
  const int64_t size = y.shape.example();
  for (int64_t i = 0; i < y.shape.n; ++i) std::copy_n(table.data + index[i] * size, size, y.data + i * size);
}

void CpuBackend::scatter(ConstView x, const int64_t *index, View table) {
  require_same(table.shape.with_n(x.shape.n), x.shape, "scatter");
  const int64_t size = x.shape.example();
  for (int64_t i = 0; i < x.shape.n; ++i) std::copy_n(x.data + i * size, size, table.data + index[i] * size);
}

void CpuBackend::add(ConstView a, ConstView b, View y) {
  require_same(a.shape, b.shape, "add");
  require_same(a.shape, y.shape, "add: result");
  for_elements(threads_, y.shape.size(), [=](int64_t i) { y.data[i] = a.data[i] + b.data[i]; });
}

void CpuBackend::difference(real factor, ConstView a, ConstView b, View y) {
  require_same(a.shape, b.shape, "difference");
  require_same(a.shape, y.shape, "difference: result");
  for_elements(threads_, y.shape.size(), [=](int64_t i) { y.data[i] = factor * (a.data[i] - b.data[i]); });
}

void CpuBackend::activation_forward(ConstView x, Activation activation, View y) {
  require_same(x.shape, y.shape, "activation");
  with_activation(activation, [&](auto a) {
    for_elements(threads_, y.shape.size(), [=](int64_t i) { y.data[i] = a(x.data[i]); });
  });
}

void CpuBackend::activation_backward(ConstView y, Activation activation, View dy) {
  require_same(y.shape, dy.shape, "activation: gradient");
  if (activation.kind == Activation::none) return;
  with_derivative(activation, [&](auto derivative) {
    for_elements(threads_, y.shape.size(), [=](int64_t i) { dy.data[i] *= derivative(y.data[i]); });
  });
}

void CpuBackend::function_forward(ConstView x, Function function, View y) {
  require_same(x.shape, y.shape, "function");
  with_function(function,
                [&](auto f) { for_elements(threads_, y.shape.size(), [=](int64_t i) { y.data[i] = f(x.data[i]); }); });
}

void CpuBackend::function_backward(ConstView x, ConstView dy, Function function, View dx) {
  require_same(x.shape, dy.shape, "function: gradient");
  require_same(x.shape, dx.shape, "function: input gradient");
  with_derivative(function, [&](auto derivative) {
    for_elements(threads_, x.shape.size(), [=](int64_t i) { dx.data[i] = dy.data[i] * derivative(x.data[i]); });
  });
}

void CpuBackend::multiply(ConstView a, ConstView b, View y) {
  require_same(a.shape, b.shape, "multiply");
  require_same(a.shape, y.shape, "multiply: result");
  for_elements(threads_, y.shape.size(), [=](int64_t i) { y.data[i] = a.data[i] * b.data[i]; });
}

void CpuBackend::affine(ConstView x, real factor, real offset, View y) {
  require_same(x.shape, y.shape, "affine");
  for_elements(threads_, y.shape.size(), [=](int64_t i) { y.data[i] = factor * x.data[i] + offset; });
}

void CpuBackend::clip(View x, real bound) {
  require(bound >= 0, "clip: no bound is less than 0");
  for_elements(threads_, x.shape.size(), [=](int64_t i) {
    const real v = x.data[i];
    x.data[i] = v > bound ? bound : v < -bound ? -bound : v;
  });
}

namespace {

// Calls element(i, u_i) for each element i of x, u_i being its uniform number in (0, 1].
template <class Element>
void for_elements_with_uniforms(int threads, const Shape &x, RandomKey key, int64_t iteration, int64_t index,
                                const Element &element) {
  const FirstBlock first(x, key);
  const int64_t behind = first.behind;
  for_chunks(threads, behind + x.size(), elements_a_chunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += 4) {
      const Words words = random_block(key, uint64_t(iteration), uint32_t(index), uint64_t(first.block + i / 4));
      for (int64_t j = std::max(i, behind); j < std::min(i + 4, end); ++j) element(j - behind, uniform(words.v[j - i]));
    }
  });
}

}  // namespace

void CpuBackend::dropout(ConstView x, real keep, RandomKey key, int64_t index, View y) {
  require_same(x.shape, y.shape, "dropout");
  require(keep > 0 && keep <= 1, "dropout: it keeps a share of more than 0, of 1 at most");
  for_elements_with_uniforms(threads_, y.shape, key, clock_.iteration, index,
                             [=](int64_t i, float u) { y.data[i] = u <= keep ? x.data[i] / keep : 0; });
}

void CpuBackend::bernoulli(ConstView p, RandomKey key, int64_t index, View y) {
  require_same(p.shape, y.shape, "Bernoulli");
  for_elements_with_uniforms(threads_, y.shape, key, clock_.iteration, index,
                             [=](int64_t i, float u) { y.data[i] = real(u <= p.data[i]); });
}

}  // namespace coopnets
