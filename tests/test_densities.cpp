// The toy's densities: points where the formulas say, as many of them as they say.
#include "data/densities.h"

#include <cmath>
#include <map>

#include "files.h"

namespace coopnets {
namespace {

constexpr int64_t count = 40000;

class Densities : public testing::TestWithParam<std::string> {};

TEST_P(Densities, points_lie_in_the_square_and_follow_from_the_seed) {
  const std::vector<real> points = draw_points(GetParam(), 0, count, 7);
  ASSERT_EQ(points.size(), size_t(2 * count));
  for (const real x : points) EXPECT_LT(std::abs(x), 1);
  EXPECT_EQ(draw_points(GetParam(), 0, count, 7), points);
  const std::vector<real> later = draw_points(GetParam(), 100, 50, 7);
  EXPECT_EQ(later, std::vector<real>(points.begin() + 200, points.begin() + 300));
  EXPECT_NE(draw_points(GetParam(), 0, 50, 8), std::vector<real>(points.begin(), points.begin() + 100));
}

// The density sums to 1 over the square, and its entropy is that of the points.
TEST_P(Densities, the_formula_is_that_of_the_points) {
  constexpr int side = 600;
  const double cell = 2. / side;
  double sum = 0, entropy = 0;
  for (int i = 0; i < side; ++i)
    for (int j = 0; j < side; ++j) {
      const double log_p = log_density(GetParam(), (i + 0.5) * cell - 1, (j + 0.5) * cell - 1), p = std::exp(log_p);
      sum += p * cell * cell;
      if (p > 0) entropy -= p * log_p * cell * cell;
    }
  EXPECT_NEAR(sum, 1, 1e-3);
  const std::vector<real> points = draw_points(GetParam(), 0, count, 3);
  double of_points = 0;
  for (int64_t i = 0; i < count; ++i)
    of_points -= log_density(GetParam(), double(points[size_t(2 * i)]), double(points[size_t(2 * i + 1)])) / count;
  EXPECT_NEAR(of_points, entropy, 0.02);
}

INSTANTIATE_TEST_SUITE_P(All, Densities, testing::ValuesIn(density_names()), [](const auto &info) {
  std::string name = info.param;
  for (char &c : name)
    if (c == '-') c = '_';
  return name;
});

// Shares of `parts` equal parts that n points fall into: each within five standard deviations.
void expect_shares(const std::map<int, int64_t> &seen, const std::map<int, double> &wanted) {
  EXPECT_EQ(seen.size(), wanted.size());
  for (const auto &[part, share] : wanted)
    EXPECT_NEAR(double(seen.at(part)) / count, share, 5 * std::sqrt(share * (1 - share) / count)) << part;
}

TEST(DensityOf, the_checkerboard_has_eight_equal_fields) {
  const std::vector<real> points = draw_points("checkerboard", 0, count, 1);
  std::map<int, int64_t> seen;
  std::map<int, double> wanted;
  for (size_t i = 0; i < points.size(); i += 2)
    ++seen[4 * int(std::floor(2 * (points[i + 1] + 1))) + int(std::floor(2 * (points[i] + 1)))];
  for (int field = 0; field < 16; ++field)
    if ((field / 4 + field % 4) % 2 == 0) wanted[field] = 1. / 8;
  expect_shares(seen, wanted);
  EXPECT_EQ(log_density("checkerboard", -0.9, -0.9), std::log(0.5));
  EXPECT_EQ(log_density("checkerboard", -0.4, -0.9), -INFINITY);
  EXPECT_EQ(log_density("checkerboard", -1.1, -0.9), -INFINITY);
}

TEST(DensityOf, the_rings_are_equally_dense) {
  const std::vector<real> points = draw_points("rings", 0, count, 1);
  std::map<int, int64_t> rings, quarters;
  double squares = 0;
  for (size_t i = 0; i < points.size(); i += 2) {
    const double radius = std::hypot(double(points[i]), double(points[i + 1]));
    const int ring = radius < 0.525 ? 1 : 2;
    ++rings[ring];
    ++quarters[2 * (points[i] > 0) + (points[i + 1] > 0)];
    squares += std::pow(radius - 0.35 * ring, 2) / count;
  }
  expect_shares(rings, {{1, 1. / 3}, {2, 2. / 3}});
  expect_shares(quarters, {{0, 0.25}, {1, 0.25}, {2, 0.25}, {3, 0.25}});
  EXPECT_NEAR(std::sqrt(squares), 0.04, 0.001);
  EXPECT_NEAR(log_density("rings", 0.35, 0), log_density("rings", 0, -0.7), 1e-6);
}

TEST(DensityOf, the_gaussians_are_eight) {
  const std::vector<real> points = draw_points("eight-gaussians", 0, count, 1);
  std::map<int, int64_t> seen;
  std::map<int, double> wanted;
  double squares = 0;
  for (size_t i = 0; i < points.size(); i += 2) {
    const double x = double(points[i]), y = double(points[i + 1]);
    const int k = (int(std::lround(std::atan2(y, x) / (M_PI / 4))) + 8) % 8;
    ++seen[k];
    squares += (std::pow(x - 0.6 * std::cos(k * M_PI / 4), 2) + std::pow(y - 0.6 * std::sin(k * M_PI / 4), 2)) / count;
  }
  for (int k = 0; k < 8; ++k) wanted[k] = 1. / 8;
  expect_shares(seen, wanted);
  EXPECT_NEAR(std::sqrt(squares / 2), 0.055, 0.001);
  EXPECT_NEAR(log_density("eight-gaussians", 0.6, 0), -std::log(8 * 2 * M_PI * 0.055 * 0.055), 1e-6);
}

TEST(DensityOf, nothing_that_there_is_not) {
  EXPECT_EQ(error_of<std::invalid_argument>([] { draw_points("spiral", 0, 1, 1); }), "there is no density 'spiral'");
  EXPECT_THROW(log_density("spiral", 0, 0), std::invalid_argument);
  EXPECT_THROW(draw_points("rings", -1, 1, 1), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
