// y = scale x + shift, a number a channel, of each example or of all. By the rows of rows.h: where a parameter is
// shared, all examples are one part.
//
// Traffic: forward reads x and writes y; backward reads dy for each output that is wanted, and x for d_scale.
#include "cpu/rows.h"
#include "tensor/checks.h"

namespace coopnets {
namespace {

// What each lane of each part has of a parameter; `absent` where there is none.
void spread(const Rows &rows, ConstView parameter, real absent, real *lanes) {
  for (int64_t part = 0; part < rows.parts; ++part) {
    real *const own = lanes + part * rows.width();
    if (parameter.data)
      repeat(rows, parameter.data + (parameter.shape.n == 1 ? 0 : part * rows.channels), own);
    else
      std::fill_n(own, rows.width(), absent);
  }
}

bool shared(ConstView parameter) { return !parameter.data || parameter.shape.n == 1; }

// y may be x.
void apply(CpuBackend &backend, ConstView x, ConstView scale, ConstView shift, View y) {
  const Rows rows(x.shape, shared(scale) && shared(shift) ? 1 : x.shape.n);
  real *k = backend.scratch(2 * rows.parts * rows.width()), *b = k + rows.parts * rows.width();
  spread(rows, scale, 1, k);
  spread(rows, shift, 0, b);
  for_elements(backend.threads(), rows, [=](int64_t i, int64_t l) { y.data[i] = k[l] * x.data[i] + b[l]; });
}

// d[n,c] = sum of term(i) over the elements i that parameter (n, c) stands at.
template <class Term>
void sum_positions(CpuBackend &backend, const Shape &shape, const Term &term, View d) {
  const Rows rows(shape, d.shape.n);
  double *partial = backend.scratch<double>(rows.partials());
  const auto add = [=](int64_t i, int64_t, double &plain, double &) { plain += term(i); };
  chunk_sums(backend.threads(), rows, add, partial);
  add_chunks(backend.threads(), rows, partial, [=](int64_t i, double plain, double) { d.data[i] = real(plain); });
}

}  // namespace

void CpuBackend::modulate_forward(ConstView x, ConstView scale, ConstView shift, View y) {
  check_modulate_forward(x, scale, shift, y);
  apply(*this, x, scale, shift, y);
}

// dx comes last, as it may lie where dy does.
void CpuBackend::modulate_backward(ConstView x, ConstView scale, ConstView dy, View dx, View d_scale, View d_shift) {
  check_modulate_backward(x, scale, dy, dx, d_scale, d_shift);
  if (d_scale.data)
    sum_positions(
        *this, x.shape, [=](int64_t i) { return double(dy.data[i]) * double(x.data[i]); }, d_scale);
  if (d_shift.data)
    sum_positions(
        *this, x.shape, [=](int64_t i) { return double(dy.data[i]); }, d_shift);
  if (!dx.data) return;
  if (scale.data)
    apply(*this, dy, scale, {}, dx);
  else if (dx.data != dy.data)
    copy(dy, dx);
}

}  // namespace coopnets
