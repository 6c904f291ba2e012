// y = scale x + shift, a number a channel, of each example or of all: blocks and sums as columns.h has them, where all
// examples are one part if they share a parameter. A thread reads four rows before it writes them, as dx may be dy.
//
// Forward reads x and writes y: 8 bytes an element; backward reads dy and writes dx, 8, and reads dy and x for the
// parameters' gradients, 8, or once more where the examples share one parameter and not the other.
#include "cuda/columns.h"
#include "tensor/checks.h"

namespace coopnets {
namespace {

// The number of a channel of a part.
struct Parameter {
  Parameter(ConstView view, float absent)
      : of(view.data), stride(view.shape.n == 1 ? 0 : view.shape.c), absent(absent) {}
  __device__ float operator()(const Walk &walk) const { return of ? of[walk.part * stride + walk.channel] : absent; }
  const float *of;
  int64_t stride;
  float absent;
};

__global__ void modulate_columns(const float *x, Parameter scale, Parameter shift, float *y, int64_t positions,
                                 int channels, int64_t chunk) {
  const Walk walk(positions, channels, chunk);
  if (walk.channel >= channels) return;
  const float k = scale(walk), b = shift(walk);
  map_rows(walk, channels, x, nullptr, y, [=](float v, float) { return k * v + b; });
}

bool is_shared(ConstView parameter) { return !parameter.data || parameter.shape.n == 1; }

// y may be x.
void apply(CudaBackend &backend, ConstView x, ConstView scale, ConstView shift, View y) {
  if (!x.shape.size()) return;
  const ColumnGrid g(x.shape, is_shared(scale) && is_shared(shift) ? 1 : x.shape.n);
  CUDA_LAUNCH(modulate_columns, g.grid, g.block, 0, backend.stream(), x.data, Parameter(scale, 1), Parameter(shift, 0),
              y.data, g.positions, g.channels, g.chunk);
}

// Either gradient may be absent.
void sum_gradients(CudaBackend &backend, ConstView x, ConstView dy, View d_scale, View d_shift) {
  const Shape &shape = d_scale.data ? d_scale.shape : d_shift.shape;
  if (shape.size())
    sum_over_positions(backend, ColumnGrid(dy.shape, shape.n), d_scale.data ? x : ConstView{}, dy, nullptr, {},
                       d_scale.data, d_shift.data);
}

}  // namespace

void CudaBackend::modulate_forward(ConstView x, ConstView scale, ConstView shift, View y) {
  check_modulate_forward(x, scale, shift, y);
  apply(*this, x, scale, shift, y);
}

// dx comes last, as it may lie where dy does.
void CudaBackend::modulate_backward(ConstView x, ConstView scale, ConstView dy, View dx, View d_scale, View d_shift) {
  check_modulate_backward(x, scale, dy, dx, d_scale, d_shift);
  const bool together = d_scale.data && d_shift.data && d_scale.shape == d_shift.shape;
  if (d_scale.data) sum_gradients(*this, x, dy, d_scale, together ? d_shift : View{});
  if (d_shift.data && !together) sum_gradients(*this, x, dy, {}, d_shift);
  if (!dx.data) return;
  if (scale.data)
    apply(*this, dy, scale, {}, dx);
  else if (dx.data != dy.data)
    copy(dy, dx);
}

}  // namespace coopnets
