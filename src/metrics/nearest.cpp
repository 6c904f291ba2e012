#include "metrics/nearest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace coopnets {

std::vector<Neighbour> nearest_neighbours(const Samples &points, int64_t count,
                                          const std::function<Samples(int64_t first, int64_t n)> &range) {
  if (count < 1) throw std::invalid_argument("there is no neighbour in an empty set");
  const int64_t at_once = std::clamp<int64_t>((int64_t{1} << 24) / points.dimension, 1, 1000);  // 64 MiB at most
  std::vector<Neighbour> nearest(points.count, {-1, std::numeric_limits<double>::infinity()});  // squared at first
  for (int64_t begin = 0; begin < count; begin += at_once) {
    const Samples others = range(begin, std::min(at_once, count - begin));
    visit_squared_distances(points, others, [&](int64_t first, const Matrix &tile) {
      for (int64_t i = 0; i < tile.rows; ++i) {
        const double *least = std::min_element(tile.row(i), tile.row(i) + tile.cols);
        Neighbour &best = nearest[first + i];
        if (*least < best.distance) best = {begin + (least - tile.row(i)), *least};
      }
    });
  }
  for (Neighbour &n : nearest) n.distance = std::sqrt(n.distance);
  return nearest;
}

}  // namespace coopnets
