// Kernels that treat every element alone.
//
//   elements   0 1 2 ... 255 | 256 ... 511 | ...           thread t of block b begins at b * 256 + t,
//   threads    block 0       | block 1     | ... block 0   and strides by the whole grid
//
// Neighbouring threads read neighbouring words, so each warp moves whole 128-byte lines. Memory is all that counts:
// fill writes 4 bytes an element, an activation moves 8, add and difference 12, for one or two operations (tanh about
// 20).
#include "cuda/activation.h"
#include "cuda/cuda_backend.h"

namespace coopnets {
namespace {

constexpr int threads = 256;

struct Fill {
  float *x, value;
  __device__ void operator()(int64_t i) const { x[i] = value; }
};
struct FillExamples {
  float *x;
  const float *weight;
  int64_t example;
  __device__ void operator()(int64_t i) const { x[i] = weight[i / example]; }
};
struct Add {
  const float *a;
  float *y;
  __device__ void operator()(int64_t i) const { y[i] += a[i]; }
};
struct Difference {
  float factor;
  const float *a, *b;
  float *y;
  __device__ void operator()(int64_t i) const { y[i] = factor * (a[i] - b[i]); }
};
struct Activate {
  Activation activation;
  const float *x;
  float *y;
  __device__ void operator()(int64_t i) const { y[i] = activate(activation, x[i]); }
};
struct Derive {
  Activation activation;
  const float *y;
  float *dy;
  __device__ void operator()(int64_t i) const { dy[i] *= derivative(activation, y[i]); }
};

template <class Element>
__global__ void for_elements(Element element, int64_t size) {
  for (int64_t i = first_item(); i < size; i += item_stride()) element(i);
}

template <class Element>
void launch_for_elements(cudaStream_t stream, int64_t size, const Element &element) {
  if (size) CUDA_LAUNCH(for_elements<Element>, grid_for(size, threads), threads, 0, stream, element, size);
}

}  // namespace

void CudaBackend::fill(View x, real value) {
  const int64_t size = x.shape.size();
  if (value == 0 && size)
    CUDA_CHECK(cudaMemsetAsync(x.data, 0, size * sizeof(real), stream_));
  else
    launch_for_elements(stream_, size, Fill{x.data, value});
}

void CudaBackend::fill_examples(View x, ConstView weight) {
  require_same(weight.shape, {x.shape.n, 1, 1, 1, 1}, "fill_examples: weight");
  launch_for_elements(stream_, x.shape.size(), FillExamples{x.data, weight.data, x.shape.example()});
}

void CudaBackend::copy(ConstView from, View to) {
  require(from.shape.size() == to.shape.size(), "copy: the tensors differ in size");
  if (to.shape.size())
    CUDA_CHECK(cudaMemcpyAsync(to.data, from.data, to.shape.size() * sizeof(real), cudaMemcpyDeviceToDevice, stream_));
}

void CudaBackend::add(ConstView a, View y) {
  require_same(a.shape, y.shape, "add");
  launch_for_elements(stream_, y.shape.size(), Add{a.data, y.data});
}

void CudaBackend::difference(real factor, ConstView a, ConstView b, View y) {
  require_same(a.shape, b.shape, "difference");
  require_same(a.shape, y.shape, "difference: result");
  launch_for_elements(stream_, y.shape.size(), Difference{factor, a.data, b.data, y.data});
}

void CudaBackend::activation_forward(ConstView x, Activation activation, View y) {
  require_same(x.shape, y.shape, "activation");
  launch_for_elements(stream_, y.shape.size(), Activate{activation, x.data, y.data});
}

void CudaBackend::activation_backward(ConstView y, Activation activation, View dy) {
  require_same(y.shape, dy.shape, "activation: gradient");
  if (activation.kind == Activation::none) return;
  launch_for_elements(stream_, dy.shape.size(), Derive{activation, y.data, dy.data});
}

}  // namespace coopnets
