// The implicit matrix product behind all three convolution kernels (conv_problem.h names rows, columns and sum).
//
//                     columns                        A block computes rows x columns of the result, its warps a grid of
//               +-------+-------+                    smaller tiles of it; the sum runs in steps of 16:
//        step   |   B tile      |  16
//      +------+ +-------+-------+                      copies of step s+2  ->  shared memory, stage (s+2) mod 3
//      |      | | warp  | warp  |                      copies of step s+1      under way
//  rows|A tile| |  0    |  1    |                      products of step s  <-  shared memory, stage s mod 3
//      |      | +-------+-------+
//      |      | | warp  | warp  |                    One barrier a step: after it, step s has arrived for all
//      +------+ |  2    |  3    |                    threads and nobody reads the stage of step s-1 any more,
//         16    +-------+-------+                    which is filled next.
//
// Processors with 100 KiB of shared memory or less have two stages, so that two blocks of the large tile fit.
//
//   tile     block       fp32: warps, each thread     tensor cores: warps, each warp
//   large    128 x 128   2 x 4   8 x 8                2 x 2   64 x 64
//   tall     128 x  64   2 x 2   8 x 8                2 x 2   64 x 32
//   narrow   128 x  32   4 x 1   8 x 4                4 x 1   32 x 32
//   medium    64 x  64   2 x 2   8 x 4                2 x 2   32 x 32
//
// A step of the large tile moves 16 KiB into shared memory for 524,288 operations, 32 a byte: at a tensor core's rate
// more than L2 gives. But what a block gathers for the second tap is nearly what it did for the first, so it is kept in
// the processor's own cache (L1), which B, without a second use, passes by. Two blocks' rows of 100 channels, 100 KiB,
// still fit there; where channels come in 32s, the sum runs through 32 of them in every tap before the next 32, for as
// many as there may be. Estimate for 3 x 3 taps of stride 1, not measured yet: 54 operations a byte of L2.
//
// Copies of 16 bytes where the channels allow it, of 8 or 4 otherwise: of A's single floats, beside 16 bytes of B, for
// pictures of 1 or 3 channels. What lies outside the tensor arrives as zero.
//
// At the end the sums go through shared memory in slabs of rows: whole lines reach the result, 16 bytes a thread, and the
// code that finishes them (bias, activation, derivative) stands there a few times instead of once for each of 128 sums.
//
// Shared memory holds a tile either along the sum, [row][16 + 4], or along rows, [16][rows + 8], whichever way the
// copies come in; with these paddings the 32 lanes of a warp read 32 different banks in either.
#pragma once
#include <atomic>
#include <stdexcept>

#include "cuda/conv_load.h"
#include "cuda/conv_math.h"
#include "cuda/conv_problem.h"
#include "cuda/cuda.h"

namespace coopnets {

// The block's sums, finished, into the result. A thread has four columns, whose bias it reads once, of every so many rows
// of a slab; what four rows' derivatives need is under way before the first of them is used, and that of a slab's first
// rows before the slab is there.
template <class Math, class Load>
__device__ __forceinline__ void store(const ConvProblem &p, const Math &math, const int *result_at, float *slab_memory,
                                      float *result, int first_column, int columns) {
  using Shape = typename Math::Shape;
  constexpr int sets = Shape::columns / 4, rows_a_pass = Shape::threads / sets, passes = Math::slab_rows / rows_a_pass;
  constexpr int at_once = passes < 4 ? passes : 4;
  static_assert(Math::slab_rows % rows_a_pass == 0 && passes % at_once == 0, "passes are whole");
  const int along = threadIdx.x % sets * 4, mine = threadIdx.x / sets, c = first_column + along, left = columns - c;
  const bool finishes = p.splits == 1;
  const float *const outputs = finishes ? p.derivative_output : nullptr;
  const bool whole = columns % 4 == 0 && ((uintptr_t(result) | uintptr_t(outputs)) & 15) == 0;
  Four bias;
  if (finishes && p.bias) {
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (j < left) bias.v[j] = p.bias[(c + j) % p.bias_channels];
  }
#pragma unroll 1
  for (int slab = 0; slab < Math::slabs; ++slab)
#pragma unroll 1
    for (int pass = 0; pass < passes; pass += at_once) {
      int at[at_once];
      Four output[at_once];
#pragma unroll
      for (int r = 0; r < at_once; ++r) {
        at[r] = left > 0 ? result_at[Math::template row<typename Load::A>(slab, mine + (pass + r) * rows_a_pass)] : -1;
        if (outputs && at[r] >= 0) output[r] = load_some(outputs + at[r] + c, left, whole);
      }
      if (pass == 0) {
        __syncthreads();
        math.template put<typename Load::B>(slab, slab_memory);
        __syncthreads();
      }
#pragma unroll
      for (int r = 0; r < at_once; ++r) {
        if (at[r] < 0) continue;
        const float *const from = slab_memory + (mine + (pass + r) * rows_a_pass) * slab_stride<Shape>() + along;
        Four sum = load_some(from, 4, true);
        if (finishes) finish(p, bias, output[r], sum);
        store_some(result + at[r] + c, left, whole, sum);
      }
    }
}

// gridDim: tiles of rows x tiles of columns, in one axis as y and z end at 65,535; 1; phases x splits.
template <Product product, class Math, int a_vector, int b_vector>
__global__ void __launch_bounds__(Math::Shape::threads, Math::Shape::blocks_a_processor)
    conv_gemm(const ConvProblem p) {
  using Shape = typename Math::Shape;
  using Load = Loader<product, Shape, a_vector, b_vector>;
  const int split = blockIdx.z % p.splits;
  const Phase<product> phase(p, blockIdx.z / p.splits);
  const int tiles_across = ceil_div(phase.columns, Shape::columns);
  const int first_row = int(blockIdx.x) / tiles_across * Shape::rows;
  const int first_column = int(blockIdx.x) % tiles_across * Shape::columns;
  if (first_row >= phase.rows) return;  // phases differ in size
  const int all_steps = ceil_div(phase.sum, step_of_sum), steps_a_split = ceil_div(all_steps, p.splits);
  const int begin = min(split * steps_a_split, all_steps) * step_of_sum;
  const int end = min(begin + steps_a_split * step_of_sum, phase.sum);
  const int steps = ceil_div(max(end - begin, 0), step_of_sum);

  SHARED_ARRAY(typename Load::Row, rows, Shape::rows);
  SHARED_ARRAY(int, result_at, Shape::rows);
  DYNAMIC_SHARED_ARRAY(float, stage);
  constexpr int stage_floats = Load::A::floats + Load::B::floats;
  Load loader(p, phase, rows, result_at, first_row, first_column, begin, end);
  int next = 0, now = 0;
  for (int s = 0; s < p.stages - 1; ++s) {
    if (s < steps)
      loader.load(stage + next, stage + next + Load::A::floats);
    else
      commit_copies();
    next += stage_floats;
  }
  const auto after = [&](int at) { return at == (p.stages - 1) * stage_floats ? 0 : at + stage_floats; };
  Math math;
  for (int s = 0; s < steps; ++s) {
    if (p.stages > 2)
      wait_copies<most_stages - 2>();
    else
      wait_copies<0>();
    __syncthreads();
    if (s + p.stages - 1 < steps)
      loader.load(stage + next, stage + next + Load::A::floats);
    else
      commit_copies();  // an empty group, so that the count of groups stays that of steps
    math.template multiply<typename Load::A, typename Load::B>(stage + now, stage + now + Load::A::floats,
                                                               phase.columns - first_column);
    next = after(next);
    now = after(now);
  }

  static_assert(Math::slab_rows * slab_stride<Shape>() <= 2 * stage_floats, "a slab fits the stages");
  float *const result = p.result + (p.splits > 1 ? split * p.result_elements : 0);
  store<Math, Load>(p, math, result_at, stage, result, first_column, phase.columns);
}

template <Product product, class Math, int a_vector, int b_vector>
void launch_gemm_as(const ConvProblem &p, const GemmPlan &plan, cudaStream_t stream) {
  using Shape = typename Math::Shape;
  using Load = Loader<product, Shape, a_vector, b_vector>;
  const auto kernel = conv_gemm<product, Math, a_vector, b_vector>;
  const Phase<product> largest(p, 0);
  const int bytes = p.stages * (Load::A::floats + Load::B::floats) * int(sizeof(float));
  static std::atomic<uint64_t> prepared{0};  // for which devices and stages; a thread for each may come here
  int device = 0;
  CUDA_CHECK(cudaGetDevice(&device));
  const uint64_t mine = uint64_t{1} << (2 * device + int(p.stages > 2));
  if (!(prepared & mine)) {
    if (bytes > (44 << 10))  // more than 48 KiB with the static arrays needs permission
      CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
    // What these blocks do not need of a processor's memory is its cache, in which they find A again.
    CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, plan.carveout));
    prepared |= mine;
  }
  const int64_t tiles = int64_t{ceil_div(largest.rows, Shape::rows)} * ceil_div(largest.columns, Shape::columns);
  const dim3 grid(unsigned(tiles), 1, phases_of(product, p) * p.splits);
  CUDA_LAUNCH((conv_gemm<product, Math, a_vector, b_vector>), grid, Shape::threads, bytes, stream, p);
}

template <Product product, class Math>
void launch_gemm_in(const ConvProblem &p, const GemmPlan &plan, cudaStream_t stream) {
  if (plan.a_vector == 4) return launch_gemm_as<product, Math, 4, 4>(p, plan, stream);
  if (plan.a_vector == 2) return launch_gemm_as<product, Math, 2, 2>(p, plan, stream);
  if constexpr (product == Product::backward_input)
    throw std::logic_error("back to the input A and B have the same channels");
  else
    launch_gemm_as<product, Math, 1, 4>(p, plan, stream);
}

template <Product product, template <class> class Math, class Large>
void launch_gemm_with(const ConvProblem &p, const GemmPlan &plan, cudaStream_t stream) {
  if (plan.b_vector == 1) return launch_gemm_as<product, Math<MediumTile>, 1, 1>(p, plan, stream);
  switch (plan.tile) {
    case Tile::large:
      return launch_gemm_in<product, Math<Large>>(p, plan, stream);
    case Tile::tall:
      return launch_gemm_in<product, Math<TallTile>>(p, plan, stream);
    case Tile::narrow:
      return launch_gemm_in<product, Math<NarrowTile>>(p, plan, stream);
    case Tile::medium:
      return launch_gemm_in<product, Math<MediumTile>>(p, plan, stream);
  }
}

template <Product product>
void launch_gemm(const ConvProblem &p, const GemmPlan &plan, Precision precision, cudaStream_t stream) {
  switch (precision) {
    case Precision::fp32:
      return launch_gemm_with<product, Fp32, LargeTile>(p, plan, stream);
    case Precision::tf32:
      return launch_gemm_with<product, Tf32, LargeWarpTile>(p, plan, stream);
    case Precision::bf16:
      return launch_gemm_with<product, Bf16, LargeWarpTile>(p, plan, stream);
    case Precision::tf32x3:
      return launch_gemm_with<product, Tf32x3, LargeWarpTile>(p, plan, stream);
  }
}

}  // namespace coopnets
