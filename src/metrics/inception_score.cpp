#include "metrics/inception_score.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "tensor/parallel.h"

namespace coopnets {
namespace {

std::vector<double> log_softmax(const float *logits, int64_t classes) {
  const double largest = *std::max_element(logits, logits + classes);
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) sum += std::exp(logits[c] - largest);
  std::vector<double> result(classes);
  for (int64_t c = 0; c < classes; ++c) result[c] = logits[c] - largest - std::log(sum);
  return result;
}

double score_of_part(const Samples &logits, int64_t begin, int64_t end) {
  const int64_t classes = logits.dimension;
  const double n = double(end - begin);
  // mean_i KL(p_i || m) = mean_i sum_c p_ic log p_ic - sum_c m_c log m_c
  std::vector<double> marginal(classes);
  double negative_entropy = 0;
  for (int64_t i = begin; i < end; ++i) {
    const std::vector<double> log_p = log_softmax(logits.row(i), classes);
    for (int64_t c = 0; c < classes; ++c) {
      const double p = std::exp(log_p[c]);
      marginal[c] += p / n;
      if (p != 0) negative_entropy += p * log_p[c] / n;
    }
  }
  double divergence = negative_entropy;
  for (double m : marginal)
    if (m != 0) divergence -= m * std::log(m);
  return std::exp(divergence);
}

}  // namespace

MeanAndDeviation mean_and_deviation(const std::vector<double> &values) {
  const double n = double(values.size());
  double mean = 0, squares = 0;
  for (double v : values) mean += v / n;
  for (double v : values) squares += (v - mean) * (v - mean) / n;
  return {mean, std::sqrt(squares)};
}

MeanAndDeviation inception_score(const Samples &logits, int64_t splits) {
  if (splits < 1 || splits > logits.count || logits.dimension < 1)
    throw std::invalid_argument("an inception score of " + std::to_string(logits.count) + " samples cannot have " +
                                std::to_string(splits) + " splits");
  std::vector<double> scores(splits);
  parallel_for(splits, [&](int64_t s) {
    scores[s] = score_of_part(logits, s * logits.count / splits, (s + 1) * logits.count / splits);
  });
  return mean_and_deviation(scores);
}

CategoryScore category_score(const Samples &logits, int64_t category, int64_t top) {
  if (logits.count < 1 || category < 0 || category >= logits.dimension)
    throw std::invalid_argument("there is no category " + std::to_string(category) + " among " +
                                std::to_string(logits.dimension) + ", or there are no samples");
  CategoryScore score{0, logits.dimension > top ? 0.0 : NAN};
  for (int64_t i = 0; i < logits.count; ++i) {
    const float *row = logits.row(i);
    score.probability += std::exp(log_softmax(row, logits.dimension)[category]) / double(logits.count);
    const int64_t better = std::count_if(row, row + logits.dimension, [&](float l) { return l > row[category]; });
    score.top_error += (better >= top ? 1.0 : 0.0) / double(logits.count);
  }
  return score;
}

}  // namespace coopnets
