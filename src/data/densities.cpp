#include "data/densities.h"

#include <array>
#include <cmath>
#include <stdexcept>

#include "tensor/random.h"

namespace coopnets {

namespace {

constexpr double first_radius = 0.35, thickness = 0.04;  // of the rings
constexpr double deviation = 0.055, distance = 0.6;      // of the Gaussians, and of their centres from the origin

using Point = std::array<double, 2>;

// In (0, 1), of so few bits that a field's corner plus half of it is exact: no point lies on a border.
double inside(uint32_t word) { return (double(word >> 12) + 0.5) * 0x1p-20; }

double log_normal(double offset, double deviation) {
  return -offset * offset / (2 * deviation * deviation) - std::log(deviation * std::sqrt(2 * M_PI));
}

// Row 0 is the lowest; its fields 0 and 2 are dark.
Point on_checkerboard(const Words &drawn) {
  const int field = int(drawn.v[0] % 8), row = field / 2, column = 2 * (field % 2) + row % 2;
  return {(column + inside(drawn.v[1])) / 2 - 1, (row + inside(drawn.v[2])) / 2 - 1};
}

double log_checkerboard(double x, double y) {
  const double column = std::floor(2 * (x + 1)), row = std::floor(2 * (y + 1));
  const bool within = column >= 0 && column < 4 && row >= 0 && row < 4;
  return within && (int(column) + int(row)) % 2 == 0 ? std::log(0.5) : -INFINITY;  // the dark fields have area 2
}

// The second ring is twice as long as the first, and has twice as many points.
Point on_ring(const Words &drawn) {
  float n[4], sine, cosine;
  normals(drawn, n);
  sine_cosine(drawn.v[1], sine, cosine);
  const double radius = first_radius * (drawn.v[0] % 3 == 0 ? 1 : 2) + thickness * double(n[2]);
  return {radius * double(cosine), radius * double(sine)};
}

// The radius has density q(r) = sum_k k/3 N(r; k r_1, thickness^2), the point q(r) / (2 pi r).
double log_rings(double x, double y) {
  const double radius = std::max(std::hypot(x, y), 1e-9);
  double sum = 0;
  for (int k = 1; k <= 2; ++k) sum += k / 3. * std::exp(log_normal(radius - first_radius * k, thickness));
  return std::log(sum / (2 * M_PI * radius));
}

Point centre(int k) { return {distance * std::cos(k * M_PI / 4), distance * std::sin(k * M_PI / 4)}; }

Point of_eight(const Words &drawn) {
  float n[4];
  normals(drawn, n);
  const Point c = centre(int(drawn.v[0] % 8));
  return {c[0] + deviation * double(n[2]), c[1] + deviation * double(n[3])};
}

double log_eight(double x, double y) {
  double sum = 0;
  for (int k = 0; k < 8; ++k) {
    const Point c = centre(k);
    sum += std::exp(log_normal(x - c[0], deviation) + log_normal(y - c[1], deviation)) / 8;
  }
  return std::log(sum);
}

struct Density {
  std::string name;
  Point (*draw)(const Words &);
  double (*log)(double x, double y);
};

const std::vector<Density> &densities() {
  static const std::vector<Density> all = {{"checkerboard", on_checkerboard, log_checkerboard},
                                           {"rings", on_ring, log_rings},
                                           {"eight-gaussians", of_eight, log_eight}};
  return all;
}

const Density &find_density(const std::string &name) {
  for (const Density &density : densities())
    if (density.name == name) return density;
  throw std::invalid_argument("there is no density '" + name + "'");
}

}  // namespace

const std::vector<std::string> &density_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Density &density : densities()) all.push_back(density.name);
    return all;
  }();
  return names;
}

std::vector<real> draw_points(const std::string &name, int64_t first, int64_t count, uint64_t seed) {
  const Density &density = find_density(name);
  if (first < 0 || count < 0) throw std::invalid_argument("points are counted from 0");
  std::vector<real> points;
  points.reserve(size_t(2 * count));
  for (int64_t i = first; i < first + count; ++i)
    for (const double x : density.draw(random_block({seed, Purpose::points}, 0, 0, uint64_t(i))))
      points.push_back(real(x));
  return points;
}

double log_density(const std::string &name, double x, double y) { return find_density(name).log(x, y); }

}  // namespace coopnets
