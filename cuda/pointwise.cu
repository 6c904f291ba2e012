// Kernels that treat every element alone: y[i] = f(a[i], b[i]).
//
//   elements   0 1 2 3 | 4 5 6 7 | ... | 1020 ... 1023 | ...      thread t of block b begins with the four elements
//   threads       0    |    1    | ... |      255      | ...      from 4 (b * 256 + t) on, and strides by the whole grid
//
// Memory is all that counts: fill writes 4 bytes an element, an activation, a function, affine and clip move 8, the
// derivatives, add, difference and multiply 12, for one or two operations (what has an exponential, a logarithm or the
// error function about 20 to 40). Each thread has 16 bytes of every tensor under way at once. y may be a or b.
//
// gather and scatter move 8 bytes an element and read an index, scatter all later ones too: of latent vectors, once an
// iteration.
#include "cuda/activation.h"
#include "cuda/cuda_backend.h"
#include "cuda/four.h"

namespace coopnets {
namespace {

constexpr int threads = 256;

struct Constant {
  float value;
  __device__ float operator()(float, float) const { return value; }
};
struct Same {
  __device__ float operator()(float a, float) const { return a; }
};
struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Difference {
  float factor;
  __device__ float operator()(float a, float b) const { return factor * (a - b); }
};
struct Product {
  __device__ float operator()(float a, float b) const { return a * b; }
};
struct Affine {
  float factor, offset;
  __device__ float operator()(float a, float) const { return factor * a + offset; }
};
struct Clip {  // NaN stays
  float bound;
  __device__ float operator()(float a, float) const { return a > bound ? bound : a < -bound ? -bound : a; }
};
struct Activate {
  Activation activation;
  __device__ float operator()(float a, float) const { return activate(activation, a); }
};
struct TimesDerivative {
  Activation activation;
  __device__ float operator()(float a, float b) const { return a * derivative(activation, b); }
};

// x, but no farther from 0 than where e^x and e^-x are neither infinite nor denormal; NaN stays.
__device__ __forceinline__ float held(float x) { return x < -87 ? -87 : x > 87 ? 87 : x; }

// x s and s (1 + x (1 - s)), s = 1 / (1 + e^-x) and 1 - s = e^-x s. x is held where all of these are at their limits,
// before e^-x overflows; NaN stays.
struct Silu {
  __device__ float operator()(float x, float) const {
    x = x < -87 ? -87 : x;
    return x / (1 + expf(-x));
  }
};
struct TimesSiluDerivative {
  __device__ float operator()(float dy, float x) const {
    x = held(x);
    const float e = expf(-x), s = 1 / (1 + e);
    return dy * (s * (1 + x * (e * s)));
  }
};

// e^x, its own derivative; beyond 87 as at 87, as on the CPU.
struct Exponential {
  __device__ float operator()(float x, float) const { return expf(held(x)); }
};
struct TimesExponential {
  __device__ float operator()(float dy, float x) const { return dy * expf(held(x)); }
};

// ln(x^2 + e) and 2 x / (x^2 + e); e keeps the logarithm of 0 finite.
constexpr float least_square = 1e-8f;
struct LogSquare {
  __device__ float operator()(float x, float) const { return logf(x * x + least_square); }
};
struct TimesLogSquareDerivative {
  __device__ float operator()(float dy, float x) const { return dy * (2 * x / (x * x + least_square)); }
};

// erf(x / sqrt 2) and sqrt(2 / pi) e^(-x^2 / 2).
struct NormalToUniform {
  __device__ float operator()(float x, float) const { return erff(x * 0.707106781f); }
};
struct TimesNormalToUniformDerivative {
  __device__ float operator()(float dy, float x) const { return dy * (0.797884561f * expf(-x * x / 2)); }
};

// a and b may be null, where f does not look at them.
template <class Pointwise>
__global__ void for_elements(const float *a, const float *b, float *y, int64_t size, Pointwise f) {
  for (int64_t i = first_item(); 4 * i < size; i += item_stride()) {
    const Four left = a ? load_four(a, i, size) : Four{}, right = b ? load_four(b, i, size) : Four{};
    Four result;
#pragma unroll
    for (int j = 0; j < 4; ++j) result.v[j] = f(left.v[j], right.v[j]);
    store_four(y, i, size, result);
  }
}

template <class Pointwise>
void launch_for_elements(cudaStream_t stream, const float *a, const float *b, View y, const Pointwise &f) {
  const int64_t size = y.shape.size();
  if (size)
    CUDA_LAUNCH(for_elements<Pointwise>, grid_for(ceil_div<int64_t>(size, 4), threads), threads, 0, stream, a, b,
                y.data, size, f);
}

// width, channels: of a row; height: of a frame.
__global__ void clear_edges(float *x, int64_t size, int64_t height, int64_t width, int64_t channels, int64_t border) {
  for (int64_t i = first_item(); i < size; i += item_stride()) {
    const int64_t w = i / channels % width, h = i / (channels * width) % height;
    if (h < border || h >= height - border || w < border || w >= width - border) x[i] = 0;
  }
}

// size: elements of one example.
__global__ void gather_examples(const float *table, const int64_t *index, float *y, int64_t count, int64_t size) {
  for (int64_t i = first_item(); i < count * size; i += item_stride()) y[i] = table[index[i / size] * size + i % size];
}

__global__ void scatter_examples(const float *x, const int64_t *index, float *table, int64_t count, int64_t size) {
  for (int64_t i = first_item(); i < count * size; i += item_stride()) {
    const int64_t mine = index[i / size];
    bool last = true;
    for (int64_t other = i / size + 1; other < count; ++other) last = last && index[other] != mine;
    if (last) table[mine * size + i % size] = x[i];
  }
}

}  // namespace

void CudaBackend::fill(View x, real value) {
  const int64_t size = x.shape.size();
  if (value == 0 && size)
    CUDA_CHECK(cudaMemsetAsync(x.data, 0, size * sizeof(real), stream_));
  else
    launch_for_elements(stream_, nullptr, nullptr, x, Constant{value});
}

void CudaBackend::clear_border(View x, int64_t border) {
  require(border >= 0, "clear_border: no border is narrower than 0");
  const int64_t size = x.shape.size();
  if (size && border > 0)
    CUDA_LAUNCH(clear_edges, grid_for(size, threads), threads, 0, stream_, x.data, size, x.shape.h, x.shape.w,
                x.shape.c, border);
}

void CudaBackend::copy(ConstView from, View to) {
  require(from.shape.size() == to.shape.size(), "copy: the tensors differ in size");
  // By a kernel: in a graph a copy of memory may be handed to a copy engine, which takes microseconds to begin.
  launch_for_elements(stream_, from.data, nullptr, to, Same{});
}

void CudaBackend::gather(ConstView table, const int64_t *index, View y) {
  require_same(table.shape.with_n(y.shape.n), y.shape, "gather");
  if (y.shape.size())
    CUDA_LAUNCH(gather_examples, grid_for(y.shape.size(), threads), threads, 0, stream_, table.data, index, y.data,
                y.shape.n, y.shape.example());
}

void CudaBackend::scatter(ConstView x, const int64_t *index, View table) {
  require_same(table.shape.with_n(x.shape.n), x.shape, "scatter");
  if (x.shape.size())
    CUDA_LAUNCH(scatter_examples, grid_for(x.shape.size(), threads), threads, 0, stream_, x.data, index, table.data,
                x.shape.n, x.shape.example());
}

void CudaBackend::add(ConstView a, ConstView b, View y) {
  require_same(a.shape, b.shape, "add");
  require_same(a.shape, y.shape, "add: result");
  launch_for_elements(stream_, a.data, b.data, y, Sum{});
}

void CudaBackend::difference(real factor, ConstView a, ConstView b, View y) {
  require_same(a.shape, b.shape, "difference");
  require_same(a.shape, y.shape, "difference: result");
  launch_for_elements(stream_, a.data, b.data, y, Difference{factor});
}

void CudaBackend::activation_forward(ConstView x, Activation activation, View y) {
  require_same(x.shape, y.shape, "activation");
  launch_for_elements(stream_, x.data, nullptr, y, Activate{activation});
}

void CudaBackend::activation_backward(ConstView y, Activation activation, View dy) {
  require_same(y.shape, dy.shape, "activation: gradient");
  if (activation.kind == Activation::none) return;
  launch_for_elements(stream_, dy.data, y.data, dy, TimesDerivative{activation});
}

void CudaBackend::function_forward(ConstView x, Function function, View y) {
  require_same(x.shape, y.shape, "function");
  switch (function) {
    case Function::silu:
      return launch_for_elements(stream_, x.data, nullptr, y, Silu{});
    case Function::exponential:
      return launch_for_elements(stream_, x.data, nullptr, y, Exponential{});
    case Function::log_square:
      return launch_for_elements(stream_, x.data, nullptr, y, LogSquare{});
    case Function::normal_to_uniform:
      return launch_for_elements(stream_, x.data, nullptr, y, NormalToUniform{});
  }
}

void CudaBackend::function_backward(ConstView x, ConstView dy, Function function, View dx) {
  require_same(x.shape, dy.shape, "function: gradient");
  require_same(x.shape, dx.shape, "function: input gradient");
  switch (function) {
    case Function::silu:
      return launch_for_elements(stream_, dy.data, x.data, dx, TimesSiluDerivative{});
    case Function::exponential:
      return launch_for_elements(stream_, dy.data, x.data, dx, TimesExponential{});
    case Function::log_square:
      return launch_for_elements(stream_, dy.data, x.data, dx, TimesLogSquareDerivative{});
    case Function::normal_to_uniform:
      return launch_for_elements(stream_, dy.data, x.data, dx, TimesNormalToUniformDerivative{});
  }
}

void CudaBackend::multiply(ConstView a, ConstView b, View y) {
  require_same(a.shape, b.shape, "multiply");
  require_same(a.shape, y.shape, "multiply: result");
  launch_for_elements(stream_, a.data, b.data, y, Product{});
}

void CudaBackend::affine(ConstView x, real factor, real offset, View y) {
  require_same(x.shape, y.shape, "affine");
  launch_for_elements(stream_, x.data, nullptr, y, Affine{factor, offset});
}

void CudaBackend::clip(View x, real bound) {
  require(bound >= 0, "clip: no bound is less than 0");
  launch_for_elements(stream_, x.data, nullptr, x, Clip{bound});
}

}  // namespace coopnets
