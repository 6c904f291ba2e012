// Plots of points and densities: what lies where, one scale for both.
#include "app/point_plot.h"

#include <cmath>
#include <set>

#include "data/densities.h"
#include "files.h"

namespace coopnets {
namespace {

int lightness(const Image &image, int64_t row, int64_t column) {
  const uint8_t *pixel = image.at(row, column);
  return pixel[0] + pixel[1] + pixel[2];
}

// The pixel of a place: x grows to the right, y upwards.
std::pair<int64_t, int64_t> pixel(double x, double y) {
  return {int64_t((1.2 - y) / 2.4 * 384), int64_t((x + 1.2) / 2.4 * 384)};
}

TEST(PointPlot, a_point_is_a_dot_in_its_place) {
  const Image image = plot_points({0.5, -0.25});
  EXPECT_EQ(image.shape(), (Shape{1, 1, 384, 384, 3}));
  const auto [row, column] = pixel(0.5, -0.25);
  EXPECT_LT(lightness(image, row, column), 200);
  EXPECT_GT(lightness(image, row, column + 12), 720);
  EXPECT_GT(lightness(image, pixel(-0.5, 0.25).first, pixel(-0.5, 0.25).second), 720);
  // Beyond the square, and what is no number.
  const Image none = plot_points({5, 5, real(NAN), 0, 0, real(-INFINITY), real(1e30), 0});
  for (const uint8_t value : none.pixels) EXPECT_EQ(value, none.pixels[size_t(&value - none.pixels.data()) % 3]);
}

TEST(PointPlot, a_density_is_normalised_on_the_grid) {
  const std::vector<real> grid = plot_grid();
  ASSERT_EQ(grid.size(), size_t(2 * 192 * 192));
  EXPECT_NEAR(double(grid[0]), -1.2 + 1.2 / 192, 1e-6);  // at the top left
  EXPECT_NEAR(double(grid[1]), 1.2 - 1.2 / 192, 1e-6);
  std::vector<double> gaussian;
  for (size_t i = 0; i < grid.size(); i += 2)
    gaussian.push_back(1000 - (std::pow(double(grid[i]) - 0.3, 2) + std::pow(double(grid[i + 1]), 2)) / (2 * 0.01));
  EXPECT_NEAR(log_integral(gaussian), 1000 + std::log(2 * M_PI * 0.01), 1e-3);
  const Image image = plot_density(gaussian);
  const auto [row, column] = pixel(0.3, 0);
  EXPECT_LT(lightness(image, row, column + 4), lightness(image, row, pixel(-0.3, 0).second));
  // A density shifted by a constant is the same.
  std::vector<double> shifted = gaussian;
  for (double &value : shifted) value -= 1000;
  EXPECT_EQ(plot_density(shifted).pixels, image.pixels);
  EXPECT_THROW(plot_density({1, 2, 3}), std::invalid_argument);
}

// Many points of a density look, on the whole, like it.
TEST(PointPlot, points_and_their_density_have_the_same_colours) {
  const Image drawn = plot_points(draw_points("checkerboard", 0, 200000, 1));
  std::vector<double> density;
  const std::vector<real> grid = plot_grid();
  for (size_t i = 0; i < grid.size(); i += 2)
    density.push_back(std::max(log_density("checkerboard", double(grid[i]), double(grid[i + 1])), -30.));
  const Image exact = plot_density(density);
  for (const auto &[x, y] : {std::pair{-0.75, -0.75}, {-0.25, -0.75}, {0.75, 0.75}, {1.1, 0.}}) {
    const auto [row, column] = pixel(x, y);
    double a = 0, b = 0;
    for (int64_t i = -15; i < 15; ++i)
      for (int64_t j = -15; j < 15; ++j)
        a += lightness(drawn, row + i, column + j) / 900., b += lightness(exact, row + i, column + j) / 900.;
    EXPECT_NEAR(a, b, 12) << x << ' ' << y;
  }
}

// Lines where a slope passes even numbers, and none on a plain.
TEST(PointPlot, contour_lines_are_two_apart) {
  std::vector<double> slope;
  for (int i = 0; i < 192; ++i)
    for (int j = 0; j < 192; ++j) slope.push_back(-0.1 * j);
  const Image image = plot_density(slope);
  int lines = 0;
  for (int64_t column = 150; column < 350; ++column)  // where the density is almost nothing
    lines += lightness(image, 100, column) < lightness(image, 100, column - 1) - 20 &&
             lightness(image, 100, column) <= lightness(image, 100, column + 1);
  EXPECT_NEAR(lines, 5, 1);  // 0.05 a pixel
  const Image plain = plot_density(std::vector<double>(192 * 192, 3));
  std::set<int> seen;
  for (int64_t column = 0; column < 384; ++column) seen.insert(lightness(plain, 7, column));
  EXPECT_EQ(seen.size(), 1u);
}

TEST(PointPlot, points_have_two_channels_at_one_place) {
  EXPECT_TRUE(are_points({9, 1, 1, 1, 2}));
  for (const Shape &shape : {Shape{9, 1, 1, 1, 1}, Shape{9, 1, 1, 1, 3}, Shape{9, 1, 2, 1, 2}, Shape{1, 2, 1, 1, 2}})
    EXPECT_FALSE(are_points(shape));
}

}  // namespace
}  // namespace coopnets
