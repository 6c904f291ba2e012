#include "cpu/gemm.h"

#include <algorithm>
#include <cstring>

#include "cpu/copy.h"
#include "cpu/gemm_kernel.h"
#include "cpu/parallel.h"

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

Range part_of(int64_t total, int64_t parts, int64_t i) { return {part(total, parts, i), part(total, parts, i + 1)}; }

}  // namespace

int64_t packed_size(const Product &p) { return round_up(p.depth * padded(p.columns), lanes); }

Sleepers sleepers(double multiply_adds) { return wake_if(multiply_adds >= 1 << 20); }

namespace {

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
  int64_t row_block(const Product &p) const { return ceil_div(p.rows, row_blocks); }
  // Elements of scratch: of B for one task where it is not shared, of B where it is, of the splits' C.
  int64_t b_size() const { return share_b ? 0 : depth_block * col_block; }
  int64_t shared_size(const Product &p) const { return share_b ? packed_size(p) : 0; }
  int64_t partial_size(const Product &p) const { return splits > 1 ? round_up(splits * p.rows * p.columns, lanes) : 0; }
  // Tasks of packing B and of adding up the splits.
  int64_t pack_tasks(const Product &p) const { return col_blocks * ceil_div(p.depth, depth_block); }
  int64_t add_tasks(const Product &p) const { return std::min(p.rows, ceil_div(splits * p.rows * p.columns, 1 << 15)); }
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

void run_pack_task(const Product &p, const Blocks &blocks, int64_t task, real *packed) {
  const int64_t depth_blocks = ceil_div(p.depth, depth_block);
  const Range columns = blocks.columns(p, task / depth_blocks),
              depth = part_of(p.depth, depth_blocks, task % depth_blocks);
  p.pack_b(depth.first, depth.count(), columns.first, columns.count(),
           packed + columns.first * p.depth + depth.first * padded(columns.count()));
}

// Adds up the splits of some rows in order and stores the sums.
void add_splits(const Product &p, int64_t splits, Range rows, real *partial) {
  const int64_t size = p.rows * p.columns;
  for (int64_t row = rows.first; row < rows.last; ++row) {
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

void pack(CpuBackend &backend, const Product &p, real *packed) {
  const Blocks blocks(p);
  parallel_chunks(
      backend.threads(), blocks.pack_tasks(p), [&](int64_t task, int) { run_pack_task(p, blocks, task, packed); },
      sleepers(multiply_adds(p)));
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

void multiply(CpuBackend &backend, const std::vector<const Product *> &products) {
  struct Plan {
    const Product &p;
    Blocks blocks;
    real *shared_b, *partial;
    int64_t tiles() const { return blocks.row_blocks * blocks.col_blocks; }
  };
  std::vector<Plan> plans;
  int64_t own = 0, all = 0;  // elements of scratch: for each thread, for all together
  double work = 0;
  for (const Product *p : products) {
    if (p->rows == 0 || p->columns == 0) continue;
    plans.push_back({*p, Blocks(*p), nullptr, nullptr});
    const Blocks &blocks = plans.back().blocks;
    own = std::max(own, a_size(*p) + blocks.b_size() + blocks.row_block(*p) * blocks.col_block);
    all += blocks.shared_size(*p) + blocks.partial_size(*p);
    work += multiply_adds(*p);
  }
  real *scratch = backend.scratch(own * backend.threads() + all), *shared = scratch + own * backend.threads();
  for (Plan &plan : plans) {
    if (plan.blocks.share_b) plan.shared_b = shared;
    if (plan.blocks.splits > 1) plan.partial = shared;
    shared += plan.blocks.shared_size(plan.p) + plan.blocks.partial_size(plan.p);
  }
  const Sleepers sleep = sleepers(work);
  for_tasks(
      backend.threads(), plans, [](const Plan &plan) { return plan.shared_b ? plan.blocks.pack_tasks(plan.p) : 0; },
      [](const Plan &plan, int64_t task, int) { run_pack_task(plan.p, plan.blocks, task, plan.shared_b); }, sleep);
  for_tasks(
      backend.threads(), plans, [](const Plan &plan) { return plan.tiles() * plan.blocks.splits; },
      [=](const Plan &plan, int64_t task, int thread) {
        const Product &p = plan.p;
        const Blocks &blocks = plan.blocks;
        real *const mine = scratch + own * thread;
        const int64_t split = task / plan.tiles(), row = task % plan.tiles() / blocks.col_blocks;
        const Range columns = blocks.columns(p, task % blocks.col_blocks);
        run_task(p, part_of(p.rows, blocks.row_blocks, row), columns, part_of(p.depth, blocks.splits, split),
                 {mine, mine + a_size(p), mine + a_size(p) + blocks.b_size()},
                 plan.shared_b ? plan.shared_b + columns.first * p.depth : nullptr,
                 plan.partial ? plan.partial + split * p.rows * p.columns : nullptr);
      },
      sleep);
  for_tasks(
      backend.threads(), plans, [](const Plan &plan) { return plan.partial ? plan.blocks.add_tasks(plan.p) : 0; },
      [](const Plan &plan, int64_t task, int) {
        add_splits(plan.p, plan.blocks.splits, part_of(plan.p.rows, plan.blocks.add_tasks(plan.p), task), plan.partial);
      },
      sleep);
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
