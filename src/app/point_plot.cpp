#include "app/point_plot.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace coopnets {

namespace {

constexpr int64_t side = 384, cells = 192;  // pixels; cells of a density
constexpr double reach = 1.2;
constexpr double pixel = 2 * reach / side, cell = 2 * reach / cells;
constexpr double dot = 2.2;          // deviation of a point's dot, in pixels
constexpr double between_lines = 2;  // of the logarithm

using Colour = std::array<double, 3>;

// OKLab (Ottosson 2020), in which equal steps look equally large, to sRGB bytes.
Colour from_oklab(double lightness, double a, double b) {
  const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3),
               m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3),
               s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
  const auto byte = [](double linear) {
    const double light = std::clamp(linear, 0., 1.);
    return 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055);
  };
  return {byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          byte(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

// From almost white over yellow and green to dark blue; half way is where the density is 1/2, that of the checkerboard.
Colour colour_of(double density) {
  const double v = 1 - std::exp2(-2 * density), hue = (100 + 180 * v) * M_PI / 180;
  const double chroma = 0.13 * std::min(4 * v, 1.);
  return from_oklab(0.985 - 0.7 * v, chroma * std::cos(hue), chroma * std::sin(hue));
}

void paint(Image &image, int64_t row, int64_t column, const Colour &colour) {
  for (int c = 0; c < 3; ++c) image.at(row, column)[c] = uint8_t(std::lround(colour[size_t(c)]));
}

// Adds a dot of total weight `weight` around (x, y), in pixels from the left and from the top.
void add_dot(std::vector<double> &density, double x, double y, double weight) {
  constexpr double far = 4 * dot;
  const auto limits = [](double at) {
    return std::make_pair(std::max<int64_t>(int64_t(std::ceil(at - far)), 0),
                          std::min<int64_t>(int64_t(std::floor(at + far)), side - 1));
  };
  if (!(std::abs(x) < 2 * side && std::abs(y) < 2 * side)) return;
  const auto [top, bottom] = limits(y);
  const auto [left, right] = limits(x);
  for (int64_t row = top; row <= bottom; ++row)
    for (int64_t column = left; column <= right; ++column) {
      const double squared = (double(column) - x) * (double(column) - x) + (double(row) - y) * (double(row) - y);
      density[size_t(row * side + column)] += weight / (2 * M_PI * dot * dot) * std::exp(-squared / (2 * dot * dot));
    }
}

// Between the four cells around a pixel's middle.
double between(const std::vector<double> &grid, int64_t row, int64_t column) {
  const auto place = [](int64_t at) { return std::clamp((double(at) + 0.5) * cells / side - 0.5, 0., cells - 1.001); };
  const double u = place(row), v = place(column);
  const int64_t i = int64_t(u), j = int64_t(v);
  const double du = u - double(i), dv = v - double(j);
  const double *at = grid.data() + i * cells + j;
  return (1 - du) * ((1 - dv) * at[0] + dv * at[1]) + du * ((1 - dv) * at[cells] + dv * at[cells + 1]);
}

}  // namespace

bool are_points(const Shape &shape) { return shape.t == 1 && shape.h == 1 && shape.w == 1 && shape.c == 2; }

Image plot_points(const std::vector<real> &points) {
  std::vector<double> density(size_t(side * side));
  const double weight = 2 / double(points.size()) / (pixel * pixel);
  for (size_t i = 0; i + 1 < points.size(); i += 2)
    add_dot(density, (double(points[i]) + reach) / pixel - 0.5, (reach - double(points[i + 1])) / pixel - 0.5, weight);
  Image image(side, side, 3);
  for (int64_t row = 0; row < side; ++row)
    for (int64_t column = 0; column < side; ++column)
      paint(image, row, column, colour_of(density[size_t(row * side + column)]));
  return image;
}

std::vector<real> plot_grid() {
  std::vector<real> points;
  for (int64_t i = 0; i < cells; ++i)
    for (int64_t j = 0; j < cells; ++j)
      points.insert(points.end(), {real((double(j) + 0.5) * cell - reach), real(reach - (double(i) + 0.5) * cell)});
  return points;
}

double log_integral(const std::vector<double> &log_density) {
  const double most = *std::max_element(log_density.begin(), log_density.end());
  double sum = 0;
  for (const double l : log_density) sum += std::exp(l - most) * cell * cell;
  return most + std::log(sum);
}

Image plot_density(const std::vector<double> &log_density) {
  require(log_density.size() == size_t(cells * cells), "a density is drawn from the values of its grid");
  const double constant = log_integral(log_density);
  const auto height = [&](int64_t row, int64_t column) { return between(log_density, row, column) - constant; };
  Image image(side, side, 3);
  for (int64_t row = 0; row < side; ++row)
    for (int64_t column = 0; column < side; ++column) {
      const double here = height(row, column), density = std::exp(here);
      // How far the next line is, in pixels: none on a plain, and where they are dense they fade.
      const double rise = height(row + 1, column) - height(row - 1, column),
                   run = height(row, column + 1) - height(row, column - 1);
      const double slope = std::max(std::hypot(rise, run) / (2 * between_lines), 1e-9);
      const double off = std::abs(here / between_lines - std::round(here / between_lines)) / slope;
      const double line = slope < 1e-6 ? 0 : std::clamp(1.1 - off, 0., 1.) * std::min(1., 0.15 / slope);
      Colour colour = colour_of(density);
      const double ink = density > 0.5 ? 255 : 40;
      for (double &c : colour) c += 0.4 * line * (ink - c);
      paint(image, row, column, colour);
    }
  return image;
}

}  // namespace coopnets
