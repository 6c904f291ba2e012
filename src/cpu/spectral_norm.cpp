// Filters as a matrix W [K, C], row by row as they lie in memory. A part of the rows is read by one thread, in the order
// of the rows; what the parts give is added in the order of the parts.
//
// Traffic: an iteration reads w twice, forward twice and writes y; backward reads w, and dy twice, and writes dw.
#include <cmath>

#include "cpu/cpu_backend.h"
#include "cpu/parallel.h"
#include "cpu/reduce.h"
#include "tensor/checks.h"

namespace coopnets {
namespace {

constexpr double least_length = 1e-12;
constexpr int64_t most_parts = 64;

struct Matrix {
  explicit Matrix(ConstView w)
      : w(w.data),
        rows(w.shape.positions()),
        columns(w.shape.c),
        part(std::max(elements_a_chunk / std::max<int64_t>(1, columns), chunks_of(rows, most_parts))) {
    if (part < 1) part = 1;
  }
  const real *row(int64_t k) const { return w + k * columns; }
  int64_t parts() const { return chunks_of(rows, part); }

  const real *w;
  int64_t rows, columns, part;  // part: rows of one
};

// out = x / max(|x|, 1e-12).
void normalise(const double *x, View out) {
  const int64_t size = out.shape.size();
  double squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < size; ++i) squares += x[i] * x[i];
  const double length = std::sqrt(squares), divisor = length < least_length ? least_length : length;
  for (int64_t i = 0; i < size; ++i) out.data[i] = real(x[i] / divisor);
}

}  // namespace

void CpuBackend::spectral_iteration(ConstView w, View u, View v) {
  require_sides(w.shape, u.shape, v.shape);
  const Matrix m(w);
  const int64_t parts = m.parts();
  double *const of_rows = scratch<double>(size_t(m.rows + parts * m.columns)), *const of_columns = of_rows + m.rows;
  for_chunks(threads_, m.rows, m.part, [=](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) of_rows[k] = dot(m.row(k), u.data, m.columns);
  });
  normalise(of_rows, v);
  for_chunks(threads_, m.rows, m.part, [=](int64_t begin, int64_t end) {
    double *const sum = of_columns + begin / m.part * m.columns;
    std::fill(sum, sum + m.columns, 0.);
    for (int64_t k = begin; k < end; ++k) {
      const real *const row = m.row(k);
      const double factor = v.data[k];
#pragma omp simd
      for (int64_t c = 0; c < m.columns; ++c) sum[c] += factor * double(row[c]);
    }
  });
  for (int64_t p = 1; p < parts; ++p)
    for (int64_t c = 0; c < m.columns; ++c) of_columns[c] += of_columns[p * m.columns + c];
  normalise(of_columns, u);
}

void CpuBackend::spectral_norm_forward(ConstView w, ConstView u, ConstView v, View y, View sigma) {
  check_spectral_norm_forward(w, u, v, y, sigma);
  const Matrix m(w);
  const int64_t parts = m.parts();
  double *const partial = scratch<double>(size_t(parts));
  for_chunks(threads_, m.rows, m.part, [=](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t k = begin; k < end; ++k) sum += double(v.data[k]) * dot(m.row(k), u.data, m.columns);
    partial[begin / m.part] = sum;
  });
  double sum = 0;
  for (int64_t p = 0; p < parts; ++p) sum += partial[p];
  const real norm = sigma.data[0] = real(sum);
  for_elements(threads_, w.shape.size(), [=](int64_t i) { y.data[i] = w.data[i] / norm; });
}

void CpuBackend::spectral_norm_backward(ConstView w, ConstView dy, ConstView u, ConstView v, ConstView sigma, View dw) {
  check_spectral_norm_backward(w, dy, u, v, sigma, dw);
  const Matrix m(w);
  const real norm = sigma.data[0];
  const double along = inner_product(*this, dy, w) / double(norm);
  for_chunks(threads_, m.rows, m.part, [=](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const real factor = real(along * double(v.data[k]));
      const real *const d_out = dy.data + k * m.columns;
      real *const d_in = dw.data + k * m.columns;
#pragma omp simd
      for (int64_t c = 0; c < m.columns; ++c) d_in[c] = (d_out[c] - factor * u.data[c]) / norm;
    }
  });
}

}  // namespace coopnets
