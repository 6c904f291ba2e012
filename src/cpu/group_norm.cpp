// Group normalisation. Each channel of each example has its moments or sums, chunk by chunk, by the rows of rows.h.
// Those of a group's channels are then merged, in order, and each element finds what its group has in its lane.
//
// Traffic: forward reads x twice and writes y; backward reads y and dy twice and writes dx.
#include <cmath>

#include "cpu/rows.h"
#include "tensor/checks.h"

namespace coopnets {
namespace {

// Neighbouring channels of one example.
struct Group {
  int64_t number;  // of all examples' groups
  int64_t first, channels;
  const double *partial;  // the two numbers of `first` in the example's first chunk
};

// Calls body(group, lane) for every group of every example; lane: of channel `first`, among those of all examples.
template <class Body>
void for_groups(int threads, const Rows &rows, int64_t groups, const double *partial, const Body &body) {
  const int64_t channels = rows.channels / groups, width = rows.width(), chunks = rows.chunks();
  for_chunks(threads, rows.parts, 1, [=](int64_t n, int64_t) {
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t first = g * channels;
      body(Group{n * groups + g, first, channels, partial + n * chunks * 2 * width + first}, n * width + first);
    }
  });
}

// Repeats what the channels of each example have over its lanes.
void repeat_examples(int threads, const Rows &rows, real *lanes) {
  const int64_t width = rows.width();
  for_chunks(threads, rows.parts, 1, [=](int64_t n, int64_t) { repeat(rows, lanes + n * width, lanes + n * width); });
}

struct Moments {
  double mean = 0, variance = 0;
};

// Of all elements of a group, as batch_norm.cpp merges those of a channel's chunks.
Moments merged(const Rows &rows, const Group &group) {
  const int64_t width = rows.width(), chunks = rows.chunks();
  const double elements = double(rows.positions * group.channels);
  Moments all;
  for (int64_t k = 0; k < chunks; ++k) {
    const double *m = group.partial + k * 2 * width, n_k = double(rows.positions_of(k));
    for (int64_t c = 0; c < group.channels; ++c) all.mean += n_k * m[c];
  }
  all.mean /= elements;
  for (int64_t k = 0; k < chunks; ++k) {
    const double *m = group.partial + k * 2 * width, *squares = m + width, n_k = double(rows.positions_of(k));
    for (int64_t c = 0; c < group.channels; ++c)
      all.variance += squares[c] + n_k * (m[c] - all.mean) * (m[c] - all.mean);
  }
  all.variance /= elements;
  return all;
}

struct Means {
  double plain = 0, weighted = 0;
};

Means means(const Rows &rows, const Group &group) {
  const int64_t width = rows.width(), chunks = rows.chunks();
  Means of;
  for (int64_t k = 0; k < chunks; ++k) {
    const double *plain = group.partial + k * 2 * width, *weighted = plain + width;
    for (int64_t c = 0; c < group.channels; ++c) {
      of.plain += plain[c];
      of.weighted += weighted[c];
    }
  }
  const double elements = double(rows.positions * group.channels);
  return {of.plain / elements, of.weighted / elements};
}

// Scratch memory: what the chunks give, then `arrays` numbers a lane of each example.
struct Scratch {
  Scratch(CpuBackend &backend, const Rows &rows, int64_t arrays)
      : partial(backend.scratch<double>(rows.partials() + arrays * rows.parts * rows.width())),
        lanes(reinterpret_cast<real *>(partial + rows.partials())) {}
  double *partial;
  real *lanes;
};

}  // namespace

void CpuBackend::group_norm_forward(ConstView x, int64_t groups, real epsilon, View y, View inverse_deviation) {
  check_group_norm_forward(x, groups, y, inverse_deviation);
  const Rows rows(x.shape, x.shape.n);
  const Scratch work(*this, rows, 2);
  real *m = work.lanes, *r = m + rows.parts * rows.width();
  chunk_moments(threads_, rows, x.data, work.partial);
  for_groups(threads_, rows, groups, work.partial, [=](const Group &group, int64_t lane) {
    const Moments of = merged(rows, group);
    const real inverse = real(1 / std::sqrt(of.variance + epsilon));
    inverse_deviation.data[group.number] = inverse;
    std::fill_n(m + lane, group.channels, real(of.mean));
    std::fill_n(r + lane, group.channels, inverse);
  });
  for (real *lanes : {m, r}) repeat_examples(threads_, rows, lanes);
  for_elements(threads_, rows, [=](int64_t i, int64_t l) { y.data[i] = (x.data[i] - m[l]) * r[l]; });
}

// y = (x - m) r where m and r depend on every x of the group, hence the two projections.
void CpuBackend::group_norm_backward(ConstView y, ConstView dy, ConstView inverse_deviation, View dx) {
  check_group_norm_backward(y, dy, inverse_deviation, dx);
  const Rows rows(y.shape, y.shape.n);
  const Scratch work(*this, rows, 3);
  real *r = work.lanes, *a = r + rows.parts * rows.width(), *b = a + rows.parts * rows.width();
  const auto add = [=](int64_t i, int64_t, double &plain, double &weighted) {
    plain += dy.data[i];
    weighted += double(dy.data[i]) * double(y.data[i]);
  };
  chunk_sums(threads_, rows, add, work.partial);
  for_groups(threads_, rows, inverse_deviation.shape.c, work.partial, [=](const Group &group, int64_t lane) {
    const Means of = means(rows, group);
    std::fill_n(r + lane, group.channels, inverse_deviation.data[group.number]);
    std::fill_n(a + lane, group.channels, real(of.plain));
    std::fill_n(b + lane, group.channels, real(of.weighted));
  });
  for (real *lanes : {r, a, b}) repeat_examples(threads_, rows, lanes);
  for_elements(threads_, rows,
               [=](int64_t i, int64_t l) { dx.data[i] = r[l] * (dy.data[i] - a[l] - y.data[i] * b[l]); });
}

}  // namespace coopnets
