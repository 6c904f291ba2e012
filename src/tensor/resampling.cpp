#include "tensor/resampling.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

Shape Resampling::reduced(const Shape &x) const {
  const int most = count() - 1;
  if (before < 0 || before > most || after < 0 || after > most)
    throw std::invalid_argument("a window of " + std::to_string(count()) + " reaches from 0 to " +
                                std::to_string(most) + " elements beyond the edge of what is resampled, not " +
                                std::to_string(before) + " and " + std::to_string(after));
  if (x.h < 1 || x.w < 1) throw std::invalid_argument("there are no rows or no columns to resample in " + x.str());
  const Axis axis = {count(), 2, before, after};
  return {x.n, x.t, axis.out(x.h), axis.out(x.w), x.c};
}

// The largest side that reduces to n is 2n - 1 + count() - before - after, and the one below it reduces to n as well.
Shape Resampling::enlarged(const Shape &y) const {
  const auto side = [this](int64_t n) { return (2 * n - 1 + count() - before - after) / 2 * 2; };
  const Shape x = {y.n, y.t, side(y.h), side(y.w), y.c};
  if (x.h < 1 || x.w < 1) throw std::invalid_argument(y.str() + " has too few rows or columns to be enlarged");
  require_same(reduced(x), y, "the enlarged shape, reduced again");
  return x;
}

real Resampling::weight(int64_t o, int64_t u, int64_t size) const {
  real sum = 0;
  for (int i = 0; i < count(); ++i) {
    const int64_t at = 2 * o - before + i;
    if ((edge == nearest ? std::clamp<int64_t>(at, 0, size - 1) : at) == u) sum += tap(i);
  }
  return sum;
}

}  // namespace coopnets
