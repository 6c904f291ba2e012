// Reduction of rows and columns by 2 and its adjoint, one axis after the other:
//
//   downsample, one row of y                              upsample, one row of x
//     x  row 2o-1  a a b b c c                              y  row m-1   A   B   C
//        row 2o    a a b b c c      count() rows               row m     A   B   C      count() / 2 rows
//        ...           | added, weighted                               | added, weighted
//     line         - a a b b c c -  and beyond the edge     line       - A   B   C -
//                    \/  \/  \/     count() pixels                      / \ / \ / \     count() / 2 pixels each
//     y  row o       a   b   c                              x  row u    a a b b c c
//
// Rows are added as runs of pixels and channels, so vectors are full for any C. Columns are added a pixel's channels at
// a time; where a vector holds several pixels, all its elements are computed and the pixels then picked or interleaved.
// Rows are cut into strips, and channels into blocks, for which the line and all the rows that it is made of stay in the
// L1 cache while the strip moves down: the rows that two windows share are read from memory once.
#include <cstring>
#include <type_traits>

#include "cpu/cpu_backend.h"
#include "cpu/parallel.h"

namespace coopnets {
namespace {

constexpr int64_t line_elements = 1024;  // 4 KiB of float, and up to four rows of as many
constexpr int64_t most_channels = 64;    // in a block
#ifdef __AVX512F__
constexpr int wide = 64 / sizeof(real);
#else
constexpr int wide = 32 / sizeof(real);
#endif
constexpr int64_t few_channels = wide / 2 - 1;  // so few that a vector holds several pixels
constexpr real nothing[line_elements] = {};     // a row beyond the edge

// A line and what vectors may read after it.
struct Line {
  alignas(64) real of[line_elements + 2 * wide] = {};
};

// to[i] = sum_k weight[k] row[k][i]
template <int rows>
[[gnu::noinline]] void add_rows(const real *const *row, const real *weight, int64_t count, real *__restrict to) {
  const real *const a = row[0], *const b = row[1 % rows], *const c = row[2 % rows], *const d = row[3 % rows];
  const real wa = weight[0], wb = weight[1 % rows], wc = weight[2 % rows], wd = weight[3 % rows];
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    real sum = wa * a[i];
    if (rows > 1) sum += wb * b[i];
    if (rows > 2) sum += wc * c[i] + wd * d[i];
    to[i] = sum;
  }
}

// The same for `pixels` pixels, of whose `channels` the line takes `block`.
template <int rows>
void add_rows(const real *const *row, const real *weight, int64_t pixels, int64_t channels, int64_t block, real *line) {
  if (block == channels) return add_rows<rows>(row, weight, pixels * channels, line);
  for (int64_t p = 0; p < pixels; ++p) {
    const real *at[rows];
    for (int k = 0; k < rows; ++k) at[k] = row[k] == nothing ? nothing : row[k] + p * channels;
    add_rows<rows>(at, weight, block, line + p * block);
  }
}

template <int taps>
struct Weights {
  real of[taps];
};

// n elements at any address, by reference: how vectors are passed depends on the processor.
template <int n>
struct Lanes {
  typedef real Vector __attribute__((vector_size(n * sizeof(real)), aligned(alignof(real))));
  static const Vector &at(const real *first) { return *reinterpret_cast<const Vector *>(first); }
  static Vector &at(real *first) { return *reinterpret_cast<Vector *>(first); }

  // sum = sum_j w[j] x[j step + i]
  template <int taps>
  static void reduce(const real *x, int64_t step, const Weights<taps> &w, Vector &sum) {
    sum = w.of[0] * at(x);
    for (int j = 1; j < taps; ++j) sum += w.of[j] * at(x + j * step);
  }
  // even = w[0] y[i] + w[2] y[i - step], odd = w[1] y[i] + w[3] y[i - step]
  template <int taps>
  static void enlarge(const real *y, int64_t step, const Weights<taps> &w, Vector &even, Vector &odd) {
    even = w.of[0] * at(y);
    odd = w.of[1] * at(y);
    if (taps > 2) even += w.of[2 % taps] * at(y - step), odd += w.of[3 % taps] * at(y - step);
  }
};

// How pixels of few channels, of which a vector holds a group, are picked from a line or interleaved into one.
typedef Lanes<wide>::Vector Wide;
typedef std::conditional_t<sizeof(real) == 4, int32_t, int64_t> Places
    __attribute__((vector_size(wide * sizeof(real))));
struct Grouping {
  explicit Grouping(int64_t channels) : group(wide / std::min<int64_t>(channels, wide)) {
    if (channels > few_channels) return;
    for (int64_t i = 0; i < 2 * group * channels; ++i) {
      const int64_t pixel = i / channels, c = i % channels;
      if (i < wide) every_second[i] = 2 * pixel * channels + c;
      // Under UBSan, GCC 12 computes the index of (a ? b : c)[i % n] only where b is chosen.
      Places &places = i < wide ? low : high;
      places[i % wide] = pixel / 2 * channels + c + pixel % 2 * wide;
    }
  }
  int64_t group;                                  // whole pixels of a vector
  Places every_second = {}, low = {}, high = {};  // of two vectors end to end
};

// Calls pixel(Lanes<n>(), p, c) for each pixel p in [0, pixels) and vectors of n channels from c on that cover all of
// them; the last may overlap the one before it.
template <class Pixel>
void for_pixels(int64_t pixels, int64_t channels, const Pixel &pixel) {
  const auto with = [=](auto n) {
    constexpr int count = n();
    const Pixel own = pixel;
    if (channels == count)
      for (int64_t p = 0; p < pixels; ++p) own(Lanes<count>(), p, 0);
    else
      for (int64_t p = 0; p < pixels; ++p) {
        int64_t c = 0;
        for (; c + count <= channels; c += count) own(Lanes<count>(), p, c);
        if (c < channels) own(Lanes<count>(), p, channels - count);
      }
  };
  if (channels >= 16)
    with(std::integral_constant<int, 16>());
  else if (channels >= 8)
    with(std::integral_constant<int, 8>());
  else if (channels >= 4)
    with(std::integral_constant<int, 4>());
  else
    with(std::integral_constant<int, 2>());
}

// to[p,c] = sum_j w[j] line[2p + j, c]; pixels of `line` hold `block` channels, those of `to` hold `channels`.
template <int taps>
[[gnu::noinline]] void reduce_columns(const real *line, Weights<taps> w, const Grouping &grouping, int64_t pixels,
                                      int64_t block, int64_t channels, real *__restrict to) {
  if (block > few_channels)
    return for_pixels(pixels, block, [=](auto lanes, int64_t p, int64_t c) {
      lanes.reduce(line + 2 * p * block + c, block, w, lanes.at(to + p * channels + c));
    });
  const Places every_second = grouping.every_second;
  const auto pick = [=](int64_t p, real *first) {
    Wide low, high;
    Lanes<wide>::reduce(line + 2 * p * block, block, w, low);
    Lanes<wide>::reduce(line + 2 * p * block + wide, block, w, high);
    Lanes<wide>::at(first) = __builtin_shuffle(low, high, every_second);
  };
  int64_t p = 0;
  for (; (pixels - p) * block >= wide; p += grouping.group) pick(p, to + p * block);
  for (; p < pixels; p += grouping.group) {  // the last, without what is beyond the row
    real group[wide];
    pick(p, group);
    std::copy_n(group, std::min(grouping.group, pixels - p) * block, to + p * block);
  }
}

// What the rows of a call share.
struct Task {
  Task(const Resampling &r, real scale, const Shape &x, const Shape &y)
      : r(r), scale(scale), x(x), y(y), block(std::min(x.c, most_channels)), grouping(block) {}
  // Blocks of channels, all of one size: the last may overlap the one before it.
  int64_t blocks() const { return (x.c + block - 1) / block; }
  int64_t first_channel(int64_t of_block) const { return std::min(of_block * block, x.c - block); }

  Resampling r;
  real scale;
  Shape x, y;
  int64_t block;
  Grouping grouping;
};

// Rows [first, last) of one picture of y.
template <int taps>
void downsample_rows(const Task &task, const real *x, int64_t first, int64_t last, real *y) {
  const Resampling &r = task.r;
  Weights<taps> row_weight, column_weight;
  for (int i = 0; i < taps; ++i) row_weight.of[i] = r.tap(i), column_weight.of[i] = task.scale * r.tap(i);
  const int64_t height = task.x.h, width = task.x.w, channels = task.x.c, block = task.block, outputs = task.y.w;
  const int64_t most_pixels = (line_elements / block - taps) / 2 + 1;
  Line memory;
  real *const line = memory.of;
  for (int64_t k = 0; k < task.blocks(); ++k)
    for (int64_t p = 0; p < outputs; p += most_pixels) {
      // Columns [begin, end) of x; those within it are [inside, outside).
      const int64_t c = task.first_channel(k), pixels = std::min(most_pixels, outputs - p);
      const int64_t begin = 2 * p - r.before, end = 2 * (p + pixels - 1) - r.before + taps;
      const int64_t inside = std::max<int64_t>(begin, 0), outside = std::min(end, width);
      const auto fill_columns = [&](int64_t from, int64_t to, int64_t nearest) {
        for (int64_t w = from; w < to; ++w)
          if (r.edge == Resampling::nearest)
            std::copy_n(line + (nearest - begin) * block, block, line + (w - begin) * block);
          else
            std::fill_n(line + (w - begin) * block, block, real(0));
      };
      for (int64_t o = first; o < last; ++o) {
        const real *row[taps];
        for (int i = 0; i < taps; ++i) {
          const int64_t h = 2 * o - r.before + i, nearest = std::clamp<int64_t>(h, 0, height - 1);
          const bool reads = h == nearest || r.edge == Resampling::nearest;
          row[i] = reads ? x + (nearest * width + inside) * channels + c : nothing;
        }
        add_rows<taps>(row, row_weight.of, outside - inside, channels, block, line + (inside - begin) * block);
        fill_columns(begin, inside, inside);
        fill_columns(outside, end, outside - 1);
        reduce_columns<taps>(line, column_weight, task.grouping, pixels, block, channels,
                             y + (o * outputs + p) * channels + c);
      }
    }
}

// x[u,c] = w[0] y[m,c] + w[1] y[m-1,c], m = floor((u + before) / 2), y[m] at `at`.
template <int sources>
void enlarge_pixel(const real *at, Weights<sources> w, int64_t block, real *to) {
  for (int64_t c = 0; c < block; ++c) {
    real sum = w.of[0] * at[c];
    if (sources > 1) sum += w.of[sources - 1] * at[c - block];
    to[c] = sum;
  }
}

// Pairs of pixels: to[2m] = w[0] line[m] + w[2] line[m-1], to[2m+1] = w[1] line[m] + w[3] line[m-1].
template <int taps>
[[gnu::noinline]] void enlarge_columns(const real *line, Weights<taps> w, const Grouping &grouping, int64_t pairs,
                                       int64_t block, int64_t channels, real *__restrict to) {
  if (block > few_channels)
    return for_pixels(pairs, block, [=](auto lanes, int64_t m, int64_t c) {
      real *const first = to + 2 * m * channels + c;
      lanes.enlarge(line + m * block + c, block, w, lanes.at(first), lanes.at(first + channels));
    });
  const Places low = grouping.low, high = grouping.high;
  const auto interleave = [=](int64_t m, real *first) {
    Wide even, odd;
    Lanes<wide>::enlarge(line + m * block, block, w, even, odd);
    Lanes<wide>::at(first) = __builtin_shuffle(even, odd, low);
    Lanes<wide>::at(first + wide) = __builtin_shuffle(even, odd, high);
  };
  int64_t m = 0;
  for (; (pairs - m) * block >= wide; m += grouping.group) interleave(m, to + 2 * m * block);
  for (; m < pairs; m += grouping.group) {
    real group[2 * wide];
    interleave(m, group);
    std::copy_n(group, 2 * std::min(grouping.group, pairs - m) * block, to + 2 * m * block);
  }
}

// w[j] is that of input floor((u + before) / 2) - j in element u.
template <int sources>
Weights<sources> weights(const Resampling &r, int64_t u, int64_t size, real scale) {
  Weights<sources> w;
  const int64_t m = (u + r.before) / 2;
  const bool edge = u == 0 || u == size - 1;
  for (int j = 0; j < sources; ++j)
    w.of[j] = scale * (edge ? r.weight(m - j, u, size) : r.tap(int((u + r.before) % 2 + 2 * j)));
  return w;
}

// Rows [first, last) of one picture of x.
template <int taps>
void upsample_rows(const Task &task, const real *y, int64_t first, int64_t last, real *x) {
  constexpr int sources = taps / 2;
  const Resampling &r = task.r;
  Weights<taps> column_weight;
  for (int i = 0; i < taps; ++i) column_weight.of[i] = task.scale * r.tap(i);
  const int64_t height = task.y.h, width = task.y.w, channels = task.y.c, block = task.block, columns = task.x.w;
  const int64_t most_inputs = line_elements / block - 1;
  const Weights<sources> left = weights<sources>(r, 0, columns, task.scale),
                         right = weights<sources>(r, columns - 1, columns, task.scale);
  Line memory;
  real *const line = memory.of + block;  // a pixel may stand before the first
  for (int64_t k = 0; k < task.blocks(); ++k)
    for (int64_t begin = 0, end; begin < columns; begin = end) {
      // Columns [begin, end) of x need inputs [low, high), of which [inside, outside) are within y and the others 0.
      const int64_t c = task.first_channel(k), low = (begin + r.before) / 2 - (sources - 1);
      end = std::min(columns, 2 * (low + most_inputs) - r.before);
      const int64_t high = (end - 1 + r.before) / 2 + 1;
      const int64_t inside = std::max<int64_t>(low, 0), outside = std::min(high, width);
      const int64_t pair = (begin + r.before + 1) / 2, pairs = (end + r.before) / 2 - pair;  // whole pairs
      std::fill_n(line, (inside - low) * block, real(0));
      std::fill_n(line + (outside - low) * block, (high - outside) * block, real(0));
      for (int64_t u = first; u < last; ++u) {
        const Weights<sources> row_weight = weights<sources>(r, u, task.x.h, 1);
        const real *row[sources];
        for (int j = 0; j < sources; ++j) {
          const int64_t o = (u + r.before) / 2 - j;
          row[j] = o >= 0 && o < height ? y + (o * width + inside) * channels + c : nothing;
        }
        add_rows<sources>(row, row_weight.of, outside - inside, channels, block, line + (inside - low) * block);
        real *const to = x + u * columns * channels + c;
        enlarge_columns<taps>(line + (pair - low) * block, column_weight, task.grouping, pairs, block, channels,
                              to + (2 * pair - r.before) * channels);
        if (begin == 0) enlarge_pixel(line + (r.before / 2 - low) * block, left, block, to);
        if (end == columns) enlarge_pixel(line + (high - 1 - low) * block, right, block, to + (end - 1) * channels);
      }
    }
}

// Calls rows(picture, first, last) for all rows of pictures of `height` rows, about `elements` read or written for each.
template <class Rows>
void for_rows(int threads, int64_t pictures, int64_t height, int64_t elements, const Rows &rows) {
  for_chunks(threads, pictures * height, 1 + 2 * elements_a_chunk / elements, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin, last; row < end; row += last - row % height) {
      last = std::min(height, row % height + end - row);
      rows(row / height, row % height, last);
    }
  });
}

}  // namespace

void CpuBackend::downsample(ConstView x, const Resampling &r, real scale, View y) {
  require_same(r.reduced(x.shape), y.shape, "downsample");
  if (!y.shape.size()) return;
  const Task task(r, scale, x.shape, y.shape);
  const auto rows = r.taps == Resampling::average ? downsample_rows<2> : downsample_rows<4>;
  const int64_t from = x.shape.h * x.shape.w * x.shape.c, to = y.shape.h * y.shape.w * y.shape.c;
  for_rows(
      threads_, y.shape.n * y.shape.t, y.shape.h, 2 * x.shape.w * x.shape.c,
      [&](int64_t k, int64_t first, int64_t last) { rows(task, x.data + k * from, first, last, y.data + k * to); });
}

void CpuBackend::upsample(ConstView y, const Resampling &r, real scale, View x) {
  require_same(r.reduced(x.shape), y.shape, "upsample");
  if (!x.shape.size()) return;
  const Task task(r, scale, x.shape, y.shape);
  const auto rows = r.taps == Resampling::average ? upsample_rows<2> : upsample_rows<4>;
  const int64_t from = y.shape.h * y.shape.w * y.shape.c, to = x.shape.h * x.shape.w * x.shape.c;
  for_rows(
      threads_, x.shape.n * x.shape.t, x.shape.h, x.shape.w * x.shape.c,
      [&](int64_t k, int64_t first, int64_t last) { rows(task, y.data + k * from, first, last, x.data + k * to); });
}

}  // namespace coopnets
