#include "rivals/sparse_least_squares.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace coopnets {
namespace {

// Row of the triangular factor, or an equation on its way into it: elements first, first + 1, ... of the row.
struct Row {
  int64_t first = 0;
  std::vector<double> values, right;
  int64_t end() const { return first + int64_t(values.size()); }
};

Row dense(const Equation &e) {
  Row row;
  int64_t end = 0;
  row.first = e.terms.front().unknown;
  for (const Equation::Term &t : e.terms)
    row.first = std::min(row.first, t.unknown), end = std::max(end, t.unknown + 1);
  row.values.resize(end - row.first);
  for (const Equation::Term &t : e.terms) row.values[t.unknown - row.first] += t.factor;
  row.right = e.right;
  return row;
}

// (x, y) <- (c x + s y, c y - s x)
void rotate(double *x, double *y, int64_t n, double c, double s) {
  for (int64_t i = 0; i < n; ++i) {
    const double a = x[i], b = y[i];
    x[i] = c * a + s * b;
    y[i] = c * b - s * a;
  }
}

// Each rotation with factor row j makes the equation's element j zero; it settles at the first free row.
void insert(std::vector<Row> &factor, Row row) {
  for (int64_t j = row.first; j < row.end(); ++j) {
    double *rest = row.values.data() + (j - row.first);
    if (*rest == 0) continue;
    Row &r = factor[j];
    if (r.values.empty()) {
      r.first = j;
      r.values.assign(rest, row.values.data() + row.values.size());
      r.right = std::move(row.right);
      return;
    }
    const int64_t end = std::max(row.end(), r.end());
    row.values.resize(end - row.first);
    r.values.resize(end - j);
    rest = row.values.data() + (j - row.first);
    const double norm = std::hypot(r.values[0], *rest), c = r.values[0] / norm, s = *rest / norm;
    rotate(r.values.data(), rest, end - j, c, s);
    rotate(r.right.data(), row.right.data(), int64_t(r.right.size()), c, s);
  }
}

}  // namespace

Matrix sparse_least_squares(std::vector<Equation> equations, int64_t unknowns, int64_t sides) {
  std::vector<Row> rows;
  for (const Equation &e : equations) rows.push_back(dense(e));
  equations.clear();
  std::stable_sort(rows.begin(), rows.end(), [](const Row &a, const Row &b) { return a.first < b.first; });

  // Row j of the factor ends where the equations that begin at or before j end.
  int64_t reach = 0, elements = 0, next = 0;
  for (int64_t j = 0; j < unknowns; ++j) {
    for (; next < int64_t(rows.size()) && rows[next].first <= j; ++next) reach = std::max(reach, rows[next].end());
    elements += std::max<int64_t>(reach - j, 0);
  }
  if (elements > int64_t(1) << 28)
    throw std::runtime_error("the mask hides too many pixels (" + std::to_string(unknowns) +
                             ") to interpolate them at once; use a smaller picture or mask");

  std::vector<Row> factor(unknowns);
  for (Row &row : rows) insert(factor, std::move(row));

  double largest = 0;
  for (const Row &r : factor)
    if (!r.values.empty()) largest = std::max(largest, std::abs(r.values[0]));
  Matrix x(unknowns, sides);
  for (int64_t j = unknowns - 1; j >= 0; --j) {
    const Row &r = factor[j];
    if (r.values.empty() || !(std::abs(r.values[0]) > 1e-12 * largest))
      throw std::runtime_error("the visible pixels are too few to determine the hidden ones by this interpolation");
    for (int64_t s = 0; s < sides; ++s) x(j, s) = r.right[s];
    for (size_t k = 1; k < r.values.size(); ++k)
      for (int64_t s = 0; s < sides; ++s) x(j, s) -= r.values[k] * x(j + int64_t(k), s);
    for (int64_t s = 0; s < sides; ++s) x(j, s) /= r.values[0];
  }
  return x;
}

}  // namespace coopnets
