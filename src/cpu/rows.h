// Sums over the positions of each channel, channels last. Memory is read as rows:
//
//   channels      0 1 2 | 0 1 2 | 0 1 2 | ...          [P, C] as it lies in memory, C = 3
//   one row       <----- width = fold * C lanes ---->   fold = 16 or 4 positions when C is small, else 1
//
// so that the innermost loop, over the lanes of a row, is long for any C; per-channel constants are repeated `fold`
// times. The last row may be short. A chunk of rows is read by one thread; its sums are kept apart and added in order.
//
// A tensor may be several such parts, one after the other: its examples. No chunk reaches from one into the next.
#pragma once
#include "cpu/cpu_backend.h"
#include "cpu/parallel.h"

namespace coopnets {

struct Rows {
  // A tensor's, cut into so many equal parts.
  explicit Rows(const Shape &shape, int64_t parts = 1)
      : parts(parts),
        positions(shape.positions() / std::max<int64_t>(1, parts)),
        channels(shape.c),
        fold(channels < 16   ? 16
             : channels < 64 ? 4
                             : 1) {}
  int64_t width() const { return fold * channels; }
  int64_t size() const { return positions * channels; }
  // Elements of a chunk: whole rows, few enough to stay in the cache for a second look, enough to dwarf the chunk's
  // sums.
  int64_t chunk() const { return std::max<int64_t>(32, 2 * elements_a_chunk / width()) * width(); }
  int64_t chunks() const { return chunks_of(size(), chunk()); }
  int64_t positions_of(int64_t k) const { return std::min(chunk(), size() - k * chunk()) / channels; }  // of chunk k
  // Doubles that chunk_moments and chunk_sums write.
  int64_t partials() const { return parts * chunks() * 2 * width(); }

  int64_t parts;
  int64_t positions, channels, fold;  // of a part
};

// Calls body(k, begin, end) for chunk k of all parts' chunks, the elements [begin, end).
template <class Body>
void for_chunks(int threads, const Rows &rows, const Body &body) {
  const int64_t chunks = rows.chunks(), size = rows.size(), chunk = rows.chunk();
  parallel_chunks(
      threads, rows.parts * chunks,
      [&](int64_t k, int) {
        const int64_t part = k / chunks * size, begin = k % chunks * chunk;
        body(k, part + begin, part + std::min(size, begin + chunk));
      },
      wake_if(rows.parts * size >= chunks_worth_waking * elements_a_chunk));
}

// Calls element(i, l) for every element i in [begin, end) and its lane l in [0, width).
template <class Element>
void for_lanes(const Rows &rows, int64_t begin, int64_t end, const Element &element) {
  const Element own = element;  // as in for_elements
  for (int64_t row = begin; row < end; row += rows.width()) {
    const int64_t lanes = std::min(rows.width(), end - row);
#pragma omp simd
    for (int64_t l = 0; l < lanes; ++l) own(row + l, l);
  }
}

// Calls element(i, l) for every element i of every part; l is its lane among those of all parts, [parts, width].
template <class Element>
void for_elements(int threads, const Rows &rows, const Element &element) {
  const int64_t chunks = rows.chunks(), width = rows.width();
  for_chunks(threads, rows, [=](int64_t k, int64_t begin, int64_t end) {
    const int64_t first = k / chunks * width;
    for_lanes(rows, begin, end, [=](int64_t i, int64_t l) { element(i, first + l); });
  });
}

// Adds the lanes of each channel into the first `channels` of them.
inline void fold_lanes(const Rows &rows, double *lane) {
  for (int64_t f = 1; f < rows.fold; ++f)
    for (int64_t c = 0; c < rows.channels; ++c) lane[c] += lane[f * rows.channels + c];
}

// Repeats per-channel values over the lanes of a row.
template <class From, class To>
void repeat(const Rows &rows, const From *channel, To *lane) {
  for (int64_t f = 0; f < rows.fold; ++f)
    for (int64_t c = 0; c < rows.channels; ++c) lane[f * rows.channels + c] = To(channel[c]);
}

// Two numbers of each chunk and channel: chunk k has 2 width doubles from partial + 2 k width on, of which the first
// `channels` of either half are meant.

// The mean m_k and M_k = sum (x - m_k)^2: two passes over the cache, one over memory.
inline void chunk_moments(int threads, const Rows &rows, const real *x, double *partial) {
  const int64_t channels = rows.channels, width = rows.width();
  for_chunks(threads, rows, [=](int64_t k, int64_t begin, int64_t end) {
    double *m = partial + k * 2 * width, *squares = m + width;
    std::fill(m, m + 2 * width, 0.);
    for_lanes(rows, begin, end, [=](int64_t i, int64_t l) { m[l] += x[i]; });
    fold_lanes(rows, m);
    for (int64_t c = 0; c < channels; ++c) m[c] /= double((end - begin) / channels);
    repeat(rows, m, m);
    for_lanes(rows, begin, end, [=](int64_t i, int64_t l) { squares[l] += (x[i] - m[l]) * (x[i] - m[l]); });
    fold_lanes(rows, squares);
  });
}

// Sums of what add(i, l, plain, weighted) adds to either for element i, whose lane is l.
template <class Add>
void chunk_sums(int threads, const Rows &rows, const Add &add, double *partial) {
  const int64_t width = rows.width();
  for_chunks(threads, rows, [=](int64_t k, int64_t begin, int64_t end) {
    double *plain = partial + k * 2 * width, *weighted = plain + width;
    std::fill(plain, plain + 2 * width, 0.);
    for_lanes(rows, begin, end, [=](int64_t i, int64_t l) { add(i, l, plain[l], weighted[l]); });
    fold_lanes(rows, plain);
    fold_lanes(rows, weighted);
  });
}

// Calls result(part * channels + c, plain, weighted) with the sums of all chunks of a part.
template <class Result>
void add_chunks(int threads, const Rows &rows, const double *partial, const Result &result) {
  constexpr int64_t block = 64;  // channels whose sums one thread adds up
  const int64_t chunks = rows.chunks(), width = rows.width(), blocks = chunks_of(rows.channels, block);
  for_chunks(threads, rows.parts * blocks, 1, [=](int64_t task, int64_t) {
    const int64_t part = task / blocks, first = task % blocks * block;
    const int64_t count = std::min(block, rows.channels - first);
    double plain[block] = {}, weighted[block] = {};
    for (int64_t k = part * chunks; k < (part + 1) * chunks; ++k) {
      const double *plain_k = partial + k * 2 * width + first, *weighted_k = plain_k + width;
      for (int64_t c = 0; c < count; ++c) {
        plain[c] += plain_k[c];
        weighted[c] += weighted_k[c];
      }
    }
    for (int64_t c = 0; c < count; ++c) result(part * rows.channels + first + c, plain[c], weighted[c]);
  });
}

}  // namespace coopnets
