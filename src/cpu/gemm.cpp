#include "cpu/gemm.h"

#include <omp.h>

#include <algorithm>
#include <cstring>

#include "cpu/copy.h"
#include "cpu/gemm_kernel.h"

namespace coopnets {

namespace {

constexpr int64_t panel_columns = 2 * lanes;
// Rows of A packed at once: by rows, so many that they stay in L2 beside B; by depth, as many as a line has room for.
constexpr int64_t max_a_rows = 8 * max_rows, max_a_columns = depth_block / max_rows * max_rows;
// C of a task, half a megabyte or a little more.
constexpr int64_t max_row_block = 2 * max_a_rows, max_row_block_by_depth = 3 * max_a_columns, max_col_block = 256;
constexpr int64_t wanted_tasks = 32;                                              // so that dealing them out balances
constexpr int64_t max_shared = int64_t{1} << 24, max_partial = int64_t{1} << 23;  // elements of scratch

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }
int64_t padded(int64_t columns) { return round_up(columns, lanes); }

// The i-th of `parts` nearly equal parts of [0, total) starts here.
int64_t part(int64_t total, int64_t parts, int64_t i) { return total / parts * i + std::min(i, total % parts); }

const auto narrow_by_rows = microkernels<1, false>(std::make_integer_sequence<int, max_rows>());
const auto wide_by_rows = microkernels<2, false>(std::make_integer_sequence<int, max_rows>());
const auto narrow_by_depth = microkernels<1, true>(std::make_integer_sequence<int, max_rows>());
const auto wide_by_depth = microkernels<2, true>(std::make_integer_sequence<int, max_rows>());

struct Range {
  int64_t first, last;
  int64_t count() const { return last - first; }
};

struct Blocks {
  int64_t row_blocks, col_block, col_blocks, splits;
  bool share_b;  // B is packed once, for all row blocks
  explicit Blocks(const Product &p) {
    const int64_t wanted_col_blocks = std::max<int64_t>(ceil_div(p.columns, max_col_block), 1);
    col_block = round_up(ceil_div(p.columns, wanted_col_blocks), panel_columns);
    col_blocks = std::max<int64_t>(ceil_div(p.columns, col_block), 1);
    row_blocks = std::max<int64_t>(ceil_div(p.rows, p.by_depth ? max_row_block_by_depth : max_row_block), 1);
    // Too few tasks: split the depth as long as a split is deep, then the rows.
    const int64_t most = std::min(p.depth / (4 * depth_block), max_partial / std::max<int64_t>(p.rows * p.columns, 1));
    splits = std::clamp<int64_t>(ceil_div(wanted_tasks, row_blocks * col_blocks), 1, std::max<int64_t>(most, 1));
    const int64_t wanted_row_blocks = ceil_div(wanted_tasks, col_blocks * splits);
    row_blocks =
        std::max(row_blocks, std::min(ceil_div(p.rows, p.by_depth ? max_a_columns : max_a_rows), wanted_row_blocks));
    share_b = !p.by_depth && row_blocks > 1 && splits == 1 && p.depth * padded(p.columns) <= max_shared;
  }
  Range columns(const Product &p, int64_t block) const {
    return {block * col_block, std::min((block + 1) * col_block, p.columns)};
  }
};

// A thread's own buffers.
struct Work {
  real *a, *b, *c;
};
int64_t a_size(const Product &p) { return (p.by_depth ? depth_block : max_a_rows) * a_stride; }

// One task. shared_b, if any, holds the packed panels of these columns for the whole depth. partial, if any, receives C
// [rows x columns] of the whole product instead of store().
void run_task(const Product &p, Range rows, Range columns, Range depth, const Work &work, const real *shared_b,
              real *partial) {
  const int64_t width = padded(columns.count());
  const int64_t depth_blocks = std::max<int64_t>(ceil_div(depth.count(), depth_block), 1);
  const int64_t a_rows = p.by_depth ? max_a_columns : max_a_rows;
  const int64_t a_blocks = ceil_div(rows.count(), a_rows);
  const auto &narrow = p.by_depth ? narrow_by_depth : narrow_by_rows, &wide = p.by_depth ? wide_by_depth : wide_by_rows;
  for (int64_t d = 0; d < depth_blocks; ++d) {
    const int64_t step = depth.first + part(depth.count(), depth_blocks, d);
    const int64_t steps = depth.first + part(depth.count(), depth_blocks, d + 1) - step;
    const bool last = d == depth_blocks - 1;
    const real *b = shared_b ? shared_b + step * width : work.b;
    if (!shared_b && steps > 0) p.pack_b(step, steps, columns.first, columns.count(), work.b);
    for (int64_t block = 0; block < a_blocks; ++block) {
      const int64_t block_first = part(rows.count(), a_blocks, block);
      const int64_t block_rows = part(rows.count(), a_blocks, block + 1) - block_first;
      if (steps > 0) p.pack_a(rows.first + block_first, block_rows, step, steps, work.a);
      const int64_t tiles = ceil_div(block_rows, max_rows);
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t row = part(block_rows, tiles, tile), height = part(block_rows, tiles, tile + 1) - row;
        const real *a = work.a + row * (p.by_depth ? 1 : a_stride);
        real *c = work.c + (depth_blocks == 1 ? 0 : block_first + row) * width;
        for (int64_t column = 0; column < width; column += panel_columns) {
          const auto &kernels = width - column < panel_columns ? narrow : wide;
          kernels[height - 1](steps, a, b + column * steps, c + column, width, d > 0);
        }
        if (!last) continue;
        const int64_t c_row = rows.first + block_first + row;
        if (!partial) {
          p.store(c_row, height, columns.first, columns.count(), c, width);
        } else {
          for (int64_t r = 0; r < height; ++r)
            std::memcpy(partial + (c_row + r) * p.columns + columns.first, c + r * width,
                        columns.count() * sizeof(real));
        }
      }
    }
  }
}

// Adds up the splits in order and stores the sums.
void reduce(CpuBackend &backend, const Product &p, int64_t splits, real *partial) {
  const int64_t size = p.rows * p.columns;
#pragma omp parallel for num_threads(threads_for(backend, p))
  for (int64_t row = 0; row < p.rows; ++row) {
    real *sum = partial + row * p.columns;
    for (int64_t s = 1; s < splits; ++s)
      for (int64_t c = 0; c < p.columns; ++c) sum[c] += sum[s * size + c];
    p.store(row, 1, 0, p.columns, sum, p.columns);
  }
}

// Transposes a square of `lanes` x `lanes`: log2(lanes) perfect shuffles.
void transpose(const real *from, int64_t from_stride, real *to, int64_t to_stride) {
  const LaneIndex number = lane_numbers(), low = number / 2 + number % 2 * lanes, high = low + lanes / 2;
  Vector v[lanes], shuffled[lanes];
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) std::memcpy(&v[i], from + i * from_stride, vector_bytes);
#pragma GCC unroll 4
  for (int stage = 1; stage < lanes; stage *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < lanes / 2; ++i) {
      shuffled[2 * i] = __builtin_shuffle(v[i], v[i + lanes / 2], low);
      shuffled[2 * i + 1] = __builtin_shuffle(v[i], v[i + lanes / 2], high);
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) v[i] = shuffled[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) std::memcpy(to + i * to_stride, &v[i], vector_bytes);
}

int64_t panel_width(int64_t columns_left) { return columns_left > lanes ? panel_columns : lanes; }

}  // namespace

int64_t packed_size(const Product &p) { return round_up(p.depth * padded(p.columns), lanes); }

int threads_for(const CpuBackend &backend, const Product &p) {
  return double(p.rows) * double(p.columns) * double(p.depth) < 1 << 20 ? 1 : backend.threads();
}

void pack(CpuBackend &backend, const Product &p, real *packed) {
  const Blocks blocks(p);
  const int64_t depth_blocks = ceil_div(p.depth, depth_block);
#pragma omp parallel for schedule(dynamic) num_threads(threads_for(backend, p))
  for (int64_t i = 0; i < blocks.col_blocks * depth_blocks; ++i) {
    const Range columns = blocks.columns(p, i / depth_blocks);
    const int64_t step = part(p.depth, depth_blocks, i % depth_blocks);
    const int64_t steps = part(p.depth, depth_blocks, i % depth_blocks + 1) - step;
    p.pack_b(step, steps, columns.first, columns.count(),
             packed + columns.first * p.depth + step * padded(columns.count()));
  }
}

int64_t row_work(const Product &p) { return round_up(a_size(p) + max_a_rows * Blocks(p).col_block + lanes, lanes); }

void multiply_rows(const Product &p, int64_t first, int64_t last, const real *packed, real *work) {
  const Blocks blocks(p);
  const int64_t parts = ceil_div(last - first, max_a_rows);
  for (int64_t i = 0; i < parts; ++i)
    for (int64_t block = 0; block < blocks.col_blocks; ++block) {
      const Range columns = blocks.columns(p, block);
      run_task(p, {first + part(last - first, parts, i), first + part(last - first, parts, i + 1)}, columns,
               {0, p.depth}, {work, nullptr, work + a_size(p)}, packed + columns.first * p.depth, nullptr);
    }
}

void multiply(CpuBackend &backend, const Product &p) {
  if (p.rows == 0 || p.columns == 0) return;
  const Blocks blocks(p);
  const int64_t row_block = ceil_div(p.rows, blocks.row_blocks);
  const int64_t b_size = blocks.share_b ? 0 : depth_block * blocks.col_block;
  const int64_t own = a_size(p) + b_size + row_block * blocks.col_block;
  const int64_t partial_size = blocks.splits > 1 ? blocks.splits * p.rows * p.columns : 0;
  real *scratch = backend.scratch(own * backend.threads() + (blocks.share_b ? packed_size(p) : partial_size));
  real *shared = scratch + own * backend.threads();
  real *partial = partial_size ? shared : nullptr;
  if (blocks.share_b) pack(backend, p, shared);
  const int64_t tiles = blocks.row_blocks * blocks.col_blocks;
#pragma omp parallel num_threads(threads_for(backend, p))
  {
    real *mine = scratch + own * omp_get_thread_num();
    const Work work = {mine, mine + a_size(p), mine + a_size(p) + b_size};
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < tiles * blocks.splits; ++task) {
      const int64_t split = task / tiles, row = task % tiles / blocks.col_blocks;
      const Range columns = blocks.columns(p, task % blocks.col_blocks);
      run_task(p, {part(p.rows, blocks.row_blocks, row), part(p.rows, blocks.row_blocks, row + 1)}, columns,
               {part(p.depth, blocks.splits, split), part(p.depth, blocks.splits, split + 1)}, work,
               blocks.share_b ? shared + columns.first * p.depth : nullptr,
               partial ? partial + split * p.rows * p.columns : nullptr);
    }
  }
  if (partial) reduce(backend, p, blocks.splits, partial);
}

void pack_rows(const real *from, int64_t stride, int64_t steps, int64_t columns, real *to) {
  for (int64_t column = 0; column < columns; column += panel_columns) {
    const int64_t width = panel_width(columns - column), count = std::min(width, columns - column);
    for (int64_t step = 0; step < steps; ++step, to += width) {
      const real *line = from + step * stride + column;
      if (count == panel_columns) {
        std::memcpy(to, line, panel_columns * sizeof(real));
      } else {
        std::memset(to + width - lanes, 0, vector_bytes);
        copy(line, to, count);
      }
    }
  }
}

void pack_columns(const real *from, int64_t stride, int64_t at, int64_t count, int64_t steps, int64_t columns,
                  real *to) {
  for (int64_t column = 0; column < columns; column += panel_columns) {
    const int64_t width = panel_width(columns - column);
    real *panel = to + column * steps + at * width;
    for (int64_t i = 0; i < width; i += lanes) {
      const int64_t valid = std::clamp<int64_t>(columns - column - i, 0, lanes);
      const real *lines = from + (column + i) * stride;
      int64_t step = 0;
      if (valid == lanes)
        for (; step + lanes <= count; step += lanes) transpose(lines + step, stride, panel + step * width + i, width);
      for (; step < count; ++step)
        for (int64_t lane = 0; lane < lanes; ++lane)
          panel[step * width + i + lane] = lane < valid ? lines[lane * stride + step] : 0;
    }
  }
}

}  // namespace coopnets
