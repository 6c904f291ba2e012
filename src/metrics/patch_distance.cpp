#include "metrics/patch_distance.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "data/order.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace coopnets {

namespace {

constexpr int64_t side = 7, directions = 128, scales = 3, most_patches = 6000;

struct Picture {
  int64_t height, width, channels;
  std::vector<float> pixels;
  const float *at(int64_t y, int64_t x) const { return pixels.data() + (y * width + x) * channels; }
};

Picture halved(const Picture &p) {
  Picture half{p.height / 2, p.width / 2, p.channels, {}};
  for (int64_t y = 0; y < half.height; ++y)
    for (int64_t x = 0; x < half.width; ++x)
      for (int64_t c = 0; c < p.channels; ++c)
        half.pixels.push_back((p.at(2 * y, 2 * x)[c] + p.at(2 * y, 2 * x + 1)[c] + p.at(2 * y + 1, 2 * x)[c] +
                               p.at(2 * y + 1, 2 * x + 1)[c]) /
                              4);
  return half;
}

// [count, side * side * channels]
std::vector<float> patches(const Picture &p, uint64_t seed) {
  const int64_t across = p.width - side + 1, all = (p.height - side + 1) * across;
  const std::vector<int64_t> drawn = epoch_order(all, seed, 0);
  std::vector<float> rows;
  for (int64_t k = 0; k < std::min(all, most_patches); ++k) {
    const int64_t top = drawn[size_t(k)] / across, left = drawn[size_t(k)] % across;
    for (int64_t y = top; y < top + side; ++y)
      rows.insert(rows.end(), p.at(y, left), p.at(y, left) + side * p.channels);
  }
  return rows;
}

// The lengths of `count` patches along a direction, in ascending order.
std::vector<float> projected(const std::vector<float> &rows, int64_t count, const std::vector<float> &direction) {
  std::vector<float> lengths(static_cast<size_t>(count));
  for (int64_t k = 0; k < count; ++k) {
    const float *row = rows.data() + k * int64_t(direction.size());
    float sum = 0;
    for (size_t i = 0; i < direction.size(); ++i) sum += row[i] * direction[i];
    lengths[size_t(k)] = sum;
  }
  std::sort(lengths.begin(), lengths.end());
  return lengths;
}

// Mean over directions of the Wasserstein-1 distance of the projections, which is the mean difference of order
// statistics.
double sliced_distance(const Picture &a, const Picture &b, uint64_t seed) {
  const std::vector<float> u = patches(a, seed), v = patches(b, seed + 1);
  const int64_t dimension = side * side * a.channels, count = int64_t(std::min(u.size(), v.size())) / dimension;
  std::vector<double> distances(directions);
  parallel_for(directions, [&](int64_t d) {
    std::vector<float> direction(static_cast<size_t>(dimension));
    double squares = 0;
    for (size_t i = 0; i < direction.size(); ++i) {
      float n[4];
      normals(random_block({seed, Purpose::sample}, static_cast<uint64_t>(d), 0, i / 4), n);
      direction[i] = n[i % 4];
      squares += double(direction[i]) * direction[i];
    }
    for (float &x : direction) x = float(x / std::sqrt(squares));
    const std::vector<float> from = projected(u, count, direction), to = projected(v, count, direction);
    for (int64_t k = 0; k < count; ++k)
      distances[size_t(d)] += std::abs(double(from[size_t(k)]) - to[size_t(k)]) / double(count);
  });
  double sum = 0;
  for (const double one : distances) sum += one / directions;
  return sum;
}

double distance(Picture a, Picture b, uint64_t seed) {
  double sum = 0;
  for (int64_t scale = 0; scale < scales; ++scale) {
    sum += sliced_distance(a, b, seed) / scales;
    a = halved(a), b = halved(b);
  }
  return sum;
}

Picture picture(const Image &image) {
  return {image.height, image.width, image.channels, {image.pixels.begin(), image.pixels.end()}};
}

}  // namespace

double patch_distance(const Image &observed, const Image &synthesised, uint64_t seed) {
  constexpr int64_t least = side << (scales - 1);
  if (std::min({observed.height, observed.width, synthesised.height, synthesised.width}) < least)
    throw std::invalid_argument("the patch distance needs pictures of " + std::to_string(least) + " pixels or more");
  if (observed.channels != synthesised.channels)
    throw std::invalid_argument("the patch distance needs pictures of equal channels");
  const Picture seen = picture(observed);
  Picture flat = seen;
  for (int64_t c = 0; c < flat.channels; ++c) {
    double sum = 0;
    for (size_t i = size_t(c); i < flat.pixels.size(); i += size_t(flat.channels)) sum += seen.pixels[i];
    for (size_t i = size_t(c); i < flat.pixels.size(); i += size_t(flat.channels))
      flat.pixels[i] = float(sum / double(flat.height * flat.width));
  }
  const double nothing = distance(seen, flat, seed);
  if (std::equal(seen.pixels.begin() + seen.channels, seen.pixels.end(), seen.pixels.begin()))
    throw std::invalid_argument("the observed picture is of one colour: there is no texture to compare with");
  return distance(seen, picture(synthesised), seed) / nothing;
}

}  // namespace coopnets
