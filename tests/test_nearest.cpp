#include "metrics/nearest.h"

#include <cmath>

#include "files.h"

namespace coopnets {
namespace {

TEST(Nearest, neighbours_are_found_across_pieces_and_the_first_of_equals_wins) {
  // 2,500 points on a line, given in three pieces; points[2] lies half way between two.
  const auto range = [](int64_t first, int64_t n) {
    Samples some(n, 2);
    for (int64_t i = 0; i < n; ++i) some.row(i)[0] = float(first + i), some.row(i)[1] = 3;
    return some;
  };
  const Samples points(4, 2, {7, 3, 2499, 7, 1200.5, 3, -6, 11});
  const std::vector<Neighbour> nearest = nearest_neighbours(points, 2500, range);
  const int64_t index[] = {7, 2499, 1200, 0};
  const double distance[] = {0, 4, 0.5, 10};
  for (int k = 0; k < 4; ++k) {
    EXPECT_EQ(nearest[k].index, index[k]);
    EXPECT_DOUBLE_EQ(nearest[k].distance, distance[k]);
  }
  // Each of these points is given twice, in pieces of their own.
  const auto twice = [&](int64_t first, int64_t n) {
    Samples some = range(first, n);
    for (int64_t i = 0; i < n; ++i) some.row(i)[0] = float((first + i) % 1250);
    return some;
  };
  EXPECT_EQ(nearest_neighbours(points, 2500, twice)[0].index, 7);
  // More points than one tile of distances holds.
  Samples many(9000, 2);
  for (int64_t i = 0; i < many.count; ++i) many.row(i)[0] = float(i % 1000), many.row(i)[1] = 3;
  const std::vector<Neighbour> of_many = nearest_neighbours(many, 1000, range);
  for (int64_t i = 0; i < many.count; ++i) ASSERT_EQ(of_many[i].index, i % 1000);
  EXPECT_CONTAINS(error_of<std::invalid_argument>([&] { nearest_neighbours(points, 0, range); }), "empty set");
}

// Pieces hold 2^24 numbers at most: of large points fewer than a thousand.
TEST(Nearest, pieces_of_large_points_are_small) {
  const int64_t dimension = int64_t{1} << 20;
  int64_t most = 0;
  const Samples point(1, dimension, std::vector<float>(size_t(dimension), 20.f));
  const std::vector<Neighbour> nearest = nearest_neighbours(point, 40, [&](int64_t first, int64_t n) {
    most = std::max(most, n);
    Samples some(n, dimension);
    for (int64_t i = 0; i < n; ++i) std::fill_n(some.row(i), dimension, float(first + i));
    return some;
  });
  EXPECT_EQ(nearest[0].index, 20);
  EXPECT_EQ(nearest[0].distance, 0);
  EXPECT_EQ(most, 16);
}

}  // namespace
}  // namespace coopnets
