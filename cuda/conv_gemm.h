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
//   tile     block       fp32: warps, each thread     tensor cores: warps, each warp
//   large    128 x 128   2 x 4   8 x 8                2 x 2   64 x 64
//   narrow   128 x  32   4 x 1   8 x 4                4 x 1   32 x 32
//   medium    64 x  64   2 x 2   8 x 4                2 x 2   32 x 32
//
// A step of the large tile moves 16 KiB into shared memory for 524,288 operations, 32 a byte: at a tensor core's rate
// more than L2 gives. But what a block gathers for the second tap is nearly what it did for the first, so it is kept in
// the processor's own cache (L1), which B, without a second use, passes by. Two blocks' rows of 100 channels, 100 KiB,
// still fit there; where channels come in 32s, the sum runs through 32 of them in every tap before the next 32, for as
// many as there may be. Predicted for 3 x 3 taps of stride 1, not measured yet: 54 operations a byte of L2.
//
// Copies of 16 bytes where the channels allow it, of 8 or 4 otherwise: of A's single floats, beside 16 bytes of B, for
// pictures of 1 or 3 channels. What lies outside the tensor arrives as zero.
//
// At the end the sums go through shared memory in slabs of rows: whole lines reach the result, and the code that finishes
// an element (bias, activation, derivative) stands there a few times instead of once for each of a thread's 128 sums.
//
// Shared memory holds a tile either along the sum, [row][16 + 4], or along rows, [16][rows + 8], whichever way the
// copies come in; with these paddings the 32 lanes of a warp read 32 different banks in either.
#pragma once
#include <atomic>
#include <stdexcept>

#include "cuda/conv_math.h"
#include "cuda/conv_problem.h"
#include "cuda/cuda.h"

namespace coopnets {

// Walks over the summed index (tap, channel) of a gathering product: through the taps of 32 channels before the next 32
// where the channels come in such, else through all channels of each tap.
template <Product product>
struct TapWalk {
  const Phase<product> &phase;
  int chunk_end, jt, jh, jw, channel;

  __device__ TapWalk(const Phase<product> &phase, int k) : phase(phase) {
    const int chunk = this->chunk(), row = max(1, phase.w.taps),
              plane = row * max(1, phase.h.taps);  // no taps: nothing is read
    const int taps = plane * max(1, phase.t.taps), begin = k / (taps * chunk) * chunk;
    const int tap = k / chunk % taps;
    channel = begin + k % chunk;
    chunk_end = begin + chunk;
    jt = tap / plane;
    jh = tap % plane / row;
    jw = tap % row;
  }
  __device__ bool in_chunks() const { return phase.channels % 32 == 0; }
  __device__ int chunk() const { return in_chunks() ? 32 : phase.channels; }
  __device__ void advance(int by) {
    const int chunk = this->chunk();
    channel += by;
    while (channel >= chunk_end) {
      channel -= chunk;
      if (++jw < phase.w.taps) continue;
      jw = 0;
      if (++jh < phase.h.taps) continue;
      jh = 0;
      if (++jt < phase.t.taps) continue;
      jt = 0;
      channel += chunk;
      chunk_end += chunk;
    }
  }
  // In the order of (tap, channel), in which the filters lie.
  __device__ int index() const { return ((jt * phase.h.taps + jh) * phase.w.taps + jw) * phase.channels + channel; }
};

// What a thread copies for each step of a gathering product: A along the sum; B along the sum (backward_input) or along
// columns (forward).
template <Product product, class Shape, int vector, int b_vector>
class Loader {
 public:
  using A = SharedTile<Shape::rows, true>;
  using B = SharedTile<Shape::columns, product == Product::backward_input>;

  // Where row m of A begins in its source, and where its result is stored.
  struct Row {
    int example, t, h, w;
  };

  __device__ Loader(const ConvProblem &p, const Phase<product> &phase, Row *rows, int *result_at, int first_row,
                    int first_column, int begin, int end)
      : p_(p),
        phase_(phase),
        rows_(rows),
        first_column_(first_column),
        k_(begin),
        end_(end),
        tap_(phase, begin + int(threadIdx.x) % sets * vector) {
    for (int i = threadIdx.x; i < Shape::rows; i += Shape::threads) {
      int q = first_row + i;
      const bool exists = q < phase.rows;
      if (!exists) q = 0;
      const int qw = q % phase.w.positions;
      q /= phase.w.positions;
      const int qh = q % phase.h.positions;
      q /= phase.h.positions;
      const int qt = q % phase.t.positions, example = q / phase.t.positions;
      rows[i] = {example, exists ? qt * phase.t.step + phase.t.origin : -(1 << 30), qh * phase.h.step + phase.h.origin,
                 qw * phase.w.step + phase.w.origin};
      const bool input = product == Product::backward_input;
      const int ut = phase.t.first + qt * phase.t.spacing, uh = phase.h.first + qh * phase.h.spacing,
                uw = phase.w.first + qw * phase.w.spacing;
      const int position =
          ((example * (input ? p.t.in : p.t.out) + ut) * (input ? p.h.in : p.h.out) + uh) * (input ? p.w.in : p.w.out) +
          uw;
      result_at[i] = exists ? position * phase.columns : -1;
    }
    __syncthreads();
  }

  // Starts the copies of the next step.
  __device__ void load(float *a, float *b) {
    const int mine = threadIdx.x / sets, along = threadIdx.x % sets * vector;
    const bool k_exists = k_ + along < end_;
    const int dt = phase_.t.direction * tap_.jt, dh = phase_.h.direction * tap_.jh, dw = phase_.w.direction * tap_.jw;
#pragma unroll
    for (int r = mine; r < Shape::rows; r += rows_a_pass) {
      const Row row = rows_[r];
      const int t = row.t + dt, h = row.h + dh, w = row.w + dw;
      const bool exists = k_exists && unsigned(t) < unsigned(phase_.t.source) &&
                          unsigned(h) < unsigned(phase_.h.source) && unsigned(w) < unsigned(phase_.w.source);
      const float *from = p_.a;
      if (exists)
        from += (((row.example * phase_.t.source + t) * phase_.h.source + h) * phase_.w.source + w) * phase_.channels +
                tap_.channel;
      copy_async<vector, Cache::keep>(a + A::at(r, along), from, exists);
    }
    if (product == Product::backward_input) {
      const int tap = ((phase_.t.first_tap + phase_.t.tap_step * tap_.jt) * p_.h.kernel + phase_.h.first_tap +
                       phase_.h.tap_step * tap_.jh) *
                          p_.w.kernel +
                      phase_.w.first_tap + phase_.w.tap_step * tap_.jw;
#pragma unroll
      for (int c = mine; c < Shape::columns; c += rows_a_pass) {
        const bool exists = k_exists && first_column_ + c < phase_.columns;
        const float *from = p_.b;
        if (exists) from += (tap * phase_.columns + first_column_ + c) * phase_.channels + tap_.channel;
        copy_async<vector>(b + B::at(c, along), from, exists);
      }
    } else {
      const int row = tap_.in_chunks() ? tap_.index() - along : k_;  // the same for all threads
      load_rows<Shape, b_vector>(b, p_.b, row, end_ - k_, first_column_, phase_.columns);
    }
    commit_copies();
    k_ += step_of_sum;
    tap_.advance(step_of_sum);
  }

 private:
  static constexpr int sets = step_of_sum / vector, rows_a_pass = Shape::threads / sets;
  const ConvProblem &p_;
  const Phase<product> &phase_;
  const Row *rows_;
  int first_column_, k_, end_;
  TapWalk<product> tap_;
};

// The same for backward_filter: both A and B along rows and columns, one position of y a row of shared memory.
template <class Shape, int vector, int b_vector>
class Loader<Product::backward_filter, Shape, vector, b_vector> {
 public:
  using A = SharedTile<Shape::rows, false>;
  using B = SharedTile<Shape::columns, false>;
  struct Row {};

  __device__ Loader(const ConvProblem &p, const Phase<Product::backward_filter> &phase, Row *, int *result_at,
                    int first_row, int first_column, int begin, int end)
      : p_(p), first_column_(first_column), columns_(phase.columns), k_(begin), end_(end) {
    for (int i = threadIdx.x; i < Shape::rows; i += Shape::threads)
      result_at[i] = first_row + i < phase.rows ? (first_row + i) * phase.columns : -1;
    const int row = first_row + threadIdx.x % sets * vector, tap = row / p.in_channels;
    row_exists_ = row < phase.rows;
    channel_ = row % p.in_channels;
    tap_t_ = tap / (p.h.kernel * p.w.kernel) - p.t.before;
    tap_h_ = tap / p.w.kernel % p.h.kernel - p.h.before;
    tap_w_ = tap % p.w.kernel - p.w.before;
    int q = begin + threadIdx.x / sets;
    w_ = q % p.w.out;
    q /= p.w.out;
    h_ = q % p.h.out;
    q /= p.h.out;
    t_ = q % p.t.out;
    example_ = q / p.t.out;
    __syncthreads();
  }

  __device__ void load(float *a, float *b) {
    const int mine = threadIdx.x / sets, along = threadIdx.x % sets * vector;
    if (mine < step_of_sum) {
#pragma unroll
      for (int r = 0; r < step_of_sum; r += positions_a_pass) {
        const int t = t_ * p_.t.stride + tap_t_, h = h_ * p_.h.stride + tap_h_, w = w_ * p_.w.stride + tap_w_;
        const bool exists = row_exists_ && k_ + mine + r < end_ && unsigned(t) < unsigned(p_.t.in) &&
                            unsigned(h) < unsigned(p_.h.in) && unsigned(w) < unsigned(p_.w.in);
        const float *from = p_.a;
        if (exists) from += (((example_ * p_.t.in + t) * p_.h.in + h) * p_.w.in + w) * p_.in_channels + channel_;
        copy_async<vector, Cache::keep>(a + A::at(along, mine + r), from, exists);
        advance();
      }
    }
    load_rows<Shape, b_vector>(b, p_.b, k_, end_ - k_, first_column_, columns_);
    commit_copies();
    k_ += step_of_sum;
  }

 private:
  static constexpr int sets = Shape::rows / vector;
  static constexpr int positions_a_pass = Shape::threads / sets < step_of_sum ? Shape::threads / sets : step_of_sum;

  __device__ void advance() {
    w_ += positions_a_pass;
    while (w_ >= p_.w.out) {
      w_ -= p_.w.out;
      if (++h_ < p_.h.out) continue;
      h_ = 0;
      if (++t_ < p_.t.out) continue;
      t_ = 0;
      ++example_;
    }
  }

  const ConvProblem &p_;
  int first_column_, columns_, k_, end_;
  bool row_exists_;
  int channel_, tap_t_, tap_h_, tap_w_, example_, t_, h_, w_;
};

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
  for (int s = 0; s < stages - 1; ++s) {
    float *const next = stage + s * stage_floats;
    if (s < steps)
      loader.load(next, next + Load::A::floats);
    else
      commit_copies();
  }
  Math math;
  for (int s = 0; s < steps; ++s) {
    wait_copies<stages - 2>();
    __syncthreads();
    float *const next = stage + (s + stages - 1) % stages * stage_floats;
    if (s + stages - 1 < steps)
      loader.load(next, next + Load::A::floats);
    else
      commit_copies();  // an empty group, so that the count of groups stays that of steps
    const float *const now = stage + s % stages * stage_floats;
    math.template multiply<typename Load::A, typename Load::B>(now, now + Load::A::floats,
                                                               phase.columns - first_column);
  }

  float *const result = p.result + (p.splits > 1 ? split * p.result_elements : 0);
  static_assert(Math::slab_rows * slab_stride<Shape>() <= stages * stage_floats, "a slab fits the stages");
#pragma unroll 1
  for (int slab = 0; slab < Math::slabs; ++slab) {
    __syncthreads();
    math.template put<typename Load::B>(slab, stage);
    __syncthreads();
#pragma unroll 4
    for (int i = threadIdx.x; i < Math::slab_rows * Shape::columns; i += Shape::threads) {
      const int slab_row = i / Shape::columns, column = i % Shape::columns, c = first_column + column;
      const int at = result_at[Math::template row<typename Load::A>(slab, slab_row)];
      if (at < 0 || c >= phase.columns) continue;
      const float v = stage[slab_row * slab_stride<Shape>() + column];
      result[at + c] = p.splits > 1 ? v : finish(p, v, c, at + c);
    }
  }
}

template <Product product, class Math, int a_vector, int b_vector>
void launch_gemm_as(const ConvProblem &p, cudaStream_t stream) {
  using Shape = typename Math::Shape;
  using Load = Loader<product, Shape, a_vector, b_vector>;
  const Phase<product> largest(p, 0);
  constexpr int bytes = stages * (Load::A::floats + Load::B::floats) * int(sizeof(float));
  if (bytes > (44 << 10)) {  // more than 48 KiB with the static arrays needs permission, once a kernel and device
    static std::atomic<uint64_t> allowed{0};  // a thread for each device may come here
    int device = 0;
    CUDA_CHECK(cudaGetDevice(&device));
    if (!(allowed >> device & 1))
      CUDA_CHECK(cudaFuncSetAttribute(conv_gemm<product, Math, a_vector, b_vector>,
                                      cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
    allowed |= uint64_t{1} << device;
  }
  const int64_t tiles = int64_t{ceil_div(largest.rows, Shape::rows)} * ceil_div(largest.columns, Shape::columns);
  const dim3 grid(unsigned(tiles), 1, phases_of(product, p) * p.splits);
  CUDA_LAUNCH((conv_gemm<product, Math, a_vector, b_vector>), grid, Shape::threads, bytes, stream, p);
}

template <Product product, class Math>
void launch_gemm_in(const ConvProblem &p, const GemmPlan &plan, cudaStream_t stream) {
  if (plan.a_vector == 4) return launch_gemm_as<product, Math, 4, 4>(p, stream);
  if (plan.a_vector == 2) return launch_gemm_as<product, Math, 2, 2>(p, stream);
  if constexpr (product == Product::backward_input)
    throw std::logic_error("back to the input A and B have the same channels");
  else
    launch_gemm_as<product, Math, 1, 4>(p, stream);
}

template <Product product, template <class> class Math, class Large>
void launch_gemm_with(const ConvProblem &p, const GemmPlan &plan, cudaStream_t stream) {
  if (plan.b_vector == 1) return launch_gemm_as<product, Math<MediumTile>, 1, 1>(p, stream);
  switch (plan.tile) {
    case Tile::large:
      return launch_gemm_in<product, Math<Large>>(p, plan, stream);
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
  }
}

}  // namespace coopnets
