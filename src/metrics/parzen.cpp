#include "metrics/parzen.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "tensor/parallel.h"

namespace coopnets {

Matrix parzen_log_likelihoods(const Samples &samples, const Samples &points, const std::vector<double> &sigmas,
                              const std::function<void(int64_t points)> &watch) {
  for (double sigma : sigmas)
    if (!(sigma > 0)) throw std::invalid_argument("the bandwidth of a Parzen window must be positive");
  const int64_t m = samples.count;
  Matrix result(int64_t(sigmas.size()), points.count);
  visit_squared_distances(points, samples, [&](int64_t first, const Matrix &tile) {
    parallel_for(tile.rows, [&](int64_t i) {
      const double *distance = tile.row(i);
      const double nearest = *std::min_element(distance, distance + m);
      for (size_t k = 0; k < sigmas.size(); ++k) {
        const double scale = -0.5 / (sigmas[k] * sigmas[k]);
        double sum = 0;
        for (int64_t j = 0; j < m; ++j) sum += std::exp(scale * (distance[j] - nearest));
        result(int64_t(k), first + i) = scale * nearest + std::log(sum / double(m)) -
                                        double(points.dimension) * std::log(sigmas[k] * std::sqrt(2 * M_PI));
      }
    });
    if (watch) watch(first + tile.rows);
  });
  return result;
}

std::vector<double> parzen_bandwidths() {
  std::vector<double> sigmas;
  for (int i = 0; i < 10; ++i) sigmas.push_back(std::pow(10.0, -1 + i / 9.0));
  return sigmas;
}

ParzenScore parzen_score(const Samples &samples, const Samples &validation, const Samples &test,
                         const std::function<void(int64_t points)> &watch) {
  const std::vector<double> sigmas = parzen_bandwidths();
  const Matrix trial = parzen_log_likelihoods(samples, validation, sigmas, watch);
  const auto mean_of = [](const Matrix &m, int64_t row) {
    double sum = 0;
    for (int64_t i = 0; i < m.cols; ++i) sum += m(row, i);
    return sum / double(m.cols);
  };
  int64_t best = 0;
  for (int64_t k = 1; k < trial.rows; ++k)
    if (mean_of(trial, k) > mean_of(trial, best)) best = k;
  const Matrix scores = parzen_log_likelihoods(samples, test, {sigmas[best]}, [&](int64_t points) {
    if (watch) watch(validation.count + points);
  });
  const double mean = mean_of(scores, 0);
  double squares = 0;
  for (double score : scores.values) squares += (score - mean) * (score - mean);
  return {sigmas[best], mean, std::sqrt(squares) / double(test.count)};
}

Samples parzen_samples(Samples samples, ParzenRange range) {
  float low = 1, high = -1;
  for (float &x : samples.values) {
    x = std::clamp(x, -1.f, 1.f);
    low = std::min(low, x), high = std::max(high, x);
  }
  if (range == ParzenRange::clean) low = -1, high = 1;
  if (!(high > low)) throw std::invalid_argument("samples that all have one value cannot be stretched to [0, 1]");
  for (float &x : samples.values) x = (x - low) / (high - low);
  return samples;
}

}  // namespace coopnets
