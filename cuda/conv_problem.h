// A convolution as the kernels see it, and its three products as matrix products.
//
//   y[n,o,c] = sum_{k,i} x[n, o stride - before + k, i] w[k,i,c]
//   x [N,T,H,W,Cin], w [taps,Cin,Cout], y [N,To,Ho,Wo,Cout]
//
//                    rows                        columns   summed over              row r of A        row of B
//   forward          positions of y              Cout      (tap k, channel i)       x around o        w[k,i,:]
//   backward_input   positions of dx, one phase  Cin       (tap k, channel c)       dy around u       w[k,:,c]
//   backward_filter  (tap k, channel i)          Cout      positions of y           x[.., i]          dy[p,:]
//
// A is never stored: its elements are gathered from the tensor as they are needed ("implicit GEMM").
//
// Phases: dx at u sees only taps k with (u + before - k) divisible by the stride. Positions u = r, r + stride, r + 2
// stride, ... share those taps: k = k0, k0 + stride, ... with k0 = (r + before) mod stride, and tap number j of them
// reads o = (r + before - k0)/stride + q - j at position number q. So each of the stride^3 phases is a dense
// convolution of stride 1, and no zero is multiplied.
#pragma once
#include <optional>

#include "cuda/activation.h"
#include "cuda/launch.h"

namespace coopnets {

enum class Product { forward, backward_input, backward_filter };

struct ConvAxis {
  int kernel, stride, before, in, out;
};

struct ConvProblem {
  const float *a, *b;  // x and w; dy and w; x and dy
  float *result;       // y; dx; dw. With several splits: [splits, result elements] of partial sums
  ConvAxis t, h, w;
  int examples, in_channels, out_channels;
  int splits;  // of the sum, each in blocks of its own
  int stages;  // of conv_gemm.h
  int64_t result_elements;
  const float *bias;  // of bias_channels, repeated over the columns; may be null
  int bias_channels;
  Activation activation;
  const float *derivative_output;  // as the result lies: multiplied by a'(v), a function of a(v); may be null
  Activation derivative;
};

// The sum v of element `at` as it is stored; c: its channel, or that and a multiple of bias_channels. The derivative of
// the activation below reads 4 bytes here, where a pass of its own (pointwise.cu) moves 12 and takes a launch:
// estimate: a tenth of a Langevin step of the scene net, not measured yet.
__device__ __forceinline__ float finish(const ConvProblem &p, float v, int c, int64_t at) {
  if (p.bias) v += p.bias[c < p.bias_channels ? c : c % p.bias_channels];
  v = activate(p.activation, v);
  return p.derivative_output ? v * derivative(p.derivative, p.derivative_output[at]) : v;
}

// The same for four neighbouring channels; output: theirs, of derivative_output.
__device__ __forceinline__ void finish(const ConvProblem &p, const Four &bias, const Four &output, Four &sum) {
#pragma unroll
  for (int j = 0; j < 4; ++j) sum.v[j] += bias.v[j];
  activate(p.activation, sum);
  if (p.derivative_output) multiply_by_derivative(p.derivative, output, sum);
}

// One axis of the gather that makes A's rows: position q reads the source at q step + origin + direction j, which meets
// tap first_tap + tap_step j, for j in [0, taps); its result stands at first + q spacing.
struct PhaseAxis {
  int positions, step, origin, direction, taps, first_tap, tap_step, source, first, spacing;
};

template <Product product>
__host__ __device__ __forceinline__ PhaseAxis phase_axis(const ConvAxis &a, int phase) {
  if (product != Product::backward_input) return {a.out, a.stride, -a.before, 1, a.kernel, 0, 1, a.in, 0, 1};
  const int first_tap = (phase + a.before) % a.stride;
  return {phase < a.in ? (a.in - phase + a.stride - 1) / a.stride : 0,
          1,
          (phase + a.before - first_tap) / a.stride,
          -1,
          first_tap < a.kernel ? (a.kernel - first_tap + a.stride - 1) / a.stride : 0,
          first_tap,
          a.stride,
          a.out,
          phase,
          a.stride};
}

// The matrix product of one phase.
template <Product product>
struct Phase {
  PhaseAxis t, h, w;
  int rows, columns, sum, channels;  // channels of A's source

  __host__ __device__ Phase(const ConvProblem &p, int phase)
      : t(phase_axis<product>(p.t, phase / (p.h.stride * p.w.stride))),
        h(phase_axis<product>(p.h, phase / p.w.stride % p.h.stride)),
        w(phase_axis<product>(p.w, phase % p.w.stride)) {
    const int taps = t.taps * h.taps * w.taps, positions = p.examples * t.positions * h.positions * w.positions;
    const bool input = product == Product::backward_input, filter = product == Product::backward_filter;
    channels = input ? p.out_channels : p.in_channels;
    columns = input ? p.in_channels : p.out_channels;
    rows = filter ? taps * channels : positions;
    sum = filter ? positions : taps * channels;
  }
};

inline int phases_of(Product product, const ConvProblem &p) {
  return product == Product::backward_input ? p.t.stride * p.h.stride * p.w.stride : 1;
}

// How a product is computed: see conv_gemm.h.
enum class Tile { large, tall, narrow, medium };
struct GemmPlan {
  Tile tile;
  int a_vector, b_vector;  // floats a copy of A and of B: 4 or 2 where the channels come in fours or pairs, else 1
  int splits, stages;
  int carveout;  // percent of a processor's memory that its blocks share, the rest being its cache
};
// What a plan is made for. Bytes of shared memory; `only`: the one tile to consider, wherever it may be.
struct Gpu {
  int processors;
  size_t shared_a_block, shared_a_processor;
  Precision precision;
  std::optional<Tile> only = {};
};
constexpr int64_t most_terms = 8192;  // of a part of a sum
// conv_plan.cu. p: with the number of elements of its result.
template <Product product>
GemmPlan plan_gemm(const Gpu &, const ConvProblem &p);
int64_t room_for_splits(const ConvProblem &);  // of results in scratch memory

// Launches of conv_forward.cu, conv_backward_input.cu, conv_backward_filter.cu.
template <Product product>
void launch_gemm(const ConvProblem &, const GemmPlan &, Precision, cudaStream_t);

// Launches of conv_small.cu: few input channels, in fp32 whatever the precision.
constexpr int few_channels = 4;
size_t small_forward_bytes(const ConvProblem &);  // of shared memory; launch_small_forward needs at most 48 KiB
void launch_small_forward(const ConvProblem &, cudaStream_t);
bool small_backward_filter_fits(const ConvProblem &);
int small_backward_filter_blocks(const ConvProblem &);                 // of one split
void launch_small_backward_filter(const ConvProblem &, cudaStream_t);  // into p.splits parts of p.result
void launch_small_backward_input(const ConvProblem &, cudaStream_t);

// dx from the product whose columns are the taps of a row, [columns.splits, N, T, H, Wo, kW Cin] (conv.cu).
void launch_add_row_taps(const ConvProblem &p, const ConvProblem &columns, cudaStream_t);

// Launches of fully_connected.cu: windows that cover rows and columns, folded into channels (conv.cu).
bool fully_connected_forward_fits(const ConvProblem &);
bool fully_connected_backward_fits(const ConvProblem &);
int fully_connected_blocks(const ConvProblem &);  // of one split, forward
int fully_connected_most_splits(const ConvProblem &);
void launch_fully_connected_forward(const ConvProblem &, Precision, cudaStream_t);  // into p.splits parts of p.result
void launch_fully_connected_backward_input(const ConvProblem &, cudaStream_t);
void launch_fully_connected_backward_filter(const ConvProblem &, cudaStream_t);

}  // namespace coopnets
