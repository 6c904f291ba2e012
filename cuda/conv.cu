// Convolutions: which kernel computes which, and into how many parts its sum is split.
//
//   input of 1 to 4 channels   back to the input where a row of taps is 7 floats or shorter; in fp32 and tf32x3 forward and back to
//                              the filters where rows have 8 outputs or more: conv_small.cu
//   fully connected layers     forward to 112 outputs or fewer, back from 32 or fewer:   fully_connected.cu
//   everything else            implicit matrix product           conv_gemm.h, by conv_forward.cu, conv_backward_*.cu
//
// Back to few channels: dx has 3 columns for 8 of an instruction, and reads dy once a tap for them. But the taps of a row
// can be columns as well: the product [N,T,H,Wo, kW Cin] of dy and w, which sums over the other taps, and of which
// dx [.., o stride - before + k, i] is the sum over k of elements (o, (k, i)): a second kernel adds them (conv_small.cu).
// Estimate, not measured yet: each dy is read once where it was kW times, and 5 x 5 taps of 3 channels use 15 of 16
// columns.
//
// Folding: along an axis whose window covers the whole input without padding (a fully connected layer), taps and
// channels lie side by side in x as in w, so both become channels: x [N,T,H,W,C] as [N,T,H,1,W C], and so on outwards.
// A fully connected layer becomes a plain matrix product in all three directions, with no taps to test and no phases to
// skip.
//
//   add_splits   partial [splits, elements] -> result: neighbouring threads take neighbouring elements; where there
//                are few elements of many parts, 8 threads take every eighth part of one, and their sums are added in
//                order. 4 (splits + 1) bytes, 4 more for a derivative, and splits additions an element: bound by
//                memory
//
// Splitting: where rows x columns make too few tiles to fill the GPU (conv_plan.cu), or a sum is longer than 8192 terms,
// the sum is cut into equal parts, each computed by blocks of its own into scratch memory, and added afterwards in their
// order.
#include <limits>
#include <stdexcept>

#include "cuda/conv_problem.h"
#include "cuda/cuda_backend.h"

namespace coopnets {
namespace {

// result[i] = the sum of partial[s, i] over the splits, finished.
__global__ void __launch_bounds__(256) add_splits(const ConvProblem p, float *__restrict__ result) {
  for (int64_t i = first_item(); i < p.result_elements; i += item_stride()) {
    float sum = 0;
    for (int s = 0; s < p.splits; ++s) sum += p.result[s * p.result_elements + i];
    result[i] = finish(p, sum, int(i), i);
  }
}

// The same by 8 threads an element, a block for every 32 elements.
__global__ void __launch_bounds__(256) add_many_splits(const ConvProblem p, float *__restrict__ result) {
  SHARED_ARRAY(float, sums, 256);
  const int mine = threadIdx.x % 32, sharer = threadIdx.x / 32;
  const int64_t i = int64_t(blockIdx.x) * 32 + mine;
  float sum = 0;
  if (i < p.result_elements)
    for (int s = sharer; s < p.splits; s += 8) sum += p.result[s * p.result_elements + i];
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (sharer > 0 || i >= p.result_elements) return;
  for (int other = 1; other < 8; ++other) sum += sums[other * 32 + mine];
  result[i] = finish(p, sum, int(i), i);
}

void launch_add_splits(const ConvProblem &p, float *result, cudaStream_t stream) {
  if (p.splits >= 16 && p.result_elements <= (1 << 17))
    CUDA_LAUNCH(add_many_splits, unsigned(ceil_div<int64_t>(p.result_elements, 32)), 256, 0, stream, p, result);
  else
    CUDA_LAUNCH(add_splits, grid_for(p.result_elements, 256), 256, 0, stream, p, result);
}

int fits(int64_t value) {
  if (value > std::numeric_limits<int>::max())
    throw std::invalid_argument(
        "a convolution on the GPU takes tensors of up to 2^31 - 1 elements: fewer chains or a smaller batch "
        "(--set chains=... or batch=...) make them smaller");
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

void set_epilogue(ConvProblem &p, const Epilogue &epilogue, const Shape &result) {
  if (epilogue.bias.data) require_same(epilogue.bias.shape, {1, 1, 1, 1, result.c}, "convolution: bias");
  if (epilogue.derivative.output.data)
    require_same(epilogue.derivative.output.shape, result, "convolution: derivative");
  p.bias = epilogue.bias.data;
  p.bias_channels = int(result.c);
  p.activation = epilogue.activation;
  p.derivative_output = epilogue.derivative.output.data;
  p.derivative = epilogue.derivative.activation;
}

template <Product product>
GemmPlan plan(const CudaBackend &backend, ConvProblem &p) {
  const GemmPlan plan = plan_gemm<product>({backend.multiprocessors(), backend.shared_bytes_a_block(),
                                            backend.shared_bytes_a_processor(), backend.precision(), backend.only()},
                                           p);
  p.splits = plan.splits;
  p.stages = plan.stages;
  return plan;
}

const char *name(const GemmPlan &plan) {
  static const char *const names[4][4] = {{"large 4", "large 2", "large 1", ""},
                                          {"tall 4", "tall 2", "tall 1", ""},
                                          {"narrow 4", "narrow 2", "narrow 1", ""},
                                          {"medium 4", "medium 2", "medium 1", "medium, singly"}};
  return names[int(plan.tile)][plan.b_vector == 1 ? 3 : plan.a_vector == 4 ? 0 : plan.a_vector == 2 ? 1 : 2];
}

template <Product product>
ConvolutionRun run(CudaBackend &backend, ConvProblem p, View result) {
  p.result = result.data;
  p.result_elements = result.shape.size();
  if (!p.result_elements) return {};
  const GemmPlan how = plan<product>(backend, p);
  if (p.splits > 1) p.result = backend.scratch<float>(p.splits * p.result_elements);
  launch_gemm<product>(p, how, backend.precision(), backend.stream());
  if (p.splits > 1) launch_add_splits(p, result.data, backend.stream());
  return {name(how), p.splits};
}

// Back to few channels: the columns are the taps of a row.
ConvProblem with_row_taps_as_columns(ConvProblem p) {
  p.in_channels *= p.w.kernel;
  p.w = {1, 1, 0, p.w.out, p.w.out};
  p.result_elements = int64_t{p.examples} * p.t.in * p.h.in * p.w.in * p.in_channels;
  p.bias = p.derivative_output = nullptr;
  p.activation = {};
  return p;
}

bool row_taps_fit(const ConvProblem &p) {
  return p.w.kernel * p.in_channels >= 8 &&
         with_row_taps_as_columns(p).result_elements <= std::numeric_limits<int>::max();
}

ConvolutionRun run_row_taps(CudaBackend &backend, const ConvProblem &p) {
  ConvProblem columns = with_row_taps_as_columns(p);
  const GemmPlan how = plan<Product::backward_input>(backend, columns);
  columns.result = backend.scratch<float>(columns.splits * columns.result_elements);
  launch_gemm<Product::backward_input>(columns, how, backend.precision(), backend.stream());
  launch_add_row_taps(p, columns, backend.stream());
  static const char *const names[] = {"row taps, large", "row taps, tall", "row taps, narrow", "row taps, medium"};
  return {names[int(how.tile)], columns.splits};
}

}  // namespace

void CudaBackend::conv_forward(ConstView x, ConstView w, const Window &window, const Epilogue &epilogue, View y) {
  ConvProblem p = problem(x.shape, w.shape, window, y.shape);
  set_epilogue(p, epilogue, y.shape);
  p.a = x.data;
  p.b = w.data;
  fold(p);
  if (exact() && p.in_channels <= few_channels && p.w.out >= 8 && y.shape.size() &&
      small_forward_bytes(p) <= (48 << 10)) {
    p.result = y.data;
    last_convolution_ = {"small", 1};
    return launch_small_forward(p, stream_);
  }
  if (fully_connected_forward_fits(p)) {
    // Parts of the steps that fill the GPU twice, each of 8192 terms at most.
    p.result_elements = y.shape.size();
    const int64_t to_fill = ceil_div(2 * multiprocessors_, fully_connected_blocks(p));
    const int64_t to_be_exact = ceil_div<int64_t>(int64_t{p.in_channels} * p.t.kernel, most_terms);
    p.splits =
        int(std::min({std::max(to_fill, to_be_exact), int64_t{fully_connected_most_splits(p)}, room_for_splits(p)}));
    p.result = p.splits > 1 ? scratch<float>(p.splits * p.result_elements) : y.data;
    last_convolution_ = {"fully connected", p.splits};
    launch_fully_connected_forward(p, precision_, stream_);
    if (p.splits > 1) launch_add_splits(p, y.data, stream_);
    return;
  }
  last_convolution_ = run<Product::forward>(*this, p, y);
}

void CudaBackend::conv_backward_input(ConstView dy, ConstView w, const Window &window, const Epilogue &epilogue,
                                      View dx) {
  ConvProblem p = problem(dx.shape, w.shape, window, dy.shape);
  set_epilogue(p, epilogue, dx.shape);
  p.a = dy.data;
  p.b = w.data;
  fold(p);
  if (p.in_channels <= few_channels && dx.shape.size()) {
    p.result = dx.data;
    if (row_taps_fit(p)) {
      last_convolution_ = run_row_taps(*this, p);
    } else {
      last_convolution_ = {"small", 1};
      launch_small_backward_input(p, stream_);
    }
    return;
  }
  if (fully_connected_backward_fits(p)) {
    p.result = dx.data;
    last_convolution_ = {"fully connected", 1};
    return launch_fully_connected_backward_input(p, stream_);
  }
  last_convolution_ = run<Product::backward_input>(*this, p, dx);
}

void CudaBackend::conv_backward_filter(ConstView x, ConstView dy, const Window &window, View dw) {
  ConvProblem p = problem(x.shape, dw.shape, window, dy.shape);
  p.a = x.data;
  p.b = dy.data;
  fold(p);
  if (exact() && small_backward_filter_fits(p) && dw.shape.size()) {
    // Parts of rows that fill the GPU, each of 8192 terms at most.
    p.result_elements = dw.shape.size();
    const int64_t rows = int64_t{p.examples} * p.t.out * p.h.out;
    const int64_t to_fill = ceil_div(8 * multiprocessors_, small_backward_filter_blocks(p));
    const int64_t to_be_exact = ceil_div<int64_t>(rows * p.w.out, most_terms);
    p.splits = int(std::max<int64_t>(1, std::min({std::max(to_fill, to_be_exact), rows, room_for_splits(p)})));
    p.result = p.splits > 1 ? scratch<float>(p.splits * p.result_elements) : dw.data;
    last_convolution_ = {"small", p.splits};
    launch_small_backward_filter(p, stream_);
    if (p.splits > 1) launch_add_splits(p, dw.data, stream_);
    return;
  }
  if (fully_connected_backward_fits(p) && dw.shape.size()) {
    p.result = dw.data;
    last_convolution_ = {"fully connected", 1};
    return launch_fully_connected_backward_filter(p, stream_);
  }
  last_convolution_ = run<Product::backward_filter>(*this, p, dw);
}

}  // namespace coopnets
