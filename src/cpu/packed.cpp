// Products whose A is copied in blocks: [row][depth], or [depth][row] by depth, lines a_stride long: lines of a picture
// are copied, never transposed. A task is (row block, column block, split of the depth); its block of C stays in its
// thread's cache until its depth is exhausted.
//
// What each step brought (one core, AVX-512, fp32; of the core's multiply-add peak):
//   14 x 2 microkernel on packed operands in the cache           98 % (223 of 242 GFLOP/s, 92 %, where A lies by depth)
//   whole layers, K and N in the hundreds to thousands           55 to 80 %: the rest is packing, C and memory
//   row blocks of 224 instead of 512, panels prefetched          1.03 to 1.10 x on layers whose B is megabytes
#include <algorithm>

#include "cpu/gemm_kernel.h"
#include "cpu/parallel.h"

namespace coopnets {

namespace {

constexpr int64_t depth_block = 256;
constexpr int64_t a_stride =
    depth_block + 64 / sizeof(real);  // an odd number of cache lines: rows spread over the sets
// Rows of A packed at once: by rows, so many that they stay in L2 beside B; by depth, as many as a line has room for.
constexpr int64_t max_a_rows = 8 * max_rows, max_a_columns = depth_block / max_rows * max_rows;
// C of a task, half a megabyte or a little more.
constexpr int64_t max_row_block = 2 * max_a_rows, max_row_block_by_depth = 3 * max_a_columns;
constexpr int64_t wanted_tasks = 32;                                              // so that dealing them out balances
constexpr int64_t max_shared = int64_t{1} << 24, max_partial = int64_t{1} << 23;  // elements of scratch

struct ColumnBlocks {
  int64_t size, count;
  explicit ColumnBlocks(int64_t columns) {
    size = round_up(ceil_div(columns, std::max<int64_t>(ceil_div(columns, max_columns), 1)), panel_columns);
    count = std::max<int64_t>(ceil_div(columns, size), 1);
  }
  Range block(const Product &p, int64_t i) const { return {i * size, std::min((i + 1) * size, p.columns)}; }
};

// A thread's own buffers.
struct Work {
  real *a, *b, *c;
};
int64_t a_size(const Product &p) { return (p.by_depth ? depth_block : max_a_rows) * a_stride; }

int64_t pack_tasks_of(const Product &p) { return ColumnBlocks(p.columns).count * ceil_div(p.depth, depth_block); }

void pack_task(const Product &p, int64_t task, real *packed) {
  const int64_t depth_blocks = ceil_div(p.depth, depth_block);
  const Range columns = ColumnBlocks(p.columns).block(p, task / depth_blocks);
  const Range depth = part(p.depth, depth_blocks, task % depth_blocks);
  p.pack_b(depth.first, depth.count(), columns.first, columns.count(),
           packed + columns.first * p.depth + depth.first * padded(columns.count()));
}

// Rows [row, row + rows) x steps [step, step + steps) of A: copied to `to`, or where they lie.
struct A {
  const real *first;
  int64_t stride;
};
A a_block(const Product &p, int64_t row, int64_t rows, int64_t step, int64_t steps, real *to) {
  if (p.by_depth)
    p.windows.pack(step, steps, row, rows, to, a_stride);
  else if (p.windows.are_x() && p.depth <= depth_block)  // longer rows may share their cache sets
    return {p.windows.x + row * p.depth + step, p.depth};
  else
    p.windows.pack(row, rows, step, steps, to, a_stride);
  return {to, a_stride};
}

// One task. shared_b, if any, holds the packed panels of these columns for the whole depth. store receives C.
template <class Store>
void run_task(const Product &p, Range rows, Range columns, Range depth, const Work &work, const real *shared_b,
              const Store &store) {
  const int64_t width = padded(columns.count());
  const int64_t depth_blocks = std::max<int64_t>(ceil_div(depth.count(), depth_block), 1);
  const int64_t a_blocks = ceil_div(rows.count(), p.by_depth ? max_a_columns : max_a_rows);
  for (int64_t d = 0; d < depth_blocks; ++d) {
    const Range within = part(depth.count(), depth_blocks, d);
    const int64_t step = depth.first + within.first, steps = within.count();
    const real *b = shared_b ? shared_b + step * width : work.b;
    if (!shared_b && steps > 0) p.pack_b(step, steps, columns.first, columns.count(), work.b);
    for (int64_t block = 0; block < a_blocks; ++block) {
      const Range of_block = part(rows.count(), a_blocks, block);
      const A a = a_block(p, rows.first + of_block.first, of_block.count(), step, steps, work.a);
      const int64_t tiles = ceil_div(of_block.count(), max_rows);
      for (int64_t i = 0; i < tiles; ++i) {
        const Range tile = part(of_block.count(), tiles, i);
        real *c = work.c + (depth_blocks == 1 ? 0 : of_block.first + tile.first) * width;
        for (int64_t column = 0; column < width; column += panel_columns)
          microkernel(tile.count(), width - column,
                      p.by_depth)({&a.first, 1, steps, tile.first * (p.by_depth ? 1 : a.stride), a.stride,
                                   b + column * steps, c + column, width, d > 0});
        if (d == depth_blocks - 1) store(rows.first + of_block.first + tile.first, tile.count(), columns, c, width);
      }
    }
  }
}

class PackedPlan final : public Plan {
 public:
  explicit PackedPlan(const Product &product) : Plan(product), columns_(p.columns) {
    row_blocks_ = std::max<int64_t>(ceil_div(p.rows, p.by_depth ? max_row_block_by_depth : max_row_block), 1);
    // Too few tasks: split the depth as long as a split is deep, then the rows.
    const int64_t most = std::min(p.depth / (4 * depth_block), max_partial / (p.rows * p.columns));
    splits = std::clamp<int64_t>(ceil_div(wanted_tasks, row_blocks_ * columns_.count), 1, std::max<int64_t>(most, 1));
    const int64_t wanted_row_blocks = ceil_div(wanted_tasks, columns_.count * splits);
    row_blocks_ =
        std::max(row_blocks_, std::min(ceil_div(p.rows, p.by_depth ? max_a_columns : max_a_rows), wanted_row_blocks));
    // B is packed once for all row blocks, or by each task for itself.
    share_b_ = !p.by_depth && row_blocks_ > 1 && splits == 1 && p.depth * padded(p.columns) <= max_shared;
    pack_tasks = share_b_ ? pack_tasks_of(p) : 0;
    tasks = row_blocks_ * columns_.count * splits;
    shared_size = share_b_ ? packed_size(p) : partial_size();
    own_size = a_size(p) + b_size() + ceil_div(p.rows, row_blocks_) * columns_.size;
  }
  void pack(int64_t task, real *shared) const override { pack_task(p, task, shared); }
  void run(int64_t task, real *own, real *shared) const override {
    const int64_t split = task / (row_blocks_ * columns_.count);
    const Range columns = columns_.block(p, task % columns_.count);
    run_task(p, part(p.rows, row_blocks_, task / columns_.count % row_blocks_), columns, part(p.depth, splits, split),
             {own, own + a_size(p), own + a_size(p) + b_size()}, share_b_ ? shared + columns.first * p.depth : nullptr,
             [&](int64_t row, int64_t rows, Range columns, const real *c, int64_t stride) {
               store(split, row, rows, columns, c, stride, shared);
             });
  }

 private:
  int64_t b_size() const { return share_b_ ? 0 : depth_block * columns_.size; }
  ColumnBlocks columns_;
  int64_t row_blocks_;
  bool share_b_;
};

}  // namespace

std::unique_ptr<Plan> plan_packed(const Product &p) { return std::make_unique<PackedPlan>(p); }

int64_t packed_size(const Product &p) { return round_up(p.depth * padded(p.columns), lanes); }

void pack(CpuBackend &backend, const Product &p, real *packed) {
  parallel_chunks(
      backend.threads(), pack_tasks_of(p), [&](int64_t task, int) { pack_task(p, task, packed); },
      sleepers(multiply_adds(p)));
}

// Readable a vector beyond its end.
int64_t row_work(const Product &p) { return a_size(p) + max_a_rows * ColumnBlocks(p.columns).size + lanes; }

void multiply_rows(const Product &p, int64_t first, int64_t last, const real *packed, real *work) {
  const ColumnBlocks columns(p.columns);
  const int64_t parts = ceil_div(last - first, max_a_rows);
  for (int64_t i = 0; i < parts; ++i)
    for (int64_t block = 0; block < columns.count; ++block) {
      const Range rows = part(last - first, parts, i), of_block = columns.block(p, block);
      run_task(p, {first + rows.first, first + rows.last}, of_block, {0, p.depth}, {work, nullptr, work + a_size(p)},
               packed + of_block.first * p.depth,
               [&](int64_t row, int64_t rows, Range columns, const real *c, int64_t stride) {
                 p.store(row, rows, columns.first, columns.count(), c, stride);
               });
    }
}

}  // namespace coopnets
