#include "metrics/ssim.h"

#include <array>
#include <cmath>
#include <stdexcept>

#include "tensor/parallel.h"

namespace coopnets {
namespace {

constexpr int window = 11;
using Plane = std::vector<double>;

std::array<double, window> gaussian() {
  std::array<double, window> weights;
  double sum = 0;
  for (int i = 0; i < window; ++i) sum += weights[i] = std::exp(-(i - window / 2) * (i - window / 2) / (2 * 1.5 * 1.5));
  for (double &w : weights) w /= sum;
  return weights;
}

// x [height, width] -> its Gaussian means [height - 10, width - 10]: columns, then rows.
Plane blur(const Plane &x, int64_t height, int64_t width) {
  static const std::array<double, window> weights = gaussian();
  const int64_t out_height = height - window + 1, out_width = width - window + 1;
  Plane down(out_height * width), out(out_height * out_width);
  for (int64_t i = 0; i < out_height; ++i)
    for (int k = 0; k < window; ++k)
      for (int64_t j = 0; j < width; ++j) down[i * width + j] += weights[k] * x[(i + k) * width + j];
  for (int64_t i = 0; i < out_height; ++i)
    for (int k = 0; k < window; ++k)
      for (int64_t j = 0; j < out_width; ++j) out[i * out_width + j] += weights[k] * down[i * width + j + k];
  return out;
}

Plane product(const Plane &x, const Plane &y) {
  Plane xy(x.size());
  for (size_t i = 0; i < x.size(); ++i) xy[i] = x[i] * y[i];
  return xy;
}

// The planes that SSIM is computed of: one grey plane a frame, or one a channel.
std::vector<Plane> planes_of(const Frames &f, int64_t t, SsimColour colour) {
  const int64_t positions = f.height * f.width, c = f.channels;
  const double *pixels = f.frame(t);
  std::vector<Plane> planes(colour == SsimColour::grey ? 1 : c, Plane(positions));
  for (int64_t i = 0; i < positions; ++i) {
    const double *p = pixels + i * c;
    if (colour == SsimColour::channel_mean) {
      for (int64_t k = 0; k < c; ++k) planes[k][i] = p[k];
    } else if (c == 3) {
      planes[0][i] = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
    } else {
      for (int64_t k = 0; k < c; ++k) planes[0][i] += p[k] / double(c);
    }
  }
  return planes;
}

// A plane with what SSIM needs of it alone.
struct BlurredPlane {
  Plane x, mean, variance;
};

std::vector<BlurredPlane> blurred_planes(const Frames &f, int64_t t, SsimColour colour) {
  std::vector<BlurredPlane> planes;
  for (Plane &x : planes_of(f, t, colour)) {
    BlurredPlane p{{}, blur(x, f.height, f.width), blur(product(x, x), f.height, f.width)};
    for (size_t i = 0; i < p.mean.size(); ++i) p.variance[i] -= p.mean[i] * p.mean[i];
    p.x = std::move(x);
    planes.push_back(std::move(p));
  }
  return planes;
}

double ssim_of_planes(const BlurredPlane &x, const BlurredPlane &y, int64_t height, int64_t width, double peak) {
  const Plane xy = blur(product(x.x, y.x), height, width);
  const double c1 = 0.01 * 0.01 * peak * peak, c2 = 0.03 * 0.03 * peak * peak;
  double sum = 0;
  for (size_t i = 0; i < xy.size(); ++i) {
    const double mx = x.mean[i], my = y.mean[i], covariance = xy[i] - mx * my;
    sum +=
        (2 * mx * my + c1) * (2 * covariance + c2) / ((mx * mx + my * my + c1) * (x.variance[i] + y.variance[i] + c2));
  }
  return sum / double(xy.size());
}

void require_window(const Frames &f) {
  if (f.height < window || f.width < window)
    throw std::invalid_argument("SSIM needs pictures of at least 11 x 11 pixels, not " + std::to_string(f.height) +
                                " x " + std::to_string(f.width));
}

double ssim_of_pair(const std::vector<BlurredPlane> &x, const std::vector<BlurredPlane> &y, int64_t height,
                    int64_t width, double peak) {
  double sum = 0;
  for (size_t k = 0; k < x.size(); ++k) sum += ssim_of_planes(x[k], y[k], height, width, peak);
  return sum / double(x.size());
}

}  // namespace

std::vector<double> ssim_of_frames(const Frames &a, const Frames &b, SsimColour colour, double peak) {
  require_same_size(a, b);
  require_window(a);
  std::vector<double> result(a.count);
  parallel_for(a.count, [&](int64_t t) {
    result[t] = ssim_of_pair(blurred_planes(a, t, colour), blurred_planes(b, t, colour), a.height, a.width, peak);
  });
  return result;
}

double ssim(const Frames &a, const Frames &b, SsimColour colour, double peak) {
  double sum = 0;
  for (double value : ssim_of_frames(a, b, colour, peak)) sum += value;
  return sum / double(a.count);
}

double mean_pairwise_ssim(const Frames &f, SsimColour colour, double peak) {
  require_window(f);
  if (f.count < 2) throw std::invalid_argument("the average SSIM of pairs needs at least two pictures");
  std::vector<std::vector<BlurredPlane>> pictures(f.count);
  parallel_for(f.count, [&](int64_t t) { pictures[t] = blurred_planes(f, t, colour); });
  std::vector<double> of_first(f.count);
  parallel_for(f.count, [&](int64_t s) {
    for (int64_t t = s + 1; t < f.count; ++t)
      of_first[s] += ssim_of_pair(pictures[s], pictures[t], f.height, f.width, peak);
  });
  double sum = 0;
  for (double value : of_first) sum += value;
  return sum / (double(f.count) * double(f.count - 1) / 2);
}

}  // namespace coopnets
