// Products whose A is read where the picture lies. Under the windows of neighbouring outputs of one line the same elements
// are seen again and again; their matrix is the picture's lines at overlapping places:
//
//   A[position][(kh, kw, channel)] = line[kh][position stride channels + (kw, channel)],   a run for each frame and line
//
//   line kh   |.....|.....|.....|.....|.....|.....|      position 0 sees |.....|.....|.....|
//                   channels                             position 1            |.....|.....|.....|
//
// so a tile of positions needs nothing but the distance between the positions and where the runs begin. Where windows
// reach beyond the picture a task copies its few lines with zeros around them: one copy of an element for thousands of
// multiply-adds.
#include <algorithm>

#include "cpu/gemm_kernel.h"

namespace coopnets {

namespace {

constexpr double task_work = 1 << 22;   // multiply-adds: some tens of microseconds
constexpr int64_t wanted_tasks = 32;    // so that dealing them out balances
constexpr int64_t max_lines = 1 << 17;  // elements that one line of outputs sees
constexpr int64_t max_block = 1 << 16;  // elements of a block of B, or of C by depth: in L2
constexpr int64_t max_packed = int64_t{1} << 24, max_partial = int64_t{1} << 23;  // elements of scratch

// The lines of outputs of all examples are counted through. A piece is some lines of one example and frame.
class LinesPlan : public Plan {
 protected:
  explicit LinesPlan(const Product &product)
      : Plan(product),
        windows(p.windows),
        run_length(windows.w.kernel * windows.channels),
        runs(windows.t.kernel * windows.h.kernel),
        lines((p.by_depth ? p.depth : p.rows) / windows.w.out),
        position(windows.w.stride * windows.channels),
        in_place(windows.stay_inside()) {}

  // Calls body(line, count) for the pieces of [first, last), of at most `most` lines.
  template <class Body>
  void for_pieces(Range range, int64_t most, const Body &body) const {
    for (int64_t line = range.first; line < range.last;) {
      const int64_t count = std::min({range.last - line, windows.h.out - line % windows.h.out, most});
      body(line, count);
      line += count;
    }
  }
  // Says how many lines a piece has at most, and returns the elements of their copy.
  int64_t set_piece(int64_t most) {
    piece = std::min(most, windows.h.out);
    next_line = (in_place ? windows.w.in : windows.line_columns()) * windows.channels;
    next_frame = next_line * (in_place ? windows.h.in : windows.lines_under(piece));
    return in_place ? 0 : windows.t.kernel * next_frame;
  }
  // What a piece sees, copied to `to` where it must be.
  const real *see(int64_t line, int64_t count, real *to) const {
    const int64_t h = line % windows.h.out, t = line / windows.h.out % windows.t.out;
    const int64_t n = line / (windows.h.out * windows.t.out);
    if (in_place) return windows.at(n, t, h);
    windows.copy_lines(n, t, h, count, to, next_frame);
    return to;
  }
  int64_t run_offset(int64_t i) const { return i / windows.h.kernel * next_frame + i % windows.h.kernel * next_line; }
  int64_t line(int64_t i) const { return i * windows.h.stride * next_line; }

  const Patches &windows;
  const int64_t run_length, runs;  // steps of a run, runs of a window
  const int64_t lines, position;   // of outputs; elements from one position to the next
  const bool in_place;
  int64_t piece = 0, next_line = 0, next_frame = 0;
};

// C = A B: rows are positions. A task is some lines and some columns; B is packed for all.
class ByPositions final : public LinesPlan {
 public:
  explicit ByPositions(const Product &product) : LinesPlan(product) {
    // Lines are dealt out; columns too where there are few lines.
    const int64_t worth = int64_t(multiply_adds(p) / task_work), panels = ceil_div(p.columns, panel_columns);
    line_tasks_ = std::clamp(worth, std::min<int64_t>(lines, 8), lines);
    column_tasks_ = std::clamp(std::min(worth, wanted_tasks) / line_tasks_, ceil_div(p.columns, max_columns), panels);
    columns_ = ceil_div(panels, column_tasks_) * panel_columns;
    column_tasks_ = ceil_div(p.columns, columns_);
    tasks = line_tasks_ * column_tasks_;

    const int64_t most = std::clamp<int64_t>(max_block / columns_, 256, 1024);
    parts_ = ceil_div(run_length, most);
    blocks_ = parts_ > 1 ? runs * parts_ : ceil_div(runs, most / run_length);
    pack_tasks = p.panels() ? 0 : blocks_ * panels;
    shared_size = p.panels() ? 0 : p.depth * padded(p.columns);
    copy_size_ = round_up(set_piece(ceil_div(lines, line_tasks_)), lanes);
    own_size = copy_size_ + (blocks_ > 1 ? piece * windows.w.out : max_rows) * columns_;
  }

  void pack(int64_t task, real *shared) const override {
    const Block block = this->block(task % blocks_);
    const int64_t column = task / blocks_ * panel_columns;
    const Range columns = columns_of(column / columns_);
    p.pack_b(block.step, block.steps, column, std::min(panel_columns, p.columns - column),
             shared + columns.first * p.depth + block.step * padded(columns.count()) +
                 (column - columns.first) * block.steps);
  }

  void run(int64_t task, real *own, real *shared) const override {
    const Range columns = columns_of(task % column_tasks_);
    const real *const b = (p.panels() ? p.panels() : shared) + columns.first * p.depth;
    std::vector<const real *> seen(static_cast<size_t>(runs));
    for_pieces(part(lines, line_tasks_, task / column_tasks_), piece, [&](int64_t line, int64_t count) {
      const real *const first = see(line, count, own);
      for (int64_t i = 0; i < runs; ++i) seen[size_t(i)] = first + LinesPlan::run_offset(i);
      for (int64_t d = 0; d < blocks_; ++d)
        for (int64_t l = 0; l < count; ++l) multiply_line(d, line, l, columns, seen.data(), b, own + copy_size_);
    });
  }

 private:
  // A block of the depth: whole runs, or a part of one.
  struct Block {
    Range runs;
    int64_t within, length;  // steps of a run before it, and in it
    int64_t step, steps;     // of the whole depth
  };
  Block block(int64_t i) const {
    if (parts_ > 1) {
      const int64_t run = i / parts_;
      const Range steps = part(run_length, parts_, i % parts_);
      return {{run, run + 1}, steps.first, steps.count(), run * run_length + steps.first, steps.count()};
    }
    const Range of_runs = part(runs, blocks_, i);
    return {of_runs, 0, run_length, of_runs.first * run_length, of_runs.count() * run_length};
  }
  Range columns_of(int64_t i) const { return {i * columns_, std::min((i + 1) * columns_, p.columns)}; }

  // Block d of the depth for line l of the piece that begins at line `first`.
  void multiply_line(int64_t d, int64_t first, int64_t l, Range columns, const real *const *seen, const real *b,
                     real *c) const {
    const Block block = this->block(d);
    const int64_t width = padded(columns.count()), tiles = ceil_div(windows.w.out, max_rows);
    for (int64_t i = 0; i < tiles; ++i) {
      const Range tile = part(windows.w.out, tiles, i);
      real *const to = blocks_ > 1 ? c + (l * windows.w.out + tile.first) * width : c;
      const int64_t at = line(l) + tile.first * position + block.within;
      for (int64_t column = 0; column < width; column += panel_columns) {
        const Tile of_panel = {seen + block.runs.first,
                               block.runs.count(),
                               block.length,
                               at,
                               position,
                               b + block.step * width + column * block.steps,
                               to + column,
                               width,
                               d > 0};
        microkernel(tile.count(), width - column, false)(of_panel);
      }
      if (d == blocks_ - 1)
        p.store((first + l) * windows.w.out + tile.first, tile.count(), columns.first, columns.count(), to, width);
    }
  }

  int64_t line_tasks_, column_tasks_, columns_;  // columns of a task
  int64_t parts_, blocks_;                       // of a run, of the depth
  int64_t copy_size_;
};

// C = A^T B: rows are taps, the depth is positions. A task is a split of the lines, some tiles and some columns.
class ByTaps final : public LinesPlan {
 public:
  explicit ByTaps(const Product &product) : LinesPlan(product), tiles_(ceil_div(run_length, max_rows)) {
    columns_ = std::min(round_up(p.columns, panel_columns), max_columns / 2);
    column_tasks_ = ceil_div(p.columns, columns_);
    tile_tasks_ = ceil_div(runs * tiles_, std::max<int64_t>(max_block / (max_rows * columns_), 1));
    // Splits of the depth, as long as their sum is little work beside them; else fewer tiles to a task.
    const int64_t worth = std::clamp<int64_t>(int64_t(multiply_adds(p) / task_work), 1, wanted_tasks);
    const int64_t most = std::min({p.depth / (2 * together), max_partial / (p.rows * p.columns), lines});
    splits = std::clamp<int64_t>(worth / (tile_tasks_ * column_tasks_), 1, std::max<int64_t>(most, 1));
    tile_tasks_ = std::clamp(worth / (splits * column_tasks_), tile_tasks_, runs * tiles_);
    tasks = splits * tile_tasks_ * column_tasks_;
    copy_size_ = set_piece(together / windows.w.out + 1);
    most_pieces_ = ceil_div(together, piece * windows.w.out) + 1;
    b_size_ = p.panels() ? 0 : round_up(together + piece * windows.w.out, lanes) * columns_;
    own_size = round_up(most_pieces_ * copy_size_, lanes) + b_size_ +
               ceil_div(runs * tiles_, tile_tasks_) * max_rows * columns_;
    shared_size = partial_size();
  }
  void pack(int64_t, real *) const override {}

  void run(int64_t task, real *own, real *shared) const override {
    const int64_t first = task % column_tasks_ * columns_, split = task / (column_tasks_ * tile_tasks_);
    const Range columns = {first, std::min(first + columns_, p.columns)};
    const Range tiles = part(runs * tiles_, tile_tasks_, task / column_tasks_ % tile_tasks_);
    real *const packed = own + round_up(most_pieces_ * copy_size_, lanes), *const c = packed + b_size_;
    std::vector<const real *> seen;  // the lines that wait to be multiplied
    int64_t pieces = 0;
    bool accumulate = false;
    const Range range = part(lines, splits, split);
    for_pieces(range, piece, [&](int64_t line, int64_t count) {
      const real *const of_piece = see(line, count, own + pieces++ * copy_size_);
      for (int64_t l = 0; l < count; ++l) seen.push_back(of_piece + LinesPlan::line(l));
      if (int64_t(seen.size()) * windows.w.out < together && line + count < range.last) return;
      multiply_lines(line + count - int64_t(seen.size()), tiles, columns, seen, packed, c, accumulate);
      seen.clear();
      pieces = 0;
      accumulate = true;
    });
    for (int64_t i = tiles.first; i < tiles.last; ++i)
      store(split, i / tiles_ * run_length + rows_of(i).first, rows_of(i).count(), columns,
            c + (i - tiles.first) * max_rows * padded(columns.count()), padded(columns.count()), shared);
  }

 private:
  static constexpr int64_t together = 512;  // positions, or a few more, whose B stays in the cache

  void multiply_lines(int64_t line, Range tiles, Range columns, const std::vector<const real *> &seen, real *packed,
                      real *c, bool accumulate) const {
    const int64_t width = padded(columns.count()), step = line * windows.w.out;
    const int64_t steps = int64_t(seen.size()) * windows.w.out;
    if (!p.panels()) p.pack_b(step, steps, columns.first, columns.count(), packed);
    const real *const b = p.panels() ? p.panels() + step * width : packed;
    for (int64_t i = tiles.first; i < tiles.last; ++i) {
      const Range rows = rows_of(i);
      for (int64_t column = 0; column < width; column += panel_columns) {
        const Tile tile = {seen.data(),
                           int64_t(seen.size()),
                           windows.w.out,
                           LinesPlan::run_offset(i / tiles_) + rows.first,
                           position,
                           b + column * steps,
                           c + (i - tiles.first) * max_rows * width + column,
                           width,
                           accumulate};
        microkernel(rows.count(), width - column, true)(tile);
      }
    }
  }
  Range rows_of(int64_t tile) const { return part(run_length, tiles_, tile % tiles_); }  // within its run

  const int64_t tiles_;                          // of a run
  int64_t tile_tasks_, column_tasks_, columns_;  // columns of a task
  int64_t copy_size_, most_pieces_, b_size_;
};

}  // namespace

std::unique_ptr<Plan> plan_on_lines(const Product &p) {
  const Patches &windows = p.windows;
  if (windows.w.out < 8 || p.depth == 0) return nullptr;  // short lines: much copied, much of B read, for little work
  if (windows.t.kernel * windows.lines_under(1) * windows.line_columns() * windows.channels > max_lines) return nullptr;
  if (!p.by_depth && p.depth * padded(p.columns) > max_packed) return nullptr;
  // A few lines of much work: the depth has to be split.
  const int64_t lines = (p.by_depth ? p.depth : p.rows) / windows.w.out;
  if (lines < 8 && multiply_adds(p) > 2 * task_work) return nullptr;
  if (p.by_depth) return std::make_unique<ByTaps>(p);
  return std::make_unique<ByPositions>(p);
}

}  // namespace coopnets
