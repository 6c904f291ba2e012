// The distance between two sets of points: by hand, between Gaussians, and what it thinks of blur and collapse.
#include "metrics/kernel_distance.h"

#include <cmath>

#include "data/densities.h"
#include "files.h"

namespace coopnets {
namespace {

constexpr int64_t count = 1000;

Samples points(const std::string &density, int64_t first, uint64_t seed = 1) {
  const std::vector<real> drawn = draw_points(density, first, count, seed);
  return Samples(count, 2, {drawn.begin(), drawn.end()});
}

double kernel(double squared) {
  double sum = 0;
  for (const double h : {0.05, 0.1, 0.2}) sum += std::exp(-squared / (2 * h * h)) / 3;
  return sum;
}

TEST(KernelDistance, ByHand) {
  // Two sets of two points each, d apart: MMD^2 = 1 + 1 - 2 k(d).
  const Samples x(2, 2, {0.f, 0.f, 0.f, 0.f}), y(2, 2, {0.09f, 0.12f, 0.09f, 0.12f});
  EXPECT_NEAR(KernelDistance(y).to(x), std::sqrt(2 - 2 * kernel(0.15 * 0.15)), 1e-6);
  EXPECT_EQ(KernelDistance(x).to(x), 0);
  // Different points of y are the points 0 and far, whose kernel is 0: the ratio's square is MMD^2 / ((1/2 + 1/2) 1).
  const Samples far(2, 2, {0.f, 0.f, 9.f, 9.f});
  EXPECT_NEAR(KernelDistance(far).to(x), std::sqrt(1 + 0.5 - 2 * 0.5), 1e-6);
  EXPECT_NEAR(KernelDistance(far).ratio(x), std::sqrt(0.5), 1e-6);
  EXPECT_THROW(KernelDistance(Samples(1, 2)).to(x), std::invalid_argument);
  EXPECT_THROW(KernelDistance(Samples(2, 3)).to(x), std::invalid_argument);
}

// Of x ~ N(0, s^2 I) and y ~ N(m, t^2 I) in the plane, E exp(-|x - y|^2 / (2 h^2)) is
// h^2 / (h^2 + s^2 + t^2) exp(-|m|^2 / (2 (h^2 + s^2 + t^2))).
TEST(KernelDistance, OfGaussiansIsThatOfTheirFormula) {
  // Eight Gaussians, turned into one: each point without its centre.
  const auto gaussian = [](uint64_t seed, double deviation, double mean) {
    Samples s = points("eight-gaussians", 0, seed);
    for (int64_t i = 0; i < s.count; ++i) {
      const double k = std::round(std::atan2(s.row(i)[1], s.row(i)[0]) / (M_PI / 4));
      s.row(i)[0] = float((s.row(i)[0] - 0.6 * std::cos(k * M_PI / 4)) / 0.055 * deviation + mean);
      s.row(i)[1] = float((s.row(i)[1] - 0.6 * std::sin(k * M_PI / 4)) / 0.055 * deviation);
    }
    return s;
  };
  const double s = 0.2, t = 0.3, m = 0.25;
  const auto mean_kernel = [](double variance, double mean) {
    double sum = 0;
    for (const double h : {0.05, 0.1, 0.2})
      sum += h * h / (h * h + variance) * std::exp(-mean * mean / (2 * (h * h + variance))) / 3;
    return sum;
  };
  const double wanted = mean_kernel(2 * s * s, 0) + mean_kernel(2 * t * t, 0) - 2 * mean_kernel(s * s + t * t, m);
  EXPECT_NEAR(KernelDistance(gaussian(2, t, m)).to(gaussian(1, s, 0)), std::sqrt(wanted), 0.08 * std::sqrt(wanted));
}

TEST(KernelDistance, IsOneBetweenRealPointsAndMoreForBlurAndCollapse) {
  for (const std::string &density : density_names()) {
    SCOPED_TRACE(density);
    const KernelDistance to_data(points(density, 0));
    double mean = 0;
    for (uint64_t seed = 2; seed < 6; ++seed) mean += to_data.ratio(points(density, 0, seed)) / 4;
    EXPECT_NEAR(mean, 1, 0.25);
    const Samples noise = points("checkerboard", 9000, 9);
    Samples blurred = points(density, 5000), few = blurred, moved = blurred;
    for (int64_t i = 0; i < count; ++i)
      for (int k = 0; k < 2; ++k) {
        blurred.row(i)[k] += 0.3f * noise.row(i)[k];
        few.row(i)[k] = few.row(i % 20)[k];
        moved.row(i)[k] += 0.08f;
      }
    for (const Samples *bad : {&blurred, &few, &moved}) EXPECT_GT(to_data.ratio(*bad), 1.5);
    Samples half = points(density, 5000);  // the other half is left out
    for (int64_t i = 0; i < count; ++i) half.row(i)[0] = -std::abs(half.row(i)[0]);
    EXPECT_GT(to_data.ratio(half), 3);
  }
}

}  // namespace
}  // namespace coopnets
