// Convolutions: which kernel computes which, and into how many parts its sum is split.
//
//   input of 1 to 4 channels   back to the input; forward and back to the filters where rows have 8 outputs or more:
//                              conv_small.cu
//   everything else            implicit matrix product           conv_gemm.h, by conv_forward.cu, conv_backward_*.cu
//
// Folding: along an axis whose window covers the whole input without padding (a fully connected layer), taps and
// channels lie side by side in x as in w, so both become channels: x [N,T,H,W,C] as [N,T,H,1,W C], and so on outwards.
// A fully connected layer becomes a plain matrix product in all three directions, with no taps to test and no phases to
// skip.
//
//   add_splits   partial [splits, elements] -> result: a thread adds one element's parts, one after the other;
//                4 (splits + 1) bytes and splits additions an element, bound by memory
//
// Splitting: where rows x columns make too few tiles to fill the GPU, or a sum is longer than 8192 terms, the sum is
// cut into equal parts, each computed by blocks of its own into scratch memory, and added afterwards in their order.
#include <limits>
#include <stdexcept>

#include "cuda/activation.h"
#include "cuda/conv_math.h"
#include "cuda/conv_problem.h"
#include "cuda/cuda_backend.h"

namespace coopnets {
namespace {

constexpr int most_splits = 4096;
constexpr int64_t most_partial_bytes = 128 << 20;

// result[i] = activation(sum of partial[s, i] over the splits, in their order, + bias).
__global__ void add_splits(const ConvProblem p, float *__restrict__ result) {
  for (int64_t i = first_item(); i < p.result_elements; i += item_stride()) {
    float sum = 0;
    for (int s = 0; s < p.splits; ++s) sum += p.result[s * p.result_elements + i];
    if (p.bias) sum += p.bias[i % p.bias_channels];
    result[i] = activate(p.activation, sum);
  }
}

int fits(int64_t value) {
  if (value > std::numeric_limits<int>::max())
    throw std::invalid_argument("a convolution on the GPU takes tensors of up to 2^31 - 1 elements");
  return int(value);
}

ConvAxis axis(const Axis &a, int64_t in, int64_t out) {
  return {fits(a.kernel), fits(a.stride), fits(a.before), fits(in), fits(out)};
}

bool covers(const ConvAxis &a) { return a.out == 1 && a.before == 0 && a.kernel == a.in; }
bool trivial(const ConvAxis &a) { return covers(a) && a.in == 1; }

void fold(ConvProblem &p) {
  const auto take = [&p](ConvAxis &a) {
    if (!covers(a)) return;
    p.in_channels = fits(int64_t{p.in_channels} * a.in);
    a = {1, 1, 0, 1, 1};
  };
  take(p.w);
  if (trivial(p.w)) take(p.h);
  if (trivial(p.w) && trivial(p.h)) take(p.t);
}

// The problem with everything but its pointers and epilogue; checks shapes.
ConvProblem problem(const Shape &x, const Shape &w, const Window &window, const Shape &y) {
  require_same(w, filter_shape(window, x.c, w.c), "convolution: filters");
  require_same(y, window.out(x, w.c), "convolution: output");
  fits(x.size());
  fits(w.size());
  fits(y.size());
  ConvProblem p{};
  p.t = axis(window.t, x.t, y.t);
  p.h = axis(window.h, x.h, y.h);
  p.w = axis(window.w, x.w, y.w);
  p.examples = fits(x.n);
  p.in_channels = fits(x.c);
  p.out_channels = fits(w.c);
  p.splits = 1;
  return p;
}

void set_epilogue(ConvProblem &p, const Epilogue &epilogue, int64_t channels) {
  if (epilogue.bias.data) require_same(epilogue.bias.shape, {1, 1, 1, 1, channels}, "convolution: bias");
  p.bias = epilogue.bias.data;
  p.bias_channels = int(channels);
  p.activation = epilogue.activation;
}

template <Product product>
GemmPlan plan(const CudaBackend &backend, ConvProblem &p) {
  const Phase<product> phase(p, 0);
  const int channels = p.out_channels | (product == Product::backward_input ? 0 : p.in_channels);
  const auto in_steps_of = [&](int n) { return channels % n == 0 && aligned(p.a, 4 * n) && aligned(p.b, 4 * n); };
  GemmPlan plan;
  plan.vector = in_steps_of(4) ? 4 : in_steps_of(2) ? 2 : 1;
  const auto blocks = [&](int rows, int columns) {
    return int64_t{ceil_div(phase.rows, rows)} * ceil_div(phase.columns, columns) * phases_of(product, p);
  };
  const int processors = backend.multiprocessors();
  const bool has_room = backend.shared_bytes_a_block() >= (64 << 10);
  plan.tile = Tile::medium;
  if (plan.vector == 4 && phase.rows <= FlatTile::rows)
    plan.tile = Tile::flat;
  else if (plan.vector > 1 && has_room && phase.rows > 64 && phase.columns > 64 &&
           (blocks(128, 128) >= processors || phase.sum >= 4096))
    plan.tile = Tile::large;

  const int64_t tiles = plan.tile == Tile::large  ? blocks(LargeTile::rows, LargeTile::columns)
                        : plan.tile == Tile::flat ? blocks(FlatTile::rows, FlatTile::columns)
                                                  : blocks(MediumTile::rows, MediumTile::columns);
  const int64_t resident = int64_t{processors} * (plan.tile == Tile::large ? 2 : 4);
  const int64_t to_fill = std::min<int64_t>(resident / tiles, phase.sum / (8 * step_of_sum));
  const int64_t to_be_exact = ceil_div<int64_t>(phase.sum, 8192);
  const int64_t room = std::max<int64_t>(1, most_partial_bytes / (p.result_elements * int64_t{sizeof(float)}));
  const int64_t grid = 65535 / phases_of(product, p);
  p.splits = int(std::max<int64_t>(1, std::min({std::max(to_fill, to_be_exact), room, grid, int64_t{most_splits}})));
  return plan;
}

template <Product product>
void run(CudaBackend &backend, ConvProblem p, View result) {
  p.result = result.data;
  p.result_elements = result.shape.size();
  if (!p.result_elements) return;
  const GemmPlan how = plan<product>(backend, p);
  if (p.splits > 1) p.result = backend.scratch<float>(p.splits * p.result_elements);
  launch_gemm<product>(p, how, backend.precision(), backend.stream());
  if (p.splits > 1) CUDA_LAUNCH(add_splits, grid_for(p.result_elements, 256), 256, 0, backend.stream(), p, result.data);
}

}  // namespace

void CudaBackend::conv_forward(ConstView x, ConstView w, const Window &window, const Epilogue &epilogue, View y) {
  ConvProblem p = problem(x.shape, w.shape, window, y.shape);
  set_epilogue(p, epilogue, w.shape.c);
  p.a = x.data;
  p.b = w.data;
  fold(p);
  if (p.in_channels <= few_channels && p.w.out >= 8 && y.shape.size() && small_forward_bytes(p) <= (48 << 10)) {
    p.result = y.data;
    return launch_small_forward(p, stream_);
  }
  run<Product::forward>(*this, p, y);
}

void CudaBackend::conv_backward_input(ConstView dy, ConstView w, const Window &window, const Epilogue &epilogue,
                                      View dx) {
  ConvProblem p = problem(dx.shape, w.shape, window, dy.shape);
  set_epilogue(p, epilogue, dx.shape.c);
  p.a = dy.data;
  p.b = w.data;
  fold(p);
  if (p.in_channels <= few_channels && dx.shape.size()) {
    p.result = dx.data;
    return launch_small_backward_input(p, stream_);
  }
  run<Product::backward_input>(*this, p, dx);
}

void CudaBackend::conv_backward_filter(ConstView x, ConstView dy, const Window &window, View dw) {
  ConvProblem p = problem(x.shape, dw.shape, window, dy.shape);
  p.a = x.data;
  p.b = dy.data;
  fold(p);
  if (small_backward_filter_fits(p) && dw.shape.size()) {
    // Parts of rows that fill the GPU, each of 8192 terms at most.
    p.result_elements = dw.shape.size();
    const int64_t rows = int64_t{p.examples} * p.t.out * p.h.out;
    const int64_t to_fill = ceil_div(8 * multiprocessors_, small_backward_filter_blocks(p));
    const int64_t to_be_exact = ceil_div<int64_t>(rows * p.w.out, 8192);
    const int64_t room = std::max<int64_t>(1, most_partial_bytes / (p.result_elements * int64_t{sizeof(float)}));
    p.splits = int(std::max<int64_t>(1, std::min({std::max(to_fill, to_be_exact), rows, room, int64_t{most_splits}})));
    p.result = p.splits > 1 ? scratch<float>(p.splits * p.result_elements) : dw.data;
    launch_small_backward_filter(p, stream_);
    if (p.splits > 1) CUDA_LAUNCH(add_splits, grid_for(p.result_elements, 256), 256, 0, stream_, p, dw.data);
    return;
  }
  run<Product::backward_filter>(*this, p, dw);
}

}  // namespace coopnets
