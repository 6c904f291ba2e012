#include "rivals/tensor_modes.h"

namespace coopnets {
namespace {

// calls visit(tensor index, mode index, index among the others) for all elements
template <typename Visit>
void for_each(const std::array<int64_t, 4> &sizes, Mode mode, Visit visit) {
  int64_t outer = 1, inner = 1;
  for (int k = 0; k < mode; ++k) outer *= sizes[k];
  for (int k = mode + 1; k < 4; ++k) inner *= sizes[k];
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < sizes[mode]; ++i)
      for (int64_t r = 0; r < inner; ++r) visit((o * sizes[mode] + i) * inner + r, i, o * inner + r);
}

}  // namespace

Matrix unfold(const ModeTensor &x, Mode mode) {
  Matrix m(x.sizes[mode], x.sizes[mode] ? int64_t(x.values.size()) / x.sizes[mode] : 0);
  for_each(x.sizes, mode, [&](int64_t at, int64_t i, int64_t other) { m(i, other) = x.values[at]; });
  return m;
}

ModeTensor mode_product(const ModeTensor &x, Mode mode, const Matrix &m) {
  const Matrix y = multiply(m, unfold(x, mode));
  ModeTensor result{x.sizes, std::vector<double>(y.values.size())};
  result.sizes[mode] = m.rows;
  for_each(result.sizes, mode, [&](int64_t at, int64_t i, int64_t other) { result.values[at] = y(i, other); });
  return result;
}

}  // namespace coopnets
