// 3x3 filters of stride 1 by Winograd's minimal filtering, F(4x4, 3x3): Lavin & Gray, Fast Algorithms for Convolutional
// Neural Networks, CVPR 2016. A tile of 4x4 outputs y sees 6x6 inputs d through filters g of 3x3. With @ for products
// element by element, which are summed over the channels c,
//
//   y = A' [ sum_c (G g G') @ (B' d B) ] A,        36 multiplications a tile and channel where the windows take 144
//
//   d, 6x6 x C             V[36] [tiles x C]          M[36] [tiles x columns]            y, 4x4 x columns
//  +----------+   B' . B  +---+                      +---+                A' . A        +------+
//  | tile     |  ------>  | +---+    V[k] U[k]       | +---+             ------->       | tile |
//  |          |           +-| +---+  -------->       +-| +---+                          +------+
//  +----------+             +-|   |                    +-|   |
//                             +---+  U[36] [C x columns] +---+
//
// The matrices follow from five points at which polynomials are evaluated, 0, a, -a, b, -b, and one at infinity: row p of
// G is (1, p, p^2) / prod (p - q) over the other points q, column p of A' is (1, p, p^2, p^3), row p of B' has the
// coefficients of prod (x - q). Lavin & Gray take a = 1, b = 2; with a = 5/8, b = 3/2, whose products are exact too, float
// has half their error: 0.7e-6 of the norm for 48 channels of normal numbers, where 1.5e-6 is theirs and 0.4e-6 that of
// windows.
//
// What is not finite spreads over its tile.
//
// A task is some strips (neighbouring tiles of a row of tiles) whose V stays in the cache. For one panel of columns after
// the other it computes M, of which only this panel is kept, and then y.
#include "cpu/winograd.h"

#include <algorithm>

#include "cpu/gemm_kernel.h"

namespace coopnets {

namespace {

constexpr int64_t tile_side = 4, seen_side = 6, products = 36, taps = 9;
constexpr int64_t least_block = std::max(max_rows, 12);  // tiles of a task
constexpr int64_t max_block = 1 << 17;                   // elements of V and M of a task: they stay in L2
constexpr int64_t max_filters = int64_t{1} << 24;        // elements of U, which are scratch
constexpr int64_t max_gradient = 1 << 18;                // elements of M of a task backward to the filters
constexpr int64_t wanted_tasks = 16;                     // so that dealing them out balances
constexpr int64_t least_split = 100;                     // tiles of a task there
constexpr int64_t channels_together = 16;                // of the filters that are transformed at a time
constexpr real a = real(0.625), b = real(1.5), a2 = a * a, b2 = b * b;

inline Vector load(const real *from) { return *reinterpret_cast<const Loose *>(from); }
inline void save(Vector v, real *to) { *reinterpret_cast<Loose *>(to) = v; }

// The products of the matrices with a vector whose elements are `stride` apart in `to`.
struct OfInput {  // B' d
  static constexpr int from_side = 6, to_side = 6;
  static void multiply(const Vector *d, Vector *to, int stride) {
    const Vector even_a = d[4] - b2 * d[2], odd_a = d[3] - b2 * d[1];
    const Vector even_b = d[4] - a2 * d[2], odd_b = d[3] - a2 * d[1];
    to[0] = d[4] - (a2 + b2) * d[2] + a2 * b2 * d[0];
    to[stride] = even_a + a * odd_a;
    to[2 * stride] = even_a - a * odd_a;
    to[3 * stride] = even_b + b * odd_b;
    to[4 * stride] = even_b - b * odd_b;
    to[5 * stride] = d[5] - (a2 + b2) * d[3] + a2 * b2 * d[1];
  }
};
struct OfProducts {  // A' m
  static constexpr int from_side = 6, to_side = 4;
  static void multiply(const Vector *m, Vector *to, int stride) {
    const Vector sum_a = m[1] + m[2], difference_a = m[1] - m[2];
    const Vector sum_b = m[3] + m[4], difference_b = m[3] - m[4];
    to[0] = m[0] + sum_a + sum_b;
    to[stride] = a * difference_a + b * difference_b;
    to[2 * stride] = a2 * sum_a + b2 * sum_b;
    to[3 * stride] = a2 * a * difference_a + b2 * b * difference_b + m[5];
  }
};
struct OfOutput {  // A y
  static constexpr int from_side = 4, to_side = 6;
  static void multiply(const Vector *y, Vector *to, int stride) {
    const Vector even_a = y[0] + a2 * y[2], odd_a = y[1] + a2 * y[3];
    const Vector even_b = y[0] + b2 * y[2], odd_b = y[1] + b2 * y[3];
    to[0] = y[0];
    to[stride] = even_a + a * odd_a;
    to[2 * stride] = even_a - a * odd_a;
    to[3 * stride] = even_b + b * odd_b;
    to[4 * stride] = even_b - b * odd_b;
    to[5 * stride] = y[3];
  }
};
constexpr real of_0 = 1 / (a2 * b2), of_a = 1 / (2 * a2 * (a2 - b2)), of_b = 1 / (2 * b2 * (b2 - a2));
struct OfFilter {  // G g
  static constexpr int from_side = 3, to_side = 6;
  static void multiply(const Vector *g, Vector *to, int stride) {
    const Vector even_a = of_a * g[0] + of_a * a2 * g[2], even_b = of_b * g[0] + of_b * b2 * g[2];
    to[0] = of_0 * g[0];
    to[stride] = even_a + of_a * a * g[1];
    to[2 * stride] = even_a - of_a * a * g[1];
    to[3 * stride] = even_b + of_b * b * g[1];
    to[4 * stride] = even_b - of_b * b * g[1];
    to[5 * stride] = g[2];
  }
};
struct OfGradient {  // G' m
  static constexpr int from_side = 6, to_side = 3;
  static void multiply(const Vector *m, Vector *to, int stride) {
    const Vector sum_a = of_a * (m[1] + m[2]), sum_b = of_b * (m[3] + m[4]);
    to[0] = of_0 * m[0] + sum_a + sum_b;
    to[stride] = of_a * a * (m[1] - m[2]) + of_b * b * (m[3] - m[4]);
    to[2 * stride] = a2 * sum_a + b2 * sum_b + m[5];
  }
};

// M x M' for a matrix M of these and the square x, of one vector an element: from_side lines of from_side elements, such
// distances apart in `from`, and the same in `to`.
struct Square {
  int64_t line, element;
};
template <class Matrix>
inline void transform(const real *from, Square of_from, real *to, Square of_to) {
  constexpr int from_side = Matrix::from_side, to_side = Matrix::to_side;
  Vector half[from_side * to_side];
#pragma GCC unroll 6
  for (int j = 0; j < from_side; ++j) {
    Vector column[from_side];
#pragma GCC unroll 6
    for (int i = 0; i < from_side; ++i) column[i] = load(from + i * of_from.line + j * of_from.element);
    Matrix::multiply(column, half + j, from_side);
  }
#pragma GCC unroll 6
  for (int i = 0; i < to_side; ++i) {
    Vector line[to_side];
    Matrix::multiply(half + i * from_side, line, 1);
#pragma GCC unroll 6
    for (int j = 0; j < to_side; ++j) save(line[j], to + i * of_to.line + j * of_to.element);
  }
}

// So that 36 matrices of `size` elements, one after the other, spread over the sets of the cache: an odd number of its
// lines.
int64_t odd_lines(int64_t size) {
  constexpr int64_t line = 64 / sizeof(real);
  return (ceil_div(size, line) | 1) * line;
}

int64_t columns_at(const Product &p, int64_t column) { return std::min(panel_columns, p.columns - column); }

// The tiles of all pictures, in strips, which are dealt out.
class WinogradPlan : public Plan {
 protected:
  explicit WinogradPlan(const Product &product)
      : Plan(product),
        windows(p.windows),
        channels(windows.channels),
        rows_(ceil_div(windows.h.out, tile_side)),
        columns_(ceil_div(windows.w.out, tile_side)),
        most_tiles_(std::max(max_block / (products * (channels + panel_columns)), least_block)),
        strips_a_row_(ceil_div(columns_, most_tiles_)),
        pictures_((p.by_depth ? p.depth : p.rows) / (windows.h.out * windows.w.out)),
        strips(pictures_ * rows_ * strips_a_row_),
        strip_tiles(ceil_div(columns_, strips_a_row_)) {
    block_strips = std::max<int64_t>(std::clamp(tiles() / wanted_tasks, least_block, most_tiles_) / strip_tiles, 1);
    const int64_t block_tiles = block_strips * strip_tiles;
    next_v = odd_lines(block_tiles * channels);
    next_m = odd_lines(block_tiles * panel_columns);
    rest_size = std::max(round_up(seen_side * (tile_side * strip_tiles + 2) * channels, lanes),
                         tile_side * tile_side * strip_tiles * panel_columns);
  }

  // Some neighbouring tiles of a row of tiles.
  struct Strip {
    Range tiles;
    int64_t picture, h, w;  // of its first output
    int64_t first_output(const Patches &windows, int64_t line) const {
      return (picture * windows.h.out + h + line) * windows.w.out + w;
    }
  };
  Strip strip(int64_t i) const {
    const Range of_row = part(columns_, strips_a_row_, i % strips_a_row_);
    const int64_t row = i / strips_a_row_;
    return {of_row, row / rows_, row % rows_ * tile_side, of_row.first * tile_side};
  }
  int64_t tiles() const { return pictures_ * rows_ * columns_; }
  // Its outputs that are within the picture.
  int64_t lines_of(const Strip &s) const { return std::min(tile_side, windows.h.out - s.h); }
  int64_t outputs_of(const Strip &s) const { return std::min(tile_side * s.tiles.count(), windows.w.out - s.w); }

  // V of some strips; returns how many tiles that are. `lines` has room for what a strip sees.
  int64_t see(Range some, real *lines, real *v) const {
    int64_t tiles = 0;
    for (int64_t i = some.first; i < some.last; ++i) {
      const Strip s = strip(i);
      Patches under = windows;
      under.w.before -= s.w;
      under.w.out = s.tiles.count() * tile_side;
      under.copy_lines(s.picture / windows.t.out, s.picture % windows.t.out, s.h, tile_side, lines, 0);
      const Square of_lines = {under.line_columns() * channels, channels};
      for (int64_t tile = 0; tile < s.tiles.count(); ++tile, ++tiles)
        for (int64_t at = 0; at < channels; at += lanes) {  // where channels fill no vector, the last two overlap
          const int64_t channel = std::min(at, channels - lanes);
          transform<OfInput>(lines + tile * tile_side * channels + channel, of_lines, v + tiles * channels + channel,
                             {seen_side * next_v, next_v});
        }
    }
    return tiles;
  }

  const Patches &windows;
  const int64_t channels;

 private:
  const int64_t rows_, columns_;  // tiles of a picture
  const int64_t most_tiles_;      // whose V and M stay in L2
  const int64_t strips_a_row_, pictures_;

 protected:
  const int64_t strips, strip_tiles;  // tiles of a strip at most
  int64_t block_strips;               // strips whose V is there at a time
  int64_t next_v, next_m;             // elements from one V[k] or M[k] to the next
  int64_t rest_size;                  // elements of what a strip sees, or of one panel of its outputs
};

// Forward, and backward to the input.
class OfPositions final : public WinogradPlan {
 public:
  explicit OfPositions(const Product &product) : WinogradPlan(product) {
    pack_tasks = ceil_div(p.columns, panel_columns) * ceil_div(channels, channels_together);
    shared_size = products * channels * padded(p.columns);
    tasks = ceil_div(strips, block_strips);
    own_size = products * (next_v + next_m) + rest_size;
  }

  // U of some channels and of one panel.
  void pack(int64_t task, real *shared) const override {
    const int64_t parts = ceil_div(channels, channels_together), column = task / parts * panel_columns;
    const int64_t first = task % parts * channels_together, count = std::min(channels_together, channels - first);
    const int64_t width = padded(columns_at(p, column)), next_u = channels * width;
    alignas(vector_bytes) real filters[taps * channels_together * panel_columns];
    for (int64_t tap = 0; tap < taps; ++tap)
      p.pack_b(tap * channels + first, count, column, columns_at(p, column), filters + tap * count * width);
    real *const to = shared + products * channels * column + first * width;
    for (int64_t i = 0; i < count * width; i += lanes)
      transform<OfFilter>(filters + i, {3 * count * width, count * width}, to + i, {seen_side * next_u, next_u});
  }

  void run(int64_t task, real *own, real *shared) const override {
    real *const v = own, *const m = v + products * next_v, *const rest = m + products * next_m;
    const Range some = {task * block_strips, std::min((task + 1) * block_strips, strips)};
    const int64_t tiles = see(some, rest, v);
    for (int64_t column = 0; column < p.columns; column += panel_columns) {
      const int64_t width = padded(columns_at(p, column));
      multiply(tiles, width, v, shared + products * channels * column, m);
      const real *from = m;
      for (int64_t i = some.first; i < some.last; ++i) {
        const Strip s = strip(i);
        const int64_t line = tile_side * s.tiles.count() * width;
        for (int64_t tile = 0; tile < s.tiles.count(); ++tile, from += width)
          for (int64_t at = 0; at < width; at += lanes)
            transform<OfProducts>(from + at, {seen_side * next_m, next_m}, rest + tile * tile_side * width + at,
                                  {line, width});
        for (int64_t l = 0; l < lines_of(s); ++l)
          p.store(s.first_output(windows, l), outputs_of(s), column, columns_at(p, column), rest + l * line, width);
      }
    }
  }

 private:
  // M[k] = V[k] U[k].
  void multiply(int64_t tiles, int64_t width, const real *v, const real *u, real *m) const {
    const int64_t row_tiles = ceil_div(tiles, max_rows);
    for (int64_t k = 0; k < products; ++k, v += next_v, u += channels * width, m += next_m)
      for (int64_t i = 0; i < row_tiles; ++i) {
        const Range rows = part(tiles, row_tiles, i);
        microkernel(rows.count(), width,
                    false)({&v, 1, channels, rows.first * channels, channels, u, m + rows.first * width, width, false});
      }
  }
};

// Backward to the filters. A task is some strips and some columns.
class OfFilters final : public WinogradPlan {
 public:
  explicit OfFilters(const Product &product) : WinogradPlan(product) {
    // M of a task stays in L2 as well.
    const int64_t panels = ceil_div(p.columns, panel_columns);
    const int64_t most = std::clamp<int64_t>(max_gradient / (products * channels * panel_columns), 1, panels);
    columns_ = ceil_div(panels, ceil_div(panels, most)) * panel_columns;
    column_tasks_ = ceil_div(p.columns, columns_);
    splits = std::clamp<int64_t>(tiles() / least_split, 1, std::min(ceil_div(wanted_tasks, column_tasks_), strips));
    tasks = splits * column_tasks_;
    shared_size = partial_size();
    own_size = products * (std::max(next_v, channels * panel_columns / 4) + next_m + channels * columns_) + rest_size;
  }
  void pack(int64_t, real *) const override {}

  void run(int64_t task, real *own, real *shared) const override {
    const Range columns = {task % column_tasks_ * columns_, std::min((task % column_tasks_ + 1) * columns_, p.columns)};
    const int64_t split = task / column_tasks_;
    const Range some = part(strips, splits, split);
    real *const m = own, *const w = m + products * channels * columns_, *const rest = w + products * next_m;
    real *const v = rest + rest_size;
    for (int64_t first = some.first; first < some.last; first += block_strips) {
      const Range block = {first, std::min(first + block_strips, some.last)};
      const int64_t tiles = see(block, rest, v);
      for (int64_t column = columns.first; column < columns.last; column += panel_columns) {
        const int64_t width = padded(columns_at(p, column));
        read_gradients(block, column, width, rest, w);
        multiply(tiles, width, v, w, m + products * channels * (column - columns.first), first > some.first);
      }
    }
    for (int64_t column = columns.first; column < columns.last; column += panel_columns) {
      const int64_t size = channels * padded(columns_at(p, column));
      const real *const of_panel = m + products * channels * (column - columns.first);
      for (int64_t at = 0; at < size; at += lanes)
        transform<OfGradient>(of_panel + at, {seen_side * size, size}, v + at, {3 * size, size});
      for (int64_t tap = 0; tap < taps; ++tap)
        store(split, tap * channels, channels, {column, column + columns_at(p, column)}, v + tap * size,
              padded(columns_at(p, column)), shared);
    }
  }

 private:
  // A dy A' of some strips and one panel.
  void read_gradients(Range some, int64_t column, int64_t width, real *lines, real *w) const {
    for (int64_t i = some.first; i < some.last; ++i) {
      const Strip s = strip(i);
      const int64_t line = tile_side * s.tiles.count() * width;
      std::fill_n(lines, tile_side * line, real(0));
      for (int64_t l = 0; l < lines_of(s); ++l)
        p.pack_b(s.first_output(windows, l), outputs_of(s), column, columns_at(p, column), lines + l * line);
      for (int64_t tile = 0; tile < s.tiles.count(); ++tile, w += width)
        for (int64_t at = 0; at < width; at += lanes)
          transform<OfOutput>(lines + tile * tile_side * width + at, {line, width}, w + at,
                              {seen_side * next_m, next_m});
    }
  }
  // M[k] (+)= V[k]' W[k].
  void multiply(int64_t tiles, int64_t width, const real *v, const real *w, real *m, bool accumulate) const {
    const int64_t row_tiles = ceil_div(channels, max_rows);
    for (int64_t k = 0; k < products; ++k, v += next_v, w += next_m, m += channels * width)
      for (int64_t i = 0; i < row_tiles; ++i) {
        const Range rows = part(channels, row_tiles, i);
        microkernel(rows.count(), width,
                    true)({&v, 1, tiles, rows.first, channels, w, m + rows.first * width, width, accumulate});
      }
  }

  int64_t columns_, column_tasks_;  // columns of a task
};

}  // namespace

// In vector operations of about the time of a multiply-add, measured with AVX-512: a transform to or from 36 vectors takes
// 300 of them, and one of filters, which leave the cache, 400, counted as if for four pictures. Nine tenths, so that what
// gains little stays as it is.
bool winograd_pays(const Product &p) {
  const Patches &windows = p.windows;
  for (const WindowAxis &axis : {windows.h, windows.w})
    if (axis.kernel != 3 || axis.stride != 1) return false;
  const WindowAxis &t = windows.t;
  if (t.kernel != 1 || t.stride != 1 || t.before != 0 || t.in != t.out) return false;
  const int64_t channels = windows.channels;
  if (p.rows == 0 || p.depth == 0 || channels < lanes || products * channels * padded(p.columns) > max_filters)
    return false;
  const double tiles = double(ceil_div(windows.h.out, tile_side) * ceil_div(windows.w.out, tile_side));
  const double filters = double(channels) * double(ceil_div(p.columns, lanes));
  const double transforms = 300 * double(ceil_div(channels, lanes) + ceil_div(p.columns, lanes));
  return tiles * (products * filters + transforms) + 400 / 4 * filters <
         0.9 * double(windows.h.out * windows.w.out) * taps * filters;
}

std::unique_ptr<Plan> plan_winograd(const Product &p) {
  if (!winograd_pays(p)) return nullptr;
  if (p.by_depth) return std::make_unique<OfFilters>(p);
  return std::make_unique<OfPositions>(p);
}

}  // namespace coopnets
