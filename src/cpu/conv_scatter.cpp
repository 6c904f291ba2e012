// Backward to an input of few channels (pictures): dx[o*stride - before + k, i] += sum_c dy[o,c] w[k,i,c].
//
//      dy [W' x Cout]       w^T [Cout x taps Cin]        z [W' x taps Cin]            dx, rows of one task
//     +----------+         +----+----+----+             +----+----+----+           +--------------------+
//     | o        |    *    | kh0| kh1| kh2|      =      |    |    |    |   added   |  ####  kh0         |
//     +----------+         +----+----+----+             +----+----+----+    to     |  ####  kh1         |
//                                                       run of kW Cin              +--------------------+
//
// With 3 channels a product that gathers would leave 13 of 16 lanes idle, or, with its phases merged into the columns,
// multiply zeros wherever the stride does not divide the kernel. Here the columns of the product are all taps (5x5x3:
// 75 of 80 lanes at work) and no product is wasted; z stays in the cache and is added to dx run by run. Threads take
// bands of rows of dx, chosen from the shape alone; a band recomputes the z that also reaches its neighbours.
#include <algorithm>

#include "cpu/conv.h"

namespace coopnets {

namespace {

// to[start + i] += z[i] for i in [0, length), where it falls into [0, line). z is readable up to whole vectors.
inline void add(const real *z, int64_t length, int64_t start, int64_t line, real *to) {
  const int64_t whole = length / lanes * lanes;
  if (start >= 0 && start + whole + lanes <= line) {
    to += start;
    for (int64_t i = 0; i < whole; i += lanes)
      *reinterpret_cast<Loose *>(to + i) += *reinterpret_cast<const Loose *>(z + i);
    // The rest as a vector too, with zeros in the lanes that belong to the next run.
    const LaneIndex keep = lane_numbers() < LaneIndex{} + decltype(LaneIndex{}[0])(length - whole);
    const Vector rest = *reinterpret_cast<const Loose *>(z + whole);
    *reinterpret_cast<Loose *>(to + whole) += keep ? rest : Vector{};
  } else {
    const int64_t last = std::min(length, line - start);
    for (int64_t i = std::max<int64_t>(-start, 0); i < last; ++i) to[start + i] += z[i];
  }
}

class Scatter final : public Product {
 public:
  Scatter(const Convolution &c, const real *dy, const real *filters, real *dx) : c_(c), filters_(filters), dx_(dx) {
    rows = c.y_shape().positions();
    columns = c.taps() * c.cin;
    depth = c.cout;
    windows = {dy, {}, {}, {rows, rows}, depth};
  }
  // The rows of dx that tiles are added to.
  void set_band(int64_t first, int64_t last) {
    first_ = first;
    last_ = last;
  }
  void pack_b(int64_t step, int64_t steps, int64_t column, int64_t count, real *to) const override {
    pack_columns(filters_ + column * depth + step, depth, 0, steps, steps, count, to);
  }
  void store(int64_t row, int64_t count, int64_t column, int64_t width, const real *z, int64_t stride) const override {
    const int64_t run = c_.w.kernel * c_.cin, line = c_.w.in * c_.cin;
    const int64_t first_tap = column / run, first_within = column % run;
    for (int64_t r = row; r < row + count; ++r, z += stride) {
      const int64_t ow = r % c_.w.out, oh = r / c_.w.out % c_.h.out;
      const int64_t ot = r / (c_.w.out * c_.h.out) % c_.t.out, n = r / (c_.w.out * c_.h.out * c_.t.out);
      const int64_t start = (ow * c_.w.stride - c_.w.before) * c_.cin;
      const int64_t h_start = oh * c_.h.stride - c_.h.before;
      int64_t kh = first_tap % c_.h.kernel, within = first_within;
      int64_t t = ot * c_.t.stride - c_.t.before + first_tap / c_.h.kernel;
      for (int64_t k = 0; k < width;) {
        const int64_t length = std::min(run - within, width - k), h = h_start + kh;
        if (t >= 0 && t < c_.t.in && h >= first_ && h < last_)
          add(z + k, length, start + within, line, dx_ + ((n * c_.t.in + t) * c_.h.in + h) * line);
        k += length;
        within = 0;
        if (++kh == c_.h.kernel) {
          kh = 0;
          ++t;
        }
      }
    }
  }

 private:
  const Convolution &c_;
  const real *filters_;
  real *dx_;
  int64_t first_ = 0, last_ = 0;
};

}  // namespace

void conv_scatter(CpuBackend &backend, const Convolution &c, const real *dy, const real *w, const Epilogue &epilogue,
                  real *dx) {
  const Scatter product(c, dy, w, dx);
  const int64_t line = c.w.in * c.cin, work = row_work(product);
  real *packed = backend.scratch(packed_size(product) + work * backend.threads());
  pack(backend, product, packed);
  // Bands of at least three kernels' height, so that little is computed twice; about eight in all.
  const int64_t wanted = (8 + c.n - 1) / std::max<int64_t>(c.n, 1);
  const int64_t bands = std::clamp<int64_t>(c.h.in / (3 * c.h.kernel), 1, std::max<int64_t>(wanted, 1));
  const auto run_task = [&](int64_t task, int thread) {
    const int64_t n = task / bands, band = task % bands;
    const int64_t first = c.h.in * band / bands, last = c.h.in * (band + 1) / bands;
    for (int64_t t = 0; t < c.t.in; ++t)
      std::fill_n(dx + ((n * c.t.in + t) * c.h.in + first) * line, (last - first) * line, real(0));
    Scatter mine = product;
    mine.set_band(first, last);
    // Outputs o with o*stride - before < last and o*stride - before + kernel > first.
    const int64_t after = std::max<int64_t>(first + c.h.before - c.h.kernel + c.h.stride, 0) / c.h.stride;
    const int64_t oh_first = std::min(after, c.h.out);
    const int64_t until = std::max<int64_t>(last + c.h.before + c.h.stride - 1, 0) / c.h.stride;
    const int64_t oh_last = std::clamp(until, oh_first, c.h.out);
    for (int64_t t = 0; t < c.t.out; ++t) {
      const int64_t row = (n * c.t.out + t) * c.h.out;
      multiply_rows(mine, (row + oh_first) * c.w.out, (row + oh_last) * c.w.out, packed,
                    packed + packed_size(product) + work * thread);
    }
    for (int64_t t = 0; t < c.t.in; ++t)
      for (int64_t h = first; h < last; ++h) {
        const int64_t at = ((n * c.t.in + t) * c.h.in + h) * line;
        finish({dx + at, line, 1, line}, 0, epilogue, dx, at, line);
      }
  };
  parallel_chunks(backend.threads(), c.n * bands, run_task, sleepers(multiply_adds(product)));
}

}  // namespace coopnets
