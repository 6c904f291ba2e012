// Every CPU kernel but the convolutions gives the same bits on any number of threads, and the same numbers to rounding at
// each level that this processor has (of which a portable build, NATIVE=0, has several).
#include <gtest/gtest.h>

#include <cstring>

#include "cpu/cpu.h"
#include "numerics/helpers.h"

namespace coopnets {
namespace {

template <class Keep>
void normalise_and_modulate(Backend &backend, const Tensor &x, const Tensor &g, const Keep &keep) {
  const Shape &shape = x.shape();
  const Tensor y(backend, shape), dx(backend, shape), shift(backend, {1, 1, 1, 1, shape.c}, random_values(shape.c, 4));
  for (const int64_t groups : {int64_t{1}, shape.c}) {
    const Tensor deviation(backend, {shape.n, 1, 1, 1, groups});
    backend.group_norm_forward(x, groups, real(1e-5), y, deviation);
    backend.group_norm_backward(y, g, deviation, dx);
    for (const Tensor *tensor : {&y, &deviation, &dx}) keep(*tensor);
  }
  for (const int64_t examples : {int64_t{1}, shape.n}) {
    const Shape numbers = {examples, 1, 1, 1, shape.c};
    const Tensor scale(backend, numbers, random_values(numbers.size(), 5)), d_scale(backend, numbers),
        d_shift(backend, numbers);
    backend.modulate_forward(x, scale, shift, y);
    backend.modulate_backward(x, scale, g, dx, d_scale, d_shift);
    for (const Tensor *tensor : {&y, &dx, &d_scale, &d_shift}) keep(*tensor);
  }
}

using Outputs = std::vector<std::vector<double>>;

// Runs every kernel on tensors of this shape and returns all that they wrote.
Outputs outputs(Backend &backend, const Shape &shape) {
  backend.set_clock({3, 0.7});
  const Shape channels = {1, 1, 1, 1, shape.c};
  const Tensor x(backend, shape, random_values(shape.size(), 1, 0.5)),
      g(backend, shape, random_values(shape.size(), 2)), scale(backend, channels, random_values(shape.c, 3)),
      shift(backend, channels, random_values(shape.c, 4));
  Outputs all;
  const auto keep = [&](const Tensor &tensor) {
    const std::vector<real> values = tensor.values();
    all.emplace_back(values.begin(), values.end());
  };
  Tensor y(backend, shape), a(backend, channels), b(backend, channels);

  backend.fill(y, real(1.5));
  keep(y);
  backend.clear_border(y, 1);
  keep(y);
  backend.fill_normal(y, 1, 2, {5, Purpose::test}, 6);
  keep(y);
  backend.copy(x, y);
  backend.add(y, g, y);
  backend.difference(real(0.3), y, x, y);
  keep(y);
  for (const Activation::Kind kind :
       {Activation::leaky_relu, Activation::tanh, Activation::sigmoid, Activation::softplus}) {
    backend.activation_forward(x, {kind, real(0.2)}, y);
    keep(y);
    backend.activation_backward(x, {kind, real(0.2)}, y);
    keep(y);
  }

  for (const Function f : {Function::silu, Function::exponential, Function::log_square, Function::normal_to_uniform}) {
    backend.function_forward(x, f, y);
    keep(y);
    backend.function_backward(x, g, f, y);
    keep(y);
  }
  backend.multiply(x, g, y);
  keep(y);
  backend.affine(x, real(0.3), real(-1.5), y);
  keep(y);
  backend.clip(y, 1);
  keep(y);
  backend.dropout(x, real(0.7), {5, Purpose::test}, 6, y);
  keep(y);

  Tensor part(backend, shape);
  backend.copy_channels(x, shape.c / 2, shape.c - shape.c / 2, part, 0);
  keep(part);
  backend.log_softmax_forward(x, y);
  keep(y);
  backend.log_softmax_backward(y, g, y);
  keep(y);
  backend.one_hot(x, y);
  keep(y);
  for (const int64_t pieces : {1, 2, 3, 5})
    if (shape.c % pieces == 0) {
      const Tensor largest(backend, {shape.n, shape.t, shape.h, shape.w, shape.c / pieces});
      backend.maxout_forward(x, largest);
      keep(largest);
      backend.maxout_backward(x, largest, y);
      keep(y);
    }

  const Tensor sums(backend, {shape.n, 1, 1, 1, 1}), cosines(backend, {shape.n, 1, 1, 1, shape.n}),
      near(backend, {shape.n, 1, 1, 1, shape.example() / shape.c});
  backend.sum_examples(x, sums);
  keep(sums);
  backend.spread_examples(sums, y);
  keep(y);
  backend.cosines_forward(x, cosines);
  keep(cosines);
  backend.cosines_backward(x, cosines, cosines, y);
  keep(y);
  backend.affine(x, real(0.01), 0, part);  // numbers that are close to each other, a feature a position
  const Shape vectors = {shape.n, 1, 1, 1, shape.example()};
  backend.closeness_forward({vectors, part.data()}, near);
  keep(near);
  backend.closeness_backward({vectors, part.data()}, near, {vectors, y.data()});
  keep(y);

  for (const Resampling &resampling : {Resampling::same(Resampling::average), Resampling::same(Resampling::binomial)}) {
    Tensor small(backend, resampling.reduced(shape));
    backend.downsample(x, resampling, real(1.5), small);
    keep(small);
    backend.upsample(small, resampling, real(1.5), y);
    keep(y);
  }

  Tensor right(backend, channels, random_values(shape.c, 5)), left(backend, {1, 1, 1, 1, shape.positions()}),
      norm(backend, {});
  backend.spectral_iteration(x, right, left);
  backend.spectral_norm_forward(x, right, left, y, norm);
  for (const Tensor *tensor : {&right, &left, &norm, &y}) keep(*tensor);
  backend.spectral_norm_backward(x, g, right, left, norm, y);
  keep(y);

  Tensor mean(backend, channels), inverse(backend, channels);
  backend.batch_norm_forward(x, scale, shift, real(1e-5), {}, y, mean, inverse);
  for (const Tensor *tensor : {&y, &mean, &inverse}) keep(*tensor);
  backend.batch_norm_backward(x, g, scale, mean, inverse, y, a, b);
  for (const Tensor *tensor : {&y, &a, &b}) keep(*tensor);
  backend.batch_norm_inference(x, scale, shift, mean, inverse, real(1e-5), {}, y);
  keep(y);
  backend.batch_norm_inference_backward(x, g, scale, mean, inverse, real(1e-5), y, a, b);
  for (const Tensor *tensor : {&y, &a, &b}) keep(*tensor);
  backend.batch_norm_track(mean, inverse, real(1e-5), real(0.9), a, b);
  for (const Tensor *tensor : {&a, &b}) keep(*tensor);

  normalise_and_modulate(backend, x, g, keep);

  Readings readings(backend, 5);
  backend.copy(g, y);
  backend.clip_norm({y, a}, real(0.5), readings, 4);
  keep(y);
  backend.sum(x, readings, 0);
  backend.sum_absolute(x, readings, 1);
  backend.sum_squared_difference(x, g, readings, 2);
  backend.max_absolute(x, readings, 3);
  for (const double reading : readings.read()) all.push_back({reading});

  Tensor value(backend, shape, x.values()), m(backend, shape), v(backend, shape);
  for (const real noise : {real(0), real(0.1)}) {
    backend.langevin(value, g, {real(0.1), real(0.9), noise, {5, Purpose::langevin}, 2});
    keep(value);
    backend.langevin(value, g, {real(0.1), real(0.9), noise, {5, Purpose::langevin}, 3, x});
    keep(value);
  }
  backend.adam({{value, g, m, v, real(0.01)}}, {real(0.5), real(0.999), real(1e-8), real(0.1)});
  for (const Tensor *tensor : {&value, &m, &v}) keep(*tensor);
  backend.rmsprop({{value, g, v, real(0.01)}}, real(0.9), real(1e-8));
  for (const Tensor *tensor : {&value, &v}) keep(*tensor);
  backend.capped_momentum({{value, g, m, real(0.01), 2, real(0.1), real(1e-4)}}, real(0.5));
  for (const Tensor *tensor : {&value, &m}) keep(*tensor);
  backend.set_clock({1, 1});
  backend.average({{value, m}}, real(0.3));
  backend.set_clock({});
  keep(m);
  return all;
}

const Shape shapes[] = {{1, 1, 1, 1, 3},    {3, 1, 101, 97, 1}, {5, 1, 61, 67, 3},
                        {2, 3, 31, 17, 30}, {3, 1, 23, 29, 70}, {7, 1, 3, 5, 300}};

TEST(CpuThreads, KernelsGiveTheSameBits) {
  for (const Shape &shape : shapes) {
    const Outputs one = outputs(*make_cpu_backend(1), shape);
    for (const int threads : {2, 3, 5}) {
      const Outputs other = outputs(*make_cpu_backend(threads), shape);
      ASSERT_EQ(other.size(), one.size());
      for (size_t i = 0; i < one.size(); ++i) {
        ASSERT_EQ(other[i].size(), one[i].size());
        EXPECT_EQ(std::memcmp(other[i].data(), one[i].data(), one[i].size() * sizeof(double)), 0)
            << shape.str() << " " << threads << " threads, output " << i;
      }
    }
  }
}

TEST(CpuLevels, KernelsDifferByRounding) {
  const std::vector<CpuLevel> levels = cpu_levels();
  for (const Shape &shape : shapes) {
    const Outputs wanted = outputs(*levels.front().make_backend(2), shape);
    for (const CpuLevel &level : levels) {
      const Outputs got = outputs(*level.make_backend(2), shape);
      ASSERT_EQ(got.size(), wanted.size());
      for (size_t i = 0; i < got.size(); ++i)
        EXPECT_LE(relative_error(got[i], wanted[i], 0.1), 1e-5) << shape.str() << " " << level.simd << ", output " << i;
    }
  }
}

TEST(CpuLevels, ProductsInDoubleDifferByRounding) {
  const int64_t m = 37, n = 53, depth = 300;
  const std::vector<real> values = random_values((m + n) * depth, 1);
  const std::vector<float> floats(values.begin(), values.end());
  const std::vector<double> doubles(floats.begin(), floats.end());
  std::vector<double> wanted(m * n), c(m * n);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t k = 0; k < depth; ++k) wanted[i * n + j] += doubles[i * depth + k] * doubles[(m + j) * depth + k];
  for (const CpuLevel &level : cpu_levels()) {
    level.gemm_of_floats(m, n, depth, {floats.data(), depth, 1}, {floats.data() + m * depth, 1, depth}, c.data(), n);
    EXPECT_LE(distance(c, wanted), 1e-14) << level.simd;
    level.gemm_of_doubles(m, n, depth, {doubles.data(), depth, 1}, {doubles.data() + m * depth, 1, depth}, c.data(), n);
    EXPECT_LE(distance(c, wanted), 1e-14) << level.simd;
  }
}

TEST(CpuLevels, TheLastIsTaken) {
  const std::vector<CpuLevel> levels = cpu_levels();
  ASSERT_FALSE(levels.empty());
  for (const CpuLevel &level : levels) {
    EXPECT_EQ(level.make_backend(2)->info().name, std::string("cpu, 2 threads, ") + level.simd);
    EXPECT_GT(level.multiply_adds(1), 0);
  }
  EXPECT_EQ(make_cpu_backend(2)->info().name, levels.back().make_backend(2)->info().name);
}

}  // namespace
}  // namespace coopnets
