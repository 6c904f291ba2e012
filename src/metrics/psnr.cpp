#include "metrics/psnr.h"

#include <cmath>

namespace coopnets {

std::vector<double> psnr_of_frames(const Frames &truth, const Frames &other, double peak) {
  require_same_size(truth, other);
  std::vector<double> result(truth.count);
  for (int64_t t = 0; t < truth.count; ++t) {
    double squares = 0;
    for (int64_t i = 0; i < truth.frame_size(); ++i) {
      const double difference = truth.frame(t)[i] - other.frame(t)[i];
      squares += difference * difference;
    }
    result[t] = 10 * std::log10(peak * peak * double(truth.frame_size()) / squares);
  }
  return result;
}

double psnr(const Frames &truth, const Frames &other, double peak) {
  double sum = 0;
  for (double value : psnr_of_frames(truth, other, peak)) sum += value;
  return sum / double(truth.count);
}

}  // namespace coopnets
