// Convolutions whose input has one to four channels (pictures), in fp32, by copies of whole runs where the implicit
// matrix product copies single words. conv.cu says which of them come here.
//
// Forward: a block makes 32 neighbouring outputs of one row by 64 output channels. For each tap row (kt, kh):
//
//   x row    |......[ (31 stride + kW) Cin floats ].......|   -> shared: channels last make it one contiguous run
//   w            [ kW Cin rows of 64 channels ]               -> shared
//   threads  16 across, 4 channels each; 8 down, 4 outputs each: 16 multiply-adds for 4 + 4 words read
//
// An output costs 4 bytes to write and (taps Cin) multiply-adds; x and w come from L2 but for the first time.
//
// Back to the filters: a block makes the sums of one tap row and 64 output channels, over a part of the rows of y. For
// each 32 neighbouring outputs of such a row, x's run as above and
//
//   dy           [ 32 outputs of 64 channels ]            -> shared
//   threads  16 across, 4 channels each; 8 down, every 8th of the kW Cin filter elements: up to 8 x 4 sums, 32
//            multiply-adds for 8 + 4 words read
//
// The parts' sums are added afterwards in their order (conv.cu). dy is read once a tap row, from L2 but for the first.
//
// Back to the input: a warp makes 4 positions of dx of one phase (conv_problem.h), lanes run over dy's channels:
//
//   lane        0    1    2   ...  31     dy[o, lane], dy[o, lane + 32], ...: whole lines; w[k, i, lane] the same,
//                                         for 4 positions
//   registers   4 positions x Cin sums
//   at the end  the sums of the 32 lanes are added by shuffles, always in the same order
//
// Back to the input, second part of the matrix product (conv.cu): the product whose columns are the taps of a row, added into
// dx. Each thread makes one element, w, of kW / stride products:
//
//   products  [ o - 1: k0 .. kW-1 ][ o: k0 .. kW-1 ][ o + 1: k0 .. kW-1 ]      k = w + before - o stride
//                     |_________________|__________________|__________
//   dx row    ....................... w ..............................+ bias, activation, times derivative
//
// 4 (parts kW / stride + 1) bytes an element, and 4 for a derivative, from L2 or memory: all that bounds it.
#include "cuda/conv_problem.h"

namespace coopnets {
namespace {

constexpr int outputs_a_block = 32, channels_a_block = 64;

__host__ __device__ int run_of_x(const ConvProblem &p) {
  return ((outputs_a_block - 1) * p.w.stride + p.w.kernel) * p.in_channels;
}

__global__ void __launch_bounds__(128) small_forward(const ConvProblem p) {
  DYNAMIC_SHARED_ARRAY(float, shared);
  const int run = run_of_x(p), depth = p.w.kernel * p.in_channels;
  float *const w_shared = shared, *const x_shared = shared + depth * channels_a_block;
  const int strips = ceil_div(p.w.out, outputs_a_block), first_output = blockIdx.x % strips * outputs_a_block;
  int row = blockIdx.x / strips;
  const int h = row % p.h.out;
  row /= p.h.out;
  const int t = row % p.t.out, example = row / p.t.out, first_channel = blockIdx.y * channels_a_block;
  const int across = threadIdx.x % 16, down = threadIdx.x / 16;

  float sum[4][4] = {};
  for (int kt = 0; kt < p.t.kernel; ++kt)
    for (int kh = 0; kh < p.h.kernel; ++kh) {
      const int xt = t * p.t.stride - p.t.before + kt, xh = h * p.h.stride - p.h.before + kh;
      if (unsigned(xt) >= unsigned(p.t.in) || unsigned(xh) >= unsigned(p.h.in)) continue;  // the same for all threads
      const float *const x = p.a + ((example * p.t.in + xt) * p.h.in + xh) * p.w.in * p.in_channels;
      const float *const w = p.b + (kt * p.h.kernel + kh) * depth * p.out_channels;
      const int start = (first_output * p.w.stride - p.w.before) * p.in_channels, row_floats = p.w.in * p.in_channels;
      __syncthreads();
      for (int i = threadIdx.x; i < run; i += 128)
        x_shared[i] = unsigned(start + i) < unsigned(row_floats) ? x[start + i] : 0;
      for (int i = threadIdx.x; i < depth * channels_a_block; i += 128) {
        const int c = first_channel + i % channels_a_block;
        w_shared[i] = c < p.out_channels ? w[i / channels_a_block * p.out_channels + c] : 0;
      }
      __syncthreads();
      for (int k = 0; k < depth; ++k) {
        const float4 b = *reinterpret_cast<const float4 *>(w_shared + k * channels_a_block + 4 * across);
#pragma unroll
        for (int r = 0; r < 4; ++r) {
          const float a = x_shared[(down + 8 * r) * p.w.stride * p.in_channels + k];
          sum[r][0] += a * b.x, sum[r][1] += a * b.y, sum[r][2] += a * b.z, sum[r][3] += a * b.w;
        }
      }
    }

#pragma unroll
  for (int r = 0; r < 4; ++r) {
    const int w = first_output + down + 8 * r;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int c = first_channel + 4 * across + j;
      const int at = (((example * p.t.out + t) * p.h.out + h) * p.w.out + w) * p.out_channels + c;
      if (w < p.w.out && c < p.out_channels) p.result[at] = finish(p, sum[r][j], c, at);
    }
  }
}

constexpr int elements_a_thread = 8;  // of a tap row, every 8th

__global__ void __launch_bounds__(128) small_backward_filter(const ConvProblem p) {
  DYNAMIC_SHARED_ARRAY(float, shared);
  const int run = run_of_x(p), depth = p.w.kernel * p.in_channels, kh = blockIdx.x % p.h.kernel,
            kt = blockIdx.x / p.h.kernel, first_channel = blockIdx.y * channels_a_block;
  float *const dy_shared = shared, *const x_shared = shared + outputs_a_block * channels_a_block;
  const int across = threadIdx.x % 16, down = threadIdx.x / 16, row_floats = p.w.in * p.in_channels;
  const int rows = p.examples * p.t.out * p.h.out, rows_a_part = ceil_div(rows, p.splits);
  const int begin = min(int(blockIdx.z) * rows_a_part, rows), end = min(begin + rows_a_part, rows);

  float sum[elements_a_thread][4] = {};
  for (int row = begin; row < end; ++row) {
    const int h = row % p.h.out, t = row / p.h.out % p.t.out, example = row / p.h.out / p.t.out;
    const int xt = t * p.t.stride - p.t.before + kt, xh = h * p.h.stride - p.h.before + kh;
    if (unsigned(xt) >= unsigned(p.t.in) || unsigned(xh) >= unsigned(p.h.in)) continue;  // the same for all threads
    const float *const x = p.a + ((example * p.t.in + xt) * p.h.in + xh) * row_floats;
    const float *const dy = p.b + row * p.w.out * p.out_channels;
    for (int first = 0; first < p.w.out; first += outputs_a_block) {
      const int start = (first * p.w.stride - p.w.before) * p.in_channels;
      __syncthreads();
      for (int i = threadIdx.x; i < run; i += 128)
        x_shared[i] = unsigned(start + i) < unsigned(row_floats) ? x[start + i] : 0;
      for (int i = threadIdx.x; i < outputs_a_block * channels_a_block; i += 128) {
        const int w = first + i / channels_a_block, c = first_channel + i % channels_a_block;
        dy_shared[i] = w < p.w.out && c < p.out_channels ? dy[w * p.out_channels + c] : 0;
      }
      __syncthreads();
      for (int w = 0; w < outputs_a_block; ++w) {
        const float4 b = *reinterpret_cast<const float4 *>(dy_shared + w * channels_a_block + 4 * across);
#pragma unroll
        for (int r = 0; r < elements_a_thread; ++r) {
          const int k = down + 8 * r;
          if (k >= depth) break;
          const float a = x_shared[w * p.w.stride * p.in_channels + k];
          sum[r][0] += a * b.x, sum[r][1] += a * b.y, sum[r][2] += a * b.z, sum[r][3] += a * b.w;
        }
      }
    }
  }

  float *const result = p.result + blockIdx.z * p.result_elements + int64_t(blockIdx.x) * depth * p.out_channels;
#pragma unroll
  for (int r = 0; r < elements_a_thread; ++r)
    for (int j = 0; j < 4; ++j) {
      const int k = down + 8 * r, c = first_channel + 4 * across + j;
      if (k < depth && c < p.out_channels) result[k * p.out_channels + c] = sum[r][j];
    }
}

constexpr int positions_a_warp = 4, warps_a_block = 8;

// Sums each of 2 `keep` values over the lanes of a warp: lane l returns that of value l / (32 / (2 keep)). Each step
// halves what a lane holds, by exchanging the other half with a lane that holds that: 16 values take 16 shuffles, not
// 16 x 5. Unrolled, as registers have no index.
template <int keep, int half = warp_size / 2>
__device__ __forceinline__ float add_lanes(float *value) {
  if constexpr (half == 0) {
    return value[0];
  } else if constexpr (keep == 0) {
    value[0] += __shfl_xor_sync(whole_warp, value[0], half);
    return add_lanes<0, half / 2>(value);
  } else {
    const bool upper = threadIdx.x & half;
#pragma unroll
    for (int i = 0; i < keep; ++i) {
      const float other = __shfl_xor_sync(whole_warp, upper ? value[i] : value[i + keep], half);
      value[i] = (upper ? value[i + keep] : value[i]) + other;
    }
    return add_lanes<keep / 2, half / 2>(value);
  }
}

template <int channels>
__global__ void __launch_bounds__(warps_a_block *warp_size, 2) small_backward_input(const ConvProblem p) {
  const Phase<Product::backward_input> phase(p, blockIdx.y);
  const int lane = threadIdx.x % warp_size;
  const int first = (blockIdx.x * warps_a_block + threadIdx.x / warp_size) * positions_a_warp;
  int example[positions_a_warp], t[positions_a_warp], h[positions_a_warp], w[positions_a_warp],
      result_at[positions_a_warp];
#pragma unroll
  for (int i = 0; i < positions_a_warp; ++i) {
    const bool exists = first + i < phase.rows;
    int q = exists ? first + i : 0;
    const int qw = phase.rows ? q % phase.w.positions : 0;
    q /= max(1, phase.w.positions);
    const int qh = q % max(1, phase.h.positions);
    q /= max(1, phase.h.positions);
    const int qt = q % max(1, phase.t.positions);
    example[i] = q / max(1, phase.t.positions);
    t[i] = exists ? qt + phase.t.origin : -(1 << 30);
    h[i] = qh + phase.h.origin;
    w[i] = qw + phase.w.origin;
    result_at[i] = (((example[i] * p.t.in + phase.t.first + qt * phase.t.spacing) * p.h.in + phase.h.first +
                     qh * phase.h.spacing) *
                        p.w.in +
                    phase.w.first + qw * phase.w.spacing) *
                   channels;
  }

  constexpr int padded = channels == 3 ? 4 : channels, values = positions_a_warp * padded;
  float sum[positions_a_warp][padded] = {};
  for (int jt = 0; jt < phase.t.taps; ++jt)
    for (int jh = 0; jh < phase.h.taps; ++jh)
      for (int jw = 0; jw < phase.w.taps; ++jw) {
        const int tap =
            ((phase.t.first_tap + phase.t.tap_step * jt) * p.h.kernel + phase.h.first_tap + phase.h.tap_step * jh) *
                p.w.kernel +
            phase.w.first_tap + phase.w.tap_step * jw;
        const float *const taps = p.b + tap * channels * p.out_channels;
        for (int c = lane; c < p.out_channels; c += warp_size) {
          float b[channels];
#pragma unroll
          for (int j = 0; j < channels; ++j) b[j] = taps[j * p.out_channels + c];
#pragma unroll
          for (int i = 0; i < positions_a_warp; ++i) {
            const int ot = t[i] - jt, oh = h[i] - jh, ow = w[i] - jw;
            if (unsigned(ot) >= unsigned(p.t.out) || unsigned(oh) >= unsigned(p.h.out) ||
                unsigned(ow) >= unsigned(p.w.out))
              continue;
            const float a = p.a[(((example[i] * p.t.out + ot) * p.h.out + oh) * p.w.out + ow) * p.out_channels + c];
#pragma unroll
            for (int j = 0; j < channels; ++j) sum[i][j] += a * b[j];
          }
        }
      }

  const float total = add_lanes<values / 2>(sum[0]);
  constexpr int lanes_a_value = warp_size / values;
  const int position = lane / lanes_a_value / padded, j = lane / lanes_a_value % padded;
#pragma unroll
  for (int i = 0; i < positions_a_warp; ++i)
    if (i == position && lane % lanes_a_value == 0 && j < channels && first + i < phase.rows)
      p.result[result_at[i] + j] = finish(p, total, j, result_at[i] + j);
}

__global__ void __launch_bounds__(256) add_row_taps(const ConvProblem p, const ConvProblem columns) {
  const int64_t size = int64_t(p.examples) * p.t.in * p.h.in * p.w.in * p.in_channels;
  for (int64_t item = first_item(); item < size; item += item_stride()) {
    const int at = int(item), channel = at % p.in_channels, w = at / p.in_channels % p.w.in;
    const int64_t row = at / p.in_channels / p.w.in * p.w.out;
    float sum = 0;
    for (int k = (w + p.w.before) % p.w.stride; k < p.w.kernel; k += p.w.stride) {
      const int o = (w + p.w.before - k) / p.w.stride;  // negative before the first only, as the remainder is 0
      if (unsigned(o) >= unsigned(p.w.out)) continue;
      const float *const product = columns.result + (row + o) * columns.in_channels + k * p.in_channels + channel;
      for (int s = 0; s < columns.splits; ++s) sum += product[s * columns.result_elements];
    }
    p.result[at] = finish(p, sum, channel, at);
  }
}

template <int channels>
void launch_backward_input(const ConvProblem &p, cudaStream_t stream) {
  const Phase<Product::backward_input> largest(p, 0);
  const dim3 grid(ceil_div(largest.rows, positions_a_warp * warps_a_block), phases_of(Product::backward_input, p));
  CUDA_LAUNCH(small_backward_input<channels>, grid, warps_a_block * warp_size, 0, stream, p);
}

}  // namespace

size_t small_forward_bytes(const ConvProblem &p) {
  return (size_t(p.w.kernel) * p.in_channels * channels_a_block + run_of_x(p)) * sizeof(float);
}

void launch_small_forward(const ConvProblem &p, cudaStream_t stream) {
  const dim3 grid(p.examples * p.t.out * p.h.out * ceil_div(p.w.out, outputs_a_block),
                  ceil_div(p.out_channels, channels_a_block));
  CUDA_LAUNCH(small_forward, grid, 128, small_forward_bytes(p), stream, p);
}

static size_t small_backward_filter_bytes(const ConvProblem &p) {
  return (size_t(outputs_a_block) * channels_a_block + run_of_x(p)) * sizeof(float);
}

bool small_backward_filter_fits(const ConvProblem &p) {
  return p.in_channels <= few_channels && p.w.out >= 8 && p.w.kernel * p.in_channels <= 8 * elements_a_thread &&
         small_backward_filter_bytes(p) <= (48 << 10);
}

int small_backward_filter_blocks(const ConvProblem &p) {
  return p.t.kernel * p.h.kernel * ceil_div(p.out_channels, channels_a_block);
}

void launch_small_backward_filter(const ConvProblem &p, cudaStream_t stream) {
  const dim3 grid(p.t.kernel * p.h.kernel, ceil_div(p.out_channels, channels_a_block), p.splits);
  CUDA_LAUNCH(small_backward_filter, grid, 128, small_backward_filter_bytes(p), stream, p);
}

void launch_add_row_taps(const ConvProblem &p, const ConvProblem &columns, cudaStream_t stream) {
  const int64_t size = int64_t{p.examples} * p.t.in * p.h.in * p.w.in * p.in_channels;
  CUDA_LAUNCH(add_row_taps, grid_for(size, 256), 256, 0, stream, p, columns);
}

void launch_small_backward_input(const ConvProblem &p, cudaStream_t stream) {
  switch (p.in_channels) {
    case 1:
      return launch_backward_input<1>(p, stream);
    case 2:
      return launch_backward_input<2>(p, stream);
    case 3:
      return launch_backward_input<3>(p, stream);
    default:
      return launch_backward_input<4>(p, stream);
  }
}

}  // namespace coopnets
