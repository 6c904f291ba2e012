#include "cpu/reduce.h"

#include <cmath>

#include "cpu/parallel.h"
#include "tensor/tensor.h"

namespace coopnets {
namespace {

constexpr int lanes = 16;  // running sums of a chunk: element i goes to lane i % lanes

// Combines term(i) over [0, size) in double, from 0. The order is fixed by the size: within a chunk by lanes, then the
// lanes, then the chunks.
template <class Term, class Combine>
double reduce(CpuBackend &backend, int64_t size, const Term &term, const Combine &combine) {
  const int64_t chunks = chunks_of(size, elements_a_chunk);
  double *partial = backend.scratch<double>(chunks);
  for_chunks(backend.threads(), size, elements_a_chunk, [&](int64_t begin, int64_t end) {
    double lane[lanes] = {};
    int64_t i = begin;
    for (; i + lanes <= end; i += lanes)
#pragma omp simd
      for (int l = 0; l < lanes; ++l) lane[l] = combine(lane[l], term(i + l));
    for (int l = 0; i < end; ++i, ++l) lane[l] = combine(lane[l], term(i));
    double total = 0;
    for (int l = 0; l < lanes; ++l) total = combine(total, lane[l]);
    partial[begin / elements_a_chunk] = total;
  });
  double total = 0;
  for (int64_t k = 0; k < chunks; ++k) total = combine(total, partial[k]);
  return total;
}

constexpr auto plus = [](double a, double b) { return a + b; };
constexpr auto larger = [](double a, double b) { return ((b > a) | (b != b)) ? b : a; };  // NaN once either is NaN

}  // namespace

void write(Readings &readings, int slot, double value) {
  require(slot >= 0 && slot < readings.count(), "a reduction into a slot that the readings do not have");
  *readings.slot(slot) = value;
}

double largest_magnitude(CpuBackend &backend, ConstView x) {
  return reduce(
      backend, x.shape.size(), [=](int64_t i) { return std::fabs(double(x.data[i])); }, larger);
}

double inner_product(CpuBackend &backend, ConstView a, ConstView b) {
  return reduce(
      backend, a.shape.size(), [=](int64_t i) { return double(a.data[i]) * double(b.data[i]); }, plus);
}

void CpuBackend::sum(ConstView x, Readings &readings, int slot) {
  write(readings, slot,
        reduce(
            *this, x.shape.size(), [=](int64_t i) { return double(x.data[i]); }, plus));
}

void CpuBackend::sum_absolute(ConstView x, Readings &readings, int slot) {
  write(readings, slot,
        reduce(
            *this, x.shape.size(), [=](int64_t i) { return std::fabs(double(x.data[i])); }, plus));
}

void CpuBackend::sum_squared_difference(ConstView a, ConstView b, Readings &readings, int slot) {
  require_same(a.shape, b.shape, "sum of squared differences");
  const auto term = [=](int64_t i) {
    const double d = double(a.data[i]) - double(b.data[i]);
    return d * d;
  };
  write(readings, slot, reduce(*this, a.shape.size(), term, plus));
}

void CpuBackend::max_absolute(ConstView x, Readings &readings, int slot) {
  write(readings, slot, largest_magnitude(*this, x));
}

}  // namespace coopnets
