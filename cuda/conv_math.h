// How a block multiplies one step of two tiles in shared memory: in fp32 by ordinary threads, in tf32 or bf16 by tensor
// cores.
//
//   Fp32         threads form a grid; each owns `high` x `wide` elements of the result, spread so that a warp's reads
//                of shared memory are broadcasts or fall into different banks; 4 steps of the sum at a time, 16 bytes
//                a read: 8 x 8 elements take (8 + 8) x 16 bytes for 512 operations
//   Tf32, Bf16   warps form a grid; each owns whole 16 x 8 tiles; fragments as in tensor_core.h, rounded as read
//   Tf32x3       as Tf32, of each factor also what its rounding left: three instructions for one
//
//                large tile, 4 warps              a warp's 64 x 64 elements
//                +---+---+---+---+---+---         +---+---+---+---+  16 rows
//                | 0 | 1 | 0 | 1 | 0 | 1  64      |   |   |   |   |  x 8 columns each: 4 x 8 instructions a step of
//                +---+---+---+---+---+---         +---+---+---+---+  the sum, for 4 fragments of A and 8 of B:
//                | 2 | 3 | 2 | 3 | 2 | 3          |   ...         |  per lane (16 + 16) words for 32 x 2048 operations
//                +---+---+---+---+---+---         +---------------+  of the warp in tf32
//
// A processor's shared memory gives one word a lane and clock, so words a lane and instruction bound the rate: with
// those that the copies write, 1.5 for the large tile (2 with 8 warps of 64 x 32), 3 for the medium one and 3.25 for
// the narrow, twice that in bf16. None of it has been measured on a device yet.
//
// A warp's tiles of 8 columns lie warps_across apart, so that where a result ends within the block's columns the empty
// tiles, which are skipped, are as many in every warp: 40 columns cost 3 of a warp's 4 in the medium block, 70 cost 5
// of 8 in the large one. Ordinary threads skip nothing, so that the narrow tile halves the products for 30 columns;
// tensor cores gain that each element of A is read by one warp, not two.
//
// In bf16 the pairs of a fragment are k = t and t + 4 (or t + 8 and t + 12) rather than neighbours: any order of the
// sum will do that A and B share, and so both formats read the same words of shared memory, one bank a lane.
#pragma once
#include <type_traits>

#include "cuda/tensor_core.h"

namespace coopnets {

constexpr int step_of_sum = 16, most_stages = 3;

// Blocks a processor: as many as should fit its registers.
template <int rows_, int columns_, int warps_down_, int warps_across_, int threads_down_, int blocks_a_processor_>
struct TileShape {
  static constexpr int rows = rows_, columns = columns_, warps_down = warps_down_, warps_across = warps_across_;
  static constexpr int threads = warps_down * warps_across * warp_size, blocks_a_processor = blocks_a_processor_;
  static constexpr int threads_down = threads_down_, threads_across = threads / threads_down;
};
using LargeTile = TileShape<128, 128, 2, 4, 16, 2>;      // of ordinary threads
using LargeWarpTile = TileShape<128, 128, 2, 2, 16, 2>;  // of tensor cores
using TallTile = TileShape<128, 64, 2, 2, 16, 3>;
using NarrowTile = TileShape<128, 32, 4, 1, 16, 4>;
using MediumTile = TileShape<64, 64, 2, 2, 8, 4>;

// A tile of `lines` rows of A or columns of B by step_of_sum.
template <int lines, bool along_sum_>
struct SharedTile {
  static constexpr bool along_sum = along_sum_;
  static constexpr int floats = along_sum ? lines * (step_of_sum + 4) : step_of_sum * (lines + 8);
  __device__ static int at(int line, int k) {
    return along_sum ? line * (step_of_sum + 4) + k : k * (lines + 8) + line;
  }
};

// Of a block: its stages, each tile along the sum, which takes more, and 20 bytes a row (conv_gemm.h).
template <class Shape>
constexpr int shared_bytes(int stages) {
  const int floats = SharedTile<Shape::rows, true>::floats + SharedTile<Shape::columns, true>::floats;
  return stages * floats * int(sizeof(float)) + 20 * Shape::rows;
}

// Between two rows of a slab: eight floats more than a row, so that eight rows of a fragment fill all banks.
template <class Shape>
__host__ __device__ constexpr int slab_stride() {
  return Shape::columns + 8;
}

// Copies rows k .. k + 15 of a matrix [.., columns], of which `left` exist, into a tile of B along columns.
template <class Shape, int vector>
__device__ __forceinline__ void load_rows(float *b, const float *from, int k, int left, int first_column, int columns) {
  constexpr int sets = Shape::columns / vector, rows_a_pass = Shape::threads / sets;
  static_assert(step_of_sum % rows_a_pass == 0, "passes are whole");
  const int along = threadIdx.x % sets * vector, mine = threadIdx.x / sets, column = first_column + along;
  const int mine_left = column < columns ? left - mine : 0;
  const unsigned at = unsigned(k + mine) * columns + column;
#pragma unroll
  for (int i = 0; i < step_of_sum / rows_a_pass; ++i) {
    const bool exists = i * rows_a_pass < mine_left;
    copy_async<vector>(b + SharedTile<Shape::columns, false>::at(along, mine + i * rows_a_pass),
                       from + (exists ? at + unsigned(i * rows_a_pass * columns) : 0), exists);
  }
}

template <class Shape_>
class Fp32 {
 public:
  using Shape = Shape_;

  template <class A, class B>
  __device__ void multiply(const float *a_tile, const float *b_tile, int) {
    [[maybe_unused]] constexpr int at_once =
        A::along_sum && B::along_sum ? 1 : 4;  // more would not leave registers for 128 columns
#pragma unroll at_once
    for (int k = 0; k < step_of_sum; k += 4) {
      float a[high][4], b[wide][4];
      read<A, high, Shape::threads_down>(a_tile, threadIdx.x / Shape::threads_across, k, a);
      read<B, wide, Shape::threads_across>(b_tile, threadIdx.x % Shape::threads_across, k, b);
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int r = 0; r < high; ++r)
#pragma unroll
          for (int c = 0; c < wide; ++c) sum_[r][c] += a[r][j] * b[c][j];
    }
  }

  // The result leaves in slabs: the slab-th row of each thread, of all columns.
  static constexpr int slabs = Shape::rows / Shape::threads_down, slab_rows = Shape::threads_down;
  template <class A>
  __device__ static int row(int slab, int slab_row) {
    return line<A, Shape::threads_down>(slab_row, slab);
  }
  template <class B>
  __device__ void put(int slab, float *to) const {
    float *const mine = to + threadIdx.x / Shape::threads_across * slab_stride<Shape>();
#pragma unroll
    for (int r = 0; r < slabs; ++r)  // registers have no index, so each slab has its code
      if (r == slab) {
#pragma unroll
        for (int c = 0; c < wide; ++c)
          mine[line<B, Shape::threads_across>(threadIdx.x % Shape::threads_across, c)] = sum_[r][c];
      }
  }

 private:
  static constexpr int high = Shape::rows / Shape::threads_down, wide = Shape::columns / Shape::threads_across;

  // The i-th line of thread `mine` of `threads`: every threads-th, singly or in fours, as the tile lies in memory.
  template <class Tile, int threads>
  __device__ static int line(int mine, int i) {
    return Tile::along_sum ? mine + i * threads : (i / 4 * threads + mine) * 4 + i % 4;
  }

  template <class Tile, int count, int threads>
  __device__ static void read(const float *tile, int mine, int k, float out[count][4]) {
    if (Tile::along_sum) {
#pragma unroll
      for (int i = 0; i < count; ++i) {
        const float4 v = *reinterpret_cast<const float4 *>(tile + Tile::at(line<Tile, threads>(mine, i), k));
        out[i][0] = v.x, out[i][1] = v.y, out[i][2] = v.z, out[i][3] = v.w;
      }
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int i = 0; i < count; i += 4) {
          const float4 v = *reinterpret_cast<const float4 *>(tile + Tile::at(line<Tile, threads>(mine, i), k + j));
          out[i][j] = v.x, out[i + 1][j] = v.y, out[i + 2][j] = v.z, out[i + 3][j] = v.w;
        }
    }
  }

  float sum_[high][wide] = {};
};

template <class Shape_, Precision format>
class TensorCore {
  static constexpr bool bf16 = format == Precision::bf16, thrice = format == Precision::tf32x3;

 public:
  using Shape = Shape_;

  // columns: of the result, from the block's first on.
  template <class A, class B>
  __device__ void multiply(const float *a_tile, const float *b_tile, int columns) {
#if defined(__CUDA_ARCH__) && !COOPNETS_SM80
    __trap();  // never launched: on these chips the backend computes in fp32
#else
    if (columns >= Shape::columns)
      multiply_tiles<A, B, true>(a_tile, b_tile, columns);
    else
      multiply_tiles<A, B, false>(a_tile, b_tile, columns);
#endif
  }

  // Slabs: the slab-th 16 rows of each warp.
  static constexpr int slabs = Shape::rows / Shape::warps_down / 16, slab_rows = 16 * Shape::warps_down;
  template <class A>
  __device__ static int row(int slab, int slab_row) {
    return (slab_row / 16 * slabs + slab) * 16 + slab_row % 16;
  }
  template <class B>
  __device__ void put(int slab, float *to) const {
    const int lane = threadIdx.x % warp_size, g = lane / 4, t = lane % 4;
    const int first = int(threadIdx.x) / warp_size / Shape::warps_across * 16;
#pragma unroll
    for (int r = 0; r < slabs; ++r)
      if (r == slab) {
#pragma unroll
        for (int c = 0; c < wide; ++c)
#pragma unroll
          for (int i = 0; i < 2; ++i)
            *reinterpret_cast<float2 *>(to + (first + g + 8 * i) * slab_stride<Shape>() + first_column(c) + 2 * t) = {
                sum_[r][c][2 * i], sum_[r][c][2 * i + 1]};
      }
  }

 private:
  static constexpr int high = Shape::rows / Shape::warps_down / 16, wide = Shape::columns / Shape::warps_across / 8;

  template <class A, class B, bool all>
  __device__ __forceinline__ void multiply_tiles(const float *a_tile, const float *b_tile, int columns) {
    const int lane = threadIdx.x % warp_size, g = lane / 4, t = lane % 4;
    constexpr int depth = bf16 ? 16 : 8;  // of one instruction
#pragma unroll
    for (int k = 0; k < step_of_sum; k += depth) {
      Fragment a[high][4], b[wide][2] = {};
#pragma unroll
      for (int r = 0; r < high; ++r)
#pragma unroll
        for (int i = 0; i < 4; ++i)
          a[r][i] = fragment<A>(a_tile, first_row() + 16 * r + g + 8 * (i % 2), k + t + depth / 2 * (i / 2));
#pragma unroll
      for (int c = 0; c < wide; ++c)
#pragma unroll
        for (int i = 0; i < 2; ++i)
          if (all || first_column(c) < columns)
            b[c][i] = fragment<B>(b_tile, first_column(c) + g, k + t + depth / 2 * i);
#pragma unroll
      for (int c = 0; c < wide; ++c) {
        if (!all && first_column(c) >= columns) break;  // the same for the whole warp
#pragma unroll
        for (int r = 0; r < high; ++r) multiply_one(sum_[r][c], a[r], b[c]);
      }
    }
  }

  // A fragment's number; in tf32x3 also what its rounding left, rounded.
  struct Whole {
    uint32_t first;
  };
  struct Parts {
    uint32_t first, rest;
  };
  using Fragment = std::conditional_t<thrice, Parts, Whole>;

  // (a + a') (b + b') = a b + a b' + a' b, the smallest first; a' b' is below what fp32 keeps.
  __device__ __forceinline__ static void multiply_one(float sum[4], const Fragment a[4], const Fragment b[2]) {
    const uint32_t fa[4] = {a[0].first, a[1].first, a[2].first, a[3].first}, fb[2] = {b[0].first, b[1].first};
    if constexpr (thrice) {
      const uint32_t ra[4] = {a[0].rest, a[1].rest, a[2].rest, a[3].rest}, rb[2] = {b[0].rest, b[1].rest};
      mma_tf32(sum, ra, fb);
      mma_tf32(sum, fa, rb);
    }
    if constexpr (bf16)
      mma_bf16(sum, fa, fb);
    else
      mma_tf32(sum, fa, fb);
  }

  __device__ static int first_row() { return int(threadIdx.x) / warp_size / Shape::warps_across * 16 * high; }
  __device__ static int first_column(int tile) {
    return (int(threadIdx.x) / warp_size % Shape::warps_across + Shape::warps_across * tile) * 8;
  }
  template <class Tile>
  __device__ static Fragment fragment(const float *tile, int line, int k) {
    const float v = tile[Tile::at(line, k)];
    if constexpr (bf16) {
      return {to_bf16(v, tile[Tile::at(line, k + 4)])};
    } else if constexpr (thrice) {
      const uint32_t first = to_tf32(v);
      // The lowest bits of `first` may be anything and are not read. An infinity leaves NaN, and so does the product.
      return {first, to_tf32(v - float_of(first & 0xffffe000u))};
    } else {
      return {to_tf32(v)};
    }
  }

  float sum_[high][wide][4] = {};
};
template <class Shape>
using Tf32 = TensorCore<Shape, Precision::tf32>;
template <class Shape>
using Bf16 = TensorCore<Shape, Precision::bf16>;
template <class Shape>
using Tf32x3 = TensorCore<Shape, Precision::tf32x3>;

}  // namespace coopnets
