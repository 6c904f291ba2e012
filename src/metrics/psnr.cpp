#include "metrics/psnr.h"

#include <cmath>

namespace coopnets {

namespace {

constexpr double rounding_error = 1 / (12.0 * 255 * 255);  // of bytes, on a peak of 1

}  // namespace

const double highest_psnr = psnr_of_error(0);

double psnr_of_error(double mean_squared_error, double peak) {
  const double error = mean_squared_error / (peak * peak);
  return -10 * std::log10(error < rounding_error ? rounding_error : error);  // NaN stays
}

std::vector<double> psnr_of_frames(const Frames &truth, const Frames &other, double peak) {
  require_same_size(truth, other);
  std::vector<double> result(truth.count);
  for (int64_t t = 0; t < truth.count; ++t) {
    double squares = 0;
    for (int64_t i = 0; i < truth.frame_size(); ++i) {
      const double difference = truth.frame(t)[i] - other.frame(t)[i];
      squares += difference * difference;
    }
    result[t] = psnr_of_error(squares / double(truth.frame_size()), peak);
  }
  return result;
}

double psnr(const Frames &truth, const Frames &other, double peak) {
  double sum = 0;
  for (double value : psnr_of_frames(truth, other, peak)) sum += value;
  return sum / double(truth.count);
}

}  // namespace coopnets
