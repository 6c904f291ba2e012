// Nearest neighbours in a training set: samples that merely repeat it are seen at once.
#pragma once
#include "metrics/samples.h"

namespace coopnets {

// For each point its nearest neighbour among `count` others, which `range(first, n)` gives some at a time, by Euclidean
// distance; the first of equals. Throws std::invalid_argument when there are none or dimensions differ.
struct Neighbour {
  int64_t index;
  double distance;
};
std::vector<Neighbour> nearest_neighbours(const Samples &points, int64_t count,
                                          const std::function<Samples(int64_t first, int64_t n)> &range);

}  // namespace coopnets
