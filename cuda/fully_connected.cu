// Fully connected layers, and windows that cover rows and columns and slide in time alone: exact sums over a long K,
// few outputs C. Each example is one line of K values, and w[tap, :, :] one run of K C values, whatever C is.
//
//   y[n,o,c] = sum_{tap,k} x[n, o stride - before + tap, k] w[tap,k,c]        rows: the pairs (n, o)
//
// Forward (C up to 112). A block makes 64 rows x all C of the result, over a part of the steps (K / 32 chunks x taps,
// taps innermost, so that a chunk of x comes from L2 after its first tap); conv.cu adds the parts:
//
//   x   64 rows of 32 values -> shared [64][32 + 4]       w   one run of 32 C values -> shared as it lies
//       two stages, 16 bytes a copy: those of step s + 1 are under way while step s is multiplied
//
//   fp32         warp = 8 rows; lanes = G groups of columns (c, c + G, c + 2G, c + 3G) x 32/G parts of the 32 values:
//                all lanes work whatever C is; the parts are added by shuffles at the end
//   tensor core  warp = 16 rows x every second tile of 8 columns; fragments as in tensor_core.h
//
// w is read once from memory if all rows fit a block or its neighbours, which run side by side; so 4 K (rows + C) bytes
// for 2 K rows C operations: bound by memory below about 30 columns, and by arithmetic in fp32 above.
//
// Back to the input and to the filters (C up to 32, exact in fp32; with more channels the implicit product is as good):
// a block makes 64 rows x 128 of K of dx, or all C x 128 of K of one tap of dw:
//
//   dx   dy [C][64 + 4] and w [128][C or C + 1] in shared;  thread = 8 rows x 4 of K      writes 4 K rows, reads 4 K C
//   dw   32 rows at a time of x [32][128] and dy [32][C];   thread = 4 of K x 4 of C      reads 4 K rows, writes 4 K C
//
// Both move about as many bytes as forward, for as many operations.
#include "cuda/conv_problem.h"
#include "cuda/cuda.h"
#include "cuda/tensor_core.h"

namespace coopnets {
namespace {

constexpr int threads = 256, rows_a_block = 64, depth = 32, x_stride = depth + 4, most_rows = 512;
constexpr int most_forward_columns = 112, most_backward_columns = 32, inputs_a_block = 128;

int rows_of(const ConvProblem &p) { return p.examples * p.t.out; }

// --- Forward ---------------------------------------------------------------------------------------------------------

// A thread's sums for `groups` groups of four columns.
template <int groups>
class ExactColumns {
 public:
  __device__ void multiply(const float *x, const float *w, int columns) {
#pragma unroll 2
    for (int quad = part(); quad < depth / 4; quad += parts) {
      float4 a[8];
#pragma unroll
      for (int r = 0; r < 8; ++r) a[r] = *reinterpret_cast<const float4 *>(x + (first_row() + r) * x_stride + 4 * quad);
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int c = group() + i * groups;
          const float b = c < columns ? w[(4 * quad + j) * columns + c] : 0;
#pragma unroll
          for (int r = 0; r < 8; ++r) sum_[r][i] += (j == 0 ? a[r].x : j == 1 ? a[r].y : j == 2 ? a[r].z : a[r].w) * b;
        }
    }
  }
  // store(row, column, value); columns beyond the last are called as well.
  template <class Store>
  __device__ void for_each(const Store &store) {
#pragma unroll
    for (int r = 0; r < 8; ++r)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        float total = sum_[r][i];
        for (int other = groups; other < warp_size; other *= 2) total += __shfl_xor_sync(whole_warp, total, other);
        if (part() == 0) store(first_row() + r, group() + i * groups, total);
      }
  }

 private:
  static constexpr int parts = warp_size / groups;
  __device__ static int group() { return threadIdx.x % groups; }
  __device__ static int part() { return threadIdx.x % warp_size / groups; }
  __device__ static int first_row() { return threadIdx.x / warp_size * 8; }
  float sum_[8][4] = {};
};

template <bool bf16>
class TensorCoreColumns {
 public:
  __device__ void multiply(const float *x, const float *w, int columns) {
#if defined(__CUDA_ARCH__) && !COOPNETS_SM80
    __trap();  // never launched: on these chips the backend computes in fp32
#else
    constexpr int step = bf16 ? 16 : 8;  // of one instruction
    const int g = lane() / 4, t = lane() % 4;
#pragma unroll
    for (int k = 0; k < depth; k += step) {
      const auto of_x = [&](int row, int at) {
        const float *const from = x + row * x_stride + at;
        return bf16 ? to_bf16(from[0], from[4]) : to_tf32(from[0]);
      };
      uint32_t a[4], b[2];
#pragma unroll
      for (int i = 0; i < 4; ++i) a[i] = of_x(first_row() + g + 8 * (i % 2), k + t + step / 2 * (i / 2));
#pragma unroll
      for (int tile = 0; tile < tiles; ++tile) {
        const int first = first_column(tile);
        if (first >= columns) break;  // the same for the whole warp
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const int c = first + g;
          const float *const from = w + (k + t + step / 2 * i) * columns + c;
          b[i] = c >= columns ? 0 : bf16 ? to_bf16(from[0], from[4 * columns]) : to_tf32(from[0]);
        }
        if (bf16)
          mma_bf16(sum_[tile], a, b);
        else
          mma_tf32(sum_[tile], a, b);
      }
    }
#endif
  }
  template <class Store>
  __device__ void for_each(const Store &store) const {
    const int g = lane() / 4, t = lane() % 4;
#pragma unroll
    for (int tile = 0; tile < tiles; ++tile)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        store(first_row() + g + 8 * (i / 2), first_column(tile) + 2 * t + i % 2, sum_[tile][i]);
  }

 private:
  static constexpr int tiles = most_forward_columns / 16;
  __device__ static int lane() { return threadIdx.x % warp_size; }
  __device__ static int first_row() { return threadIdx.x / warp_size % 4 * 16; }
  __device__ static int first_column(int tile) { return (threadIdx.x / warp_size / 4 + 2 * tile) * 8; }
  float sum_[tiles][4] = {};
};

__host__ __device__ int steps_of(const ConvProblem &p) { return ceil_div(p.in_channels, depth) * p.t.kernel; }

// Copies x's and w's values of one step after the other.
class StepLoader {
 public:
  __device__ StepLoader(const ConvProblem &p, int first_row) : p_(p) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int q = first_row + row(i);
      exists_[i] = q < p.examples * p.t.out;
      line_[i] = q / p.t.out * p.t.in;
      time_[i] = q % p.t.out * p.t.stride - p.t.before;
    }
  }
  __device__ void load(int step, float *x, float *w) const {
    const int tap = step % p_.t.kernel, k = step / p_.t.kernel * depth, along = threadIdx.x % 8 * 4;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int t = time_[i] + tap;
      const bool valid = exists_[i] && unsigned(t) < unsigned(p_.t.in) && k + along < p_.in_channels;
      copy_async<4>(x + row(i) * x_stride + along,
                    valid ? p_.a + int64_t(line_[i] + t) * p_.in_channels + k + along : p_.a, valid);
    }
    const int count = min(depth, p_.in_channels - k) * p_.out_channels;
    const float *const from = p_.b + (int64_t(tap) * p_.in_channels + k) * p_.out_channels;
    for (int i = 4 * threadIdx.x; i < depth * p_.out_channels; i += 4 * threads)
      copy_async<4>(w + i, i < count ? from + i : p_.b, i < count);
    commit_copies();
  }

 private:
  __device__ static int row(int i) { return threadIdx.x / 8 + 32 * i; }
  const ConvProblem &p_;
  bool exists_[2];
  int line_[2], time_[2];
};

__host__ __device__ int stage_floats(const ConvProblem &p) { return rows_a_block * x_stride + depth * p.out_channels; }

// gridDim: 64 rows each; parts of the sum.
template <class Math>
__global__ void __launch_bounds__(threads, 2) fully_connected_forward(const ConvProblem p) {
  DYNAMIC_SHARED_ARRAY(float, stage);
  const int first_row = blockIdx.x * rows_a_block, floats = stage_floats(p);
  const int steps = steps_of(p), steps_a_part = ceil_div(steps, p.splits);
  const int begin = min(int(blockIdx.y) * steps_a_part, steps), end = min(begin + steps_a_part, steps);
  const StepLoader loader(p, first_row);
  if (begin < end) loader.load(begin, stage, stage + rows_a_block * x_stride);
  Math math;
  for (int s = begin; s < end; ++s) {
    wait_copies<0>();
    __syncthreads();  // step s has arrived for all threads, and nobody reads the stage of step s - 1 any more
    float *const next = stage + (s + 1 - begin) % 2 * floats;
    if (s + 1 < end) loader.load(s + 1, next, next + rows_a_block * x_stride);
    const float *const now = stage + (s - begin) % 2 * floats;
    math.multiply(now, now + rows_a_block * x_stride, p.out_channels);
  }
  float *const result = p.result + blockIdx.y * (p.splits > 1 ? p.result_elements : 0);
  math.for_each([&](int row, int column, float value) {
    const int q = first_row + row;
    if (q >= p.examples * p.t.out || column >= p.out_channels) return;
    const int64_t at = int64_t(q) * p.out_channels + column;
    result[at] = p.splits == 1 ? finish(p, value, column, at) : value;
  });
}

template <class Math>
void launch_forward(const ConvProblem &p, cudaStream_t stream) {
  const dim3 grid(ceil_div(rows_of(p), rows_a_block), p.splits);
  CUDA_LAUNCH(fully_connected_forward<Math>, grid, threads, 2 * stage_floats(p) * sizeof(float), stream, p);
}

// --- Back to the input -----------------------------------------------------------------------------------------------

// A whole number of float4, and an odd one: eight lanes of neighbouring channels write all 32 banks.
constexpr int dy_stride = rows_a_block + 4;

// gridDim: 128 of K each; 64 rows each; phases (conv_problem.h).
__global__ void __launch_bounds__(threads) fully_connected_backward_input(const ConvProblem p) {
  SHARED_ARRAY(float, dy, most_backward_columns *dy_stride);
  SHARED_ARRAY(float, w, inputs_a_block *(most_backward_columns + 1));
  const PhaseAxis t = phase_axis<Product::backward_input>(p.t, blockIdx.z);
  const int rows = p.examples * t.positions, first_row = blockIdx.y * rows_a_block, columns = p.out_channels;
  if (first_row >= rows) return;
  const int first = blockIdx.x * inputs_a_block, inputs = min(inputs_a_block, p.in_channels - first);
  const int mine = threadIdx.x % warp_size, my_row = threadIdx.x / warp_size * 8;
  const int w_stride = columns | 1;  // odd, for 32 different banks

  float sum[8][4] = {};
  for (int j = 0; j < t.taps; ++j) {
    const float *const from = p.b + (int64_t(t.first_tap + t.tap_step * j) * p.in_channels + first) * columns;
    __syncthreads();
    for (int i = threadIdx.x; i < inputs * columns; i += threads) w[i / columns * w_stride + i % columns] = from[i];
    for (int i = threadIdx.x; i < rows_a_block / 4 * columns; i += threads) {
      const int c = i % columns, row = i / columns * 4;
      float four[4];
#pragma unroll
      for (int r = 0; r < 4; ++r) {
        const int q = first_row + row + r, o = q % t.positions + t.origin - j;
        const bool valid = q < rows && unsigned(o) < unsigned(p.t.out);
        four[r] = valid ? p.a[(int64_t(q / t.positions) * p.t.out + o) * columns + c] : 0;
      }
      *reinterpret_cast<float4 *>(dy + c * dy_stride + row) = {four[0], four[1], four[2], four[3]};
    }
    __syncthreads();
    for (int c = 0; c < columns; ++c) {
      const float4 low = *reinterpret_cast<const float4 *>(dy + c * dy_stride + my_row),
                   high = *reinterpret_cast<const float4 *>(dy + c * dy_stride + my_row + 4);
      const float a[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int k = mine + warp_size * i;
        const float b = k < inputs ? w[k * w_stride + c] : 0;
#pragma unroll
        for (int r = 0; r < 8; ++r) sum[r][i] += a[r] * b;
      }
    }
  }
#pragma unroll
  for (int r = 0; r < 8; ++r)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int q = first_row + my_row + r, k = mine + warp_size * i;
      if (q >= rows || k >= inputs) continue;
      const int64_t line = int64_t(q / t.positions) * p.t.in + t.first + q % t.positions * t.spacing;
      const int64_t at = line * p.in_channels + first + k;
      p.result[at] = finish(p, sum[r][i], first + k, at);
    }
}

// --- Back to the filters ---------------------------------------------------------------------------------------------

constexpr int rows_a_pass = 32;

// gridDim: 128 of K each; taps.
__global__ void __launch_bounds__(threads) fully_connected_backward_filter(const ConvProblem p) {
  SHARED_ARRAY(float, x, rows_a_pass *inputs_a_block);
  SHARED_ARRAY(float, dy, rows_a_pass *most_backward_columns);
  const int first = blockIdx.x * inputs_a_block, inputs = min(inputs_a_block, p.in_channels - first);
  const int tap = blockIdx.y, rows = p.examples * p.t.out, columns = p.out_channels;
  const int mine = threadIdx.x % warp_size, my_column = threadIdx.x / warp_size;

  float sum[4][4] = {};
  for (int first_row = 0; first_row < rows; first_row += rows_a_pass) {
    __syncthreads();
    for (int i = threadIdx.x; i < rows_a_pass * inputs_a_block; i += threads) {
      const int q = first_row + i / inputs_a_block, k = i % inputs_a_block;
      const int t = q % p.t.out * p.t.stride - p.t.before + tap;
      const bool valid = q < rows && unsigned(t) < unsigned(p.t.in) && k < inputs;
      x[i] = valid ? p.a[(int64_t(q / p.t.out) * p.t.in + t) * p.in_channels + first + k] : 0;
    }
    for (int i = threadIdx.x; i < rows_a_pass * columns; i += threads)
      dy[i] = first_row + i / columns < rows ? p.b[int64_t(first_row) * columns + i] : 0;
    __syncthreads();
#pragma unroll 4
    for (int row = 0; row < rows_a_pass; ++row) {
      float a[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) a[i] = x[row * inputs_a_block + mine + warp_size * i];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int c = my_column + 8 * j;
        if (c >= columns) break;  // the same for the whole warp
        const float b = dy[row * columns + c];
#pragma unroll
        for (int i = 0; i < 4; ++i) sum[i][j] += a[i] * b;
      }
    }
  }
  __syncthreads();
  // Through shared memory, for whole lines of dw.
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (my_column + 8 * j < columns) x[(mine + warp_size * i) * columns + my_column + 8 * j] = sum[i][j];
  __syncthreads();
  float *const result = p.result + (int64_t(tap) * p.in_channels + first) * columns;
  for (int i = threadIdx.x; i < inputs * columns; i += threads) result[i] = x[i];
}

bool covers_rows_and_columns(const ConvAxis &a) { return a.in == 1 && a.out == 1 && a.kernel == 1 && a.before == 0; }

bool is_fully_connected(const ConvProblem &p) {
  return covers_rows_and_columns(p.h) && covers_rows_and_columns(p.w) && rows_of(p) > 0 && rows_of(p) <= most_rows &&
         p.in_channels >= 256;
}

}  // namespace

bool fully_connected_forward_fits(const ConvProblem &p) {
  return is_fully_connected(p) && p.out_channels <= most_forward_columns && p.in_channels % 4 == 0 &&
         aligned(p.a, 16) && aligned(p.b, 16);
}

bool fully_connected_backward_fits(const ConvProblem &p) {
  return is_fully_connected(p) && p.out_channels <= most_backward_columns;
}

int fully_connected_most_splits(const ConvProblem &p) { return steps_of(p); }
int fully_connected_blocks(const ConvProblem &p) { return ceil_div(rows_of(p), rows_a_block); }

void launch_fully_connected_forward(const ConvProblem &p, Precision precision, cudaStream_t stream) {
  if (precision == Precision::tf32) return launch_forward<TensorCoreColumns<false>>(p, stream);
  if (precision == Precision::bf16) return launch_forward<TensorCoreColumns<true>>(p, stream);
  if (p.out_channels <= 16) return launch_forward<ExactColumns<4>>(p, stream);
  if (p.out_channels <= 32) return launch_forward<ExactColumns<8>>(p, stream);
  if (p.out_channels <= 64) return launch_forward<ExactColumns<16>>(p, stream);
  launch_forward<ExactColumns<32>>(p, stream);
}

void launch_fully_connected_backward_input(const ConvProblem &p, cudaStream_t stream) {
  const PhaseAxis largest = phase_axis<Product::backward_input>(p.t, 0);
  const dim3 grid(ceil_div(p.in_channels, inputs_a_block), ceil_div(p.examples * largest.positions, rows_a_block),
                  p.t.stride);
  CUDA_LAUNCH(fully_connected_backward_input, grid, threads, 0, stream, p);
}

void launch_fully_connected_backward_filter(const ConvProblem &p, cudaStream_t stream) {
  const dim3 grid(ceil_div(p.in_channels, inputs_a_block), p.t.kernel);
  CUDA_LAUNCH(fully_connected_backward_filter, grid, threads, 0, stream, p);
}

}  // namespace coopnets
