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
// Whole rows are added, so that memory is read and written from end to end and vectors are full for any C. A row of x
// that two windows of the binomial filter share is read once: what two rows give to the next line is kept beside this
// one. Columns are added a pixel's channels at a time; where a vector holds several pixels, all its elements are computed
// and the pixels then picked or interleaved.
//
// Traffic: 5 elements are read or written for each 4 of x; the line stays in the L1 or L2 cache.
#include <cstring>
#include <type_traits>

#include "cpu/cpu_backend.h"
#include "cpu/parallel.h"
#include "cpu/shuffle.h"

namespace coopnets {
namespace {

constexpr int64_t rows_a_chunk = 8;  // at least: before the first of them, two more are read
#ifdef __AVX512F__
constexpr int wide = 64 / sizeof(real);
#else
constexpr int wide = 32 / sizeof(real);
#endif
constexpr int64_t few_channels = wide / 2 - 1;  // so few that a vector holds several pixels

// to[i] = sum_k weight[k] row[k][i]
template <int rows>
[[gnu::noinline]] void add_rows(const real *const *row, const real *weight, int64_t count, real *__restrict to) {
  const real *const a = row[0], *const b = row[rows - 1], wa = weight[0], wb = weight[rows - 1];
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) to[i] = rows > 1 ? wa * a[i] + wb * b[i] : wa * a[i];
}

// to[i] = kept[i] + weight[2] a[i] + weight[3] b[i], then kept[i] = weight[0] a[i] + weight[1] b[i], which the next two
// rows are added to.
[[gnu::noinline]] void add_rows_and_keep(const real *a, const real *b, const real *weight, int64_t count,
                                         real *__restrict kept, real *__restrict to) {
  const real w0 = weight[0], w1 = weight[1], w2 = weight[2], w3 = weight[3];
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    to[i] = kept[i] + (w2 * a[i] + w3 * b[i]);
    kept[i] = w0 * a[i] + w1 * b[i];
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

// to[p,c] = sum_j w[j] line[2p + j, c].
template <int taps>
[[gnu::noinline]] void reduce_columns(const real *line, Weights<taps> w, const Grouping &grouping, int64_t pixels,
                                      int64_t channels, real *__restrict to) {
  if (channels > few_channels)
    return for_pixels(pixels, channels, [=](auto lanes, int64_t p, int64_t c) {
      lanes.reduce(line + 2 * p * channels + c, channels, w, lanes.at(to + p * channels + c));
    });
  const Places every_second = grouping.every_second;
  const auto pick = [=](int64_t p, real *first) {
    Wide low, high;
    Lanes<wide>::reduce(line + 2 * p * channels, channels, w, low);
    Lanes<wide>::reduce(line + 2 * p * channels + wide, channels, w, high);
    Lanes<wide>::at(first) = COOPNETS_SHUFFLED(low, high, every_second);
  };
  int64_t p = 0;
  for (; (pixels - p) * channels >= wide; p += grouping.group) pick(p, to + p * channels);
  for (; p < pixels; p += grouping.group) {  // the last, without what is beyond the row
    real group[wide];
    pick(p, group);
    std::copy_n(group, std::min(grouping.group, pixels - p) * channels, to + p * channels);
  }
}

// What the rows of a call share.
struct Task {
  Task(const Resampling &r, real scale, const Shape &x, const Shape &y, const real *zeros)
      : r(r), scale(scale), x(x), y(y), channels(x.c), grouping(x.c), zeros(zeros) {}
  // Row h of a picture of this shape, or zeros beyond it.
  const real *row(const Shape &shape, const real *picture, int64_t h) const {
    return h >= 0 && h < shape.h ? picture + h * shape.w * channels : zeros;
  }
  // Elements of a line, and of what vectors may read beside it.
  static int64_t line(const Shape &x) { return ((x.w + 8) * x.c + 2 * wide + 15) / 16 * 16; }

  Resampling r;
  real scale;
  Shape x, y;
  int64_t channels;
  Grouping grouping;
  const real *zeros;  // as long as a row of x or y
};

// Rows [first, last) of one picture of y. `line` is two lines of the caller's own.
template <int taps>
void downsample_rows(const Task &task, real *line, const real *x, int64_t first, int64_t last, real *y) {
  const Resampling &r = task.r;
  Weights<taps> row_weight, column_weight;
  for (int i = 0; i < taps; ++i) row_weight.of[i] = r.tap(i), column_weight.of[i] = task.scale * r.tap(i);
  // Of the columns [-before, end) of x, those of [0, inside) are within it.
  const int64_t channels = task.channels, end = 2 * (task.y.w - 1) - r.before + taps, inside = std::min(end, task.x.w);
  real *const kept = line + Task::line(task.x), *const own = line + r.before * channels;
  const auto row = [&](int64_t h) {
    return task.row(task.x, x, r.edge == Resampling::nearest ? std::clamp<int64_t>(h, 0, task.x.h - 1) : h);
  };
  const auto fill_columns = [&](int64_t from, int64_t to, int64_t nearest) {
    for (int64_t w = from; w < to; ++w)
      if (r.edge == Resampling::nearest)
        std::copy_n(own + nearest * channels, channels, own + w * channels);
      else
        std::fill_n(own + w * channels, channels, real(0));
  };
  const real *two[] = {row(2 * first - r.before), row(2 * first - r.before + 1)};
  if (taps > 2) add_rows<2>(two, row_weight.of, inside * channels, kept);
  for (int64_t o = first; o < last; ++o) {
    for (int i = 0; i < 2; ++i) two[i] = row(2 * o - r.before + taps - 2 + i);
    if (taps > 2)
      add_rows_and_keep(two[0], two[1], row_weight.of, inside * channels, kept, own);
    else
      add_rows<2>(two, row_weight.of, inside * channels, own);
    fill_columns(-r.before, 0, 0);
    fill_columns(inside, end, inside - 1);
    reduce_columns<taps>(line, column_weight, task.grouping, task.y.w, channels, y + o * task.y.w * channels);
  }
}

// x[u,c] = w[0] y[m,c] + w[1] y[m-1,c], m = floor((u + before) / 2), y[m] at `at`.
template <int sources>
void enlarge_pixel(const real *at, Weights<sources> w, int64_t channels, real *to) {
  for (int64_t c = 0; c < channels; ++c) {
    real sum = w.of[0] * at[c];
    if (sources > 1) sum += w.of[sources - 1] * at[c - channels];
    to[c] = sum;
  }
}

// Pairs of pixels: to[2m] = w[0] line[m] + w[2] line[m-1], to[2m+1] = w[1] line[m] + w[3] line[m-1].
template <int taps>
[[gnu::noinline]] void enlarge_columns(const real *line, Weights<taps> w, const Grouping &grouping, int64_t pairs,
                                       int64_t channels, real *__restrict to) {
  if (channels > few_channels)
    return for_pixels(pairs, channels, [=](auto lanes, int64_t m, int64_t c) {
      real *const first = to + 2 * m * channels + c;
      lanes.enlarge(line + m * channels + c, channels, w, lanes.at(first), lanes.at(first + channels));
    });
  const Places low = grouping.low, high = grouping.high;
  const auto interleave = [=](int64_t m, real *first) {
    Wide even, odd;
    Lanes<wide>::enlarge(line + m * channels, channels, w, even, odd);
    Lanes<wide>::at(first) = COOPNETS_SHUFFLED(even, odd, low);
    Lanes<wide>::at(first + wide) = COOPNETS_SHUFFLED(even, odd, high);
  };
  int64_t m = 0;
  for (; (pairs - m) * channels >= wide; m += grouping.group) interleave(m, to + 2 * m * channels);
  for (; m < pairs; m += grouping.group) {
    real group[2 * wide];
    interleave(m, group);
    std::copy_n(group, 2 * std::min(grouping.group, pairs - m) * channels, to + 2 * m * channels);
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

// Rows [first, last) of one picture of x. `line` is two lines of the caller's own, of which one is used.
template <int taps>
void upsample_rows(const Task &task, real *line, const real *y, int64_t first, int64_t last, real *x) {
  constexpr int sources = taps / 2;
  const Resampling &r = task.r;
  Weights<taps> column_weight;
  for (int i = 0; i < taps; ++i) column_weight.of[i] = task.scale * r.tap(i);
  // The columns of x need inputs [low, high), of which [inside, outside) are within y and the others 0.
  const int64_t channels = task.channels, columns = task.x.w, low = r.before / 2 - (sources - 1);
  const int64_t high = (columns - 1 + r.before) / 2 + 1, inside = std::max<int64_t>(low, 0);
  const int64_t outside = std::min(high, task.y.w);
  const int64_t pair = (r.before + 1) / 2, pairs = (columns + r.before) / 2 - pair;  // whole pairs
  const Weights<sources> left = weights<sources>(r, 0, columns, task.scale),
                         right = weights<sources>(r, columns - 1, columns, task.scale);
  std::fill_n(line, (inside - low) * channels, real(0));
  std::fill_n(line + (outside - low) * channels, (high - outside) * channels, real(0));
  for (int64_t u = first; u < last; ++u) {
    const Weights<sources> row_weight = weights<sources>(r, u, task.x.h, 1);
    const real *row[sources];
    for (int j = 0; j < sources; ++j) row[j] = task.row(task.y, y, (u + r.before) / 2 - j) + inside * channels;
    add_rows<sources>(row, row_weight.of, (outside - inside) * channels, line + (inside - low) * channels);
    real *const to = x + u * columns * channels;
    enlarge_columns<taps>(line + (pair - low) * channels, column_weight, task.grouping, pairs, channels,
                          to + (2 * pair - r.before) * channels);
    enlarge_pixel(line + (r.before / 2 - low) * channels, left, channels, to);
    enlarge_pixel(line + (high - 1 - low) * channels, right, channels, to + (columns - 1) * channels);
  }
}

// Calls rows(task, lines, picture of `from`, first, last, picture of `to`) for all rows of `to`.
template <class Rows>
void for_rows(CpuBackend &backend, const Rows &rows, const Resampling &r, real scale, const Shape &x, const Shape &y,
              ConstView from, View to) {
  const int64_t line = Task::line(x), row = std::max(x.w, y.w) * x.c;
  real *const lines = backend.scratch(size_t(2 * line * backend.threads() + row));
  real *const zeros = lines + 2 * line * backend.threads();
  std::fill_n(zeros, row, real(0));
  const Task task(r, scale, x, y, zeros);
  const int64_t height = to.shape.h, all = to.shape.n * to.shape.t * height;
  const int64_t elements = std::max<int64_t>(1, x.size() / all);
  const int64_t chunk = std::max(rows_a_chunk, 2 * elements_a_chunk / elements);
  parallel_chunks(
      backend.threads(), chunks_of(all, chunk),
      [&](int64_t k, int thread) {
        const int64_t end = std::min(all, (k + 1) * chunk);
        for (int64_t at = k * chunk, last; at < end; at += last - at % height) {
          const int64_t picture = at / height;
          last = std::min(height, at % height + end - at);
          rows(task, lines + 2 * line * thread, from.data + picture * from.shape.h * from.shape.w * x.c, at % height,
               last, to.data + picture * height * to.shape.w * x.c);
        }
      },
      wake_if(x.size() >= chunks_worth_waking * elements_a_chunk));
}

}  // namespace

void CpuBackend::downsample(ConstView x, const Resampling &r, real scale, View y) {
  require_same(r.reduced(x.shape), y.shape, "downsample");
  if (!y.shape.size()) return;
  const auto rows = r.taps == Resampling::average ? downsample_rows<2> : downsample_rows<4>;
  for_rows(*this, rows, r, scale, x.shape, y.shape, x, y);
}

void CpuBackend::upsample(ConstView y, const Resampling &r, real scale, View x) {
  require_same(r.reduced(x.shape), y.shape, "upsample");
  if (!x.shape.size()) return;
  const auto rows = r.taps == Resampling::average ? upsample_rows<2> : upsample_rows<4>;
  for_rows(*this, rows, r, scale, x.shape, y.shape, y, x);
}

}  // namespace coopnets
