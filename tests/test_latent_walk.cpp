#include "app/latent_walk.h"

#include <gtest/gtest.h>

#include <cmath>

namespace coopnets {
namespace {

using Vector = std::vector<real>;

double dot(const Vector &a, const Vector &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * b[i];
  return sum;
}
double length(const Vector &a) { return std::sqrt(dot(a, a)); }
double angle(const Vector &a, const Vector &b) { return std::acos(dot(a, b) / (length(a) * length(b))); }

void expect_near(const Vector &a, const Vector &b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5) << i;
}

TEST(LatentWalk, ALineIsStraightAndEven) {
  expect_near(on_line({1, -2, 4}, {5, 0, 0}, 0.25), {2, -1.5, 3});
  expect_near(on_line({1, -2, 4}, {5, 0, 0}, 0), {1, -2, 4});
  expect_near(on_line({1, -2, 4}, {5, 0, 0}, 1), {5, 0, 0});
}

TEST(LatentWalk, ASphereIsWalkedAtEqualAnglesAndLengthsBetweenTheEnds) {
  const Vector a = {1, 2, -2, 0.5}, right = {2, -1, 0, 0}, wide = {-3, -3, 6, -2}, near = {1, 2.1, -2, 0.5};
  for (const Vector &b : {right, wide, near}) {
    const double whole = angle(a, b);
    Vector before = a;
    for (int k = 0; k <= 7; ++k) {
      const double t = k / 7.0;
      const Vector z = on_sphere(a, b, t);
      EXPECT_NEAR(length(z), (1 - t) * length(a) + t * length(b), 1e-5);
      if (k > 0) {
        EXPECT_NEAR(angle(before, z), whole / 7, 1e-4);
        EXPECT_NEAR(angle(a, z), t * whole, 1e-4);
      }
      before = z;
    }
    expect_near(on_sphere(a, b, 0), a);
    expect_near(on_sphere(a, b, 1), b);
  }
  expect_near(on_sphere({2, 0}, {0, 4}, 0.5), {real(3 / std::sqrt(2.)), real(3 / std::sqrt(2.))});
}

TEST(LatentWalk, WhereThereIsNoCircleTheWalkIsALine) {
  const Vector a = {1, -2, 3};
  for (const Vector &b : {Vector{-2, 4, -6}, Vector{2, -4, 6}, Vector{0, 0, 0}})
    for (const double t : {0., 0.3, 1.}) expect_near(on_sphere(a, b, t), on_line(a, b, t));
}

}  // namespace
}  // namespace coopnets
