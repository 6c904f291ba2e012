// What the threads of a block copy for each step of the implicit matrix product (conv_gemm.h), and whence: A's elements
// are gathered from the tensor as conv_problem.h says, B's lie in lines.
//
//   step of the sum     k .. k + 15: neighbouring channels of one tap, or of several
//   a thread            `vector` neighbours of the sum, of every so many rows of A: always the same rows
//   a row               begins at `at`; its taps lie at offsets that all rows share, so that a copy costs an addition and a
//                       test an axis whether it is inside; outside, zeros are written
#pragma once
#include "cuda/conv_math.h"
#include "cuda/conv_problem.h"

namespace coopnets {

// Walks over the summed index (tap, channel) of a gathering product: through the taps of 32 channels before the next 32
// where the channels come in such, else through all channels of each tap.
template <Product product>
struct TapWalk {
  const Phase<product> &phase;
  int chunk_end, jt, jh, jw, channel;

  __device__ TapWalk(const Phase<product> &phase, int k) : phase(phase) {
    const int chunk = this->chunk(), row = max(1, phase.w.taps),
              plane = row * max(1, phase.h.taps);  // no taps: nothing is read
    const int taps = plane * max(1, phase.t.taps), begin = k / (taps * chunk) * chunk;
    const int tap = k / chunk % taps;
    channel = begin + k % chunk;
    chunk_end = begin + chunk;
    jt = tap / plane;
    jh = tap % plane / row;
    jw = tap % row;
  }
  __device__ bool in_chunks() const { return phase.channels % 32 == 0; }
  __device__ int chunk() const { return in_chunks() ? 32 : phase.channels; }
  __device__ void advance(int by) {
    const int chunk = this->chunk();
    channel += by;
    while (channel >= chunk_end) {
      channel -= chunk;
      if (++jw < phase.w.taps) continue;
      jw = 0;
      if (++jh < phase.h.taps) continue;
      jh = 0;
      if (++jt < phase.t.taps) continue;
      jt = 0;
      channel += chunk;
      chunk_end += chunk;
    }
  }
  // In the order of (tap, channel), in which the filters lie.
  __device__ int index() const { return ((jt * phase.h.taps + jh) * phase.w.taps + jw) * phase.channels + channel; }
};

// What a thread copies for each step of a gathering product: A along the sum; B along the sum (backward_input) or along
// columns (forward). Always the same rows of A, whose places it keeps in registers where these suffice.
template <Product product, class Shape, int vector, int b_vector>
class Loader {
 public:
  using A = SharedTile<Shape::rows, true>;
  using B = SharedTile<Shape::columns, product == Product::backward_input>;

  // Where row m of A begins in its source: as an offset modulo 2^32, since it may lie outside, and along the axes.
  struct Row {
    unsigned at;
    int t, h, w;
  };

  __device__ Loader(const ConvProblem &p, const Phase<product> &phase, Row *rows, int *result_at, int first_row,
                    int first_column, int begin, int end)
      : p_(p),
        phase_(phase),
        shared_rows_(rows),
        first_column_(first_column),
        k_(begin),
        end_(end),
        tap_(phase, begin + int(threadIdx.x) % sets * vector) {
    for (int i = threadIdx.x; i < Shape::rows; i += Shape::threads) find_row(first_row + i, rows[i], result_at[i]);
    __syncthreads();
#pragma unroll
    for (int i = 0; i < rows_kept; ++i) rows_[i] = rows[mine() + i * rows_a_pass];
  }

  // Starts the copies of the next step.
  __device__ void load(float *a, float *b) {
    const int along = threadIdx.x % sets * vector;
    const bool k_exists = k_ + along < end_;
    const int dt = phase_.t.direction * tap_.jt, dh = phase_.h.direction * tap_.jh, dw = phase_.w.direction * tap_.jw;
    const int dt_or_none = k_exists ? dt : -(1 << 29);
    const unsigned by = offset(dt, dh, dw) + tap_.channel;
#pragma unroll
    for (int i = 0; i < rows_a_thread; ++i) {
      const Row row = rows_kept ? rows_[i % (rows_kept ? rows_kept : 1)] : shared_rows_[mine() + i * rows_a_pass];
      const bool exists = unsigned(row.t + dt_or_none) < unsigned(phase_.t.source) &&
                          unsigned(row.h + dh) < unsigned(phase_.h.source) &&
                          unsigned(row.w + dw) < unsigned(phase_.w.source);
      copy_async<vector, Cache::keep>(a + A::at(mine() + i * rows_a_pass, along), p_.a + (exists ? row.at + by : 0),
                                      exists);
    }
    if (product == Product::backward_input) {
      const int tap = ((phase_.t.first_tap + phase_.t.tap_step * tap_.jt) * p_.h.kernel + phase_.h.first_tap +
                       phase_.h.tap_step * tap_.jh) *
                          p_.w.kernel +
                      phase_.w.first_tap + phase_.w.tap_step * tap_.jw;
      const int first = first_column_ + mine(), left = k_exists ? phase_.columns - first : 0;
      const unsigned from = unsigned(tap * phase_.columns + first) * phase_.channels + tap_.channel;
#pragma unroll
      for (int i = 0; i < Shape::columns / rows_a_pass; ++i) {
        const bool exists = i * rows_a_pass < left;
        copy_async<vector>(b + B::at(mine() + i * rows_a_pass, along),
                           p_.b + (exists ? from + unsigned(i * rows_a_pass * phase_.channels) : 0), exists);
      }
    } else {
      const int row = tap_.in_chunks() ? tap_.index() - along : k_;  // the same for all threads
      load_rows<Shape, b_vector>(b, p_.b, row, end_ - k_, first_column_, phase_.columns);
    }
    commit_copies();
    k_ += step_of_sum;
    tap_.advance(step_of_sum);
  }

 private:
  static constexpr int sets = step_of_sum / vector, rows_a_pass = Shape::threads / sets;
  static constexpr int rows_a_thread = Shape::rows / rows_a_pass;
  static constexpr int rows_kept = rows_a_thread <= (Shape::threads > 128 ? 2 : 8) ? rows_a_thread : 0;
  static_assert(Shape::rows % rows_a_pass == 0 && Shape::columns % rows_a_pass == 0, "passes are whole");

  __device__ static int mine() { return threadIdx.x / sets; }
  __device__ unsigned offset(unsigned t, unsigned h, unsigned w) const {
    return ((t * phase_.h.source + h) * phase_.w.source + w) * phase_.channels;
  }
  __device__ void find_row(int q, Row &row, int &result_at) const {
    const bool exists = q < phase_.rows, input = product == Product::backward_input;
    if (!exists) q = 0;
    const int qw = q % phase_.w.positions;
    q /= phase_.w.positions;
    const int qh = q % phase_.h.positions;
    q /= phase_.h.positions;
    const int qt = q % phase_.t.positions, example = q / phase_.t.positions;
    const int t = qt * phase_.t.step + phase_.t.origin, h = qh * phase_.h.step + phase_.h.origin,
              w = qw * phase_.w.step + phase_.w.origin;
    row = {offset(example * phase_.t.source + t, h, w), exists ? t : -(1 << 30), h, w};
    const int ut = phase_.t.first + qt * phase_.t.spacing, uh = phase_.h.first + qh * phase_.h.spacing,
              uw = phase_.w.first + qw * phase_.w.spacing;
    const int position = ((example * (input ? p_.t.in : p_.t.out) + ut) * (input ? p_.h.in : p_.h.out) + uh) *
                             (input ? p_.w.in : p_.w.out) +
                         uw;
    result_at = exists ? position * phase_.columns : -1;
  }

  const ConvProblem &p_;
  const Phase<product> &phase_;
  const Row *shared_rows_;
  Row rows_[rows_kept ? rows_kept : 1];
  int first_column_, k_, end_;
  TapWalk<product> tap_;
};

// The same for backward_filter: both A and B along rows and columns, one position of y a row of shared memory.
template <class Shape, int vector, int b_vector>
class Loader<Product::backward_filter, Shape, vector, b_vector> {
 public:
  using A = SharedTile<Shape::rows, false>;
  using B = SharedTile<Shape::columns, false>;
  struct Row {};

  __device__ Loader(const ConvProblem &p, const Phase<Product::backward_filter> &phase, Row *, int *result_at,
                    int first_row, int first_column, int begin, int end)
      : p_(p), first_column_(first_column), columns_(phase.columns), k_(begin), end_(end) {
    for (int i = threadIdx.x; i < Shape::rows; i += Shape::threads)
      result_at[i] = first_row + i < phase.rows ? (first_row + i) * phase.columns : -1;
    const int row = first_row + threadIdx.x % sets * vector, tap = row / p.in_channels;
    row_exists_ = row < phase.rows;
    channel_ = row % p.in_channels;
    tap_t_ = tap / (p.h.kernel * p.w.kernel) - p.t.before;
    tap_h_ = tap / p.w.kernel % p.h.kernel - p.h.before;
    tap_w_ = tap % p.w.kernel - p.w.before;
    int q = begin + threadIdx.x / sets;
    w_ = q % p.w.out;
    q /= p.w.out;
    h_ = q % p.h.out;
    q /= p.h.out;
    t_ = q % p.t.out;
    example_ = q / p.t.out;
    __syncthreads();
  }

  __device__ void load(float *a, float *b) {
    const int mine = threadIdx.x / sets, along = threadIdx.x % sets * vector;
    if (mine < step_of_sum) {
#pragma unroll
      for (int r = 0; r < step_of_sum; r += positions_a_pass) {
        const int t = t_ * p_.t.stride + tap_t_, h = h_ * p_.h.stride + tap_h_, w = w_ * p_.w.stride + tap_w_;
        const bool exists = row_exists_ && k_ + mine + r < end_ && unsigned(t) < unsigned(p_.t.in) &&
                            unsigned(h) < unsigned(p_.h.in) && unsigned(w) < unsigned(p_.w.in);
        const float *from = p_.a;
        if (exists) from += (((example_ * p_.t.in + t) * p_.h.in + h) * p_.w.in + w) * p_.in_channels + channel_;
        copy_async<vector, Cache::keep>(a + A::at(along, mine + r), from, exists);
        advance();
      }
    }
    load_rows<Shape, b_vector>(b, p_.b, k_, end_ - k_, first_column_, columns_);
    commit_copies();
    k_ += step_of_sum;
  }

 private:
  static constexpr int sets = Shape::rows / vector;
  static constexpr int positions_a_pass = Shape::threads / sets < step_of_sum ? Shape::threads / sets : step_of_sum;

  __device__ void advance() {
    w_ += positions_a_pass;
    while (w_ >= p_.w.out) {
      w_ -= p_.w.out;
      if (++h_ < p_.h.out) continue;
      h_ = 0;
      if (++t_ < p_.t.out) continue;
      t_ = 0;
      ++example_;
    }
  }

  const ConvProblem &p_;
  int first_column_, columns_, k_, end_;
  bool row_exists_;
  int channel_, tap_t_, tap_h_, tap_w_, example_, t_, h_, w_;
};

}  // namespace coopnets
