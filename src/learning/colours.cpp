#include "learning/colours.h"

#include <cmath>
#include <stdexcept>

namespace coopnets {

namespace {

// Row-major matrices of a few rows.
using Matrix = std::vector<double>;

Matrix identity(size_t n) {
  Matrix m(n * n, 0);
  for (size_t i = 0; i < n; ++i) m[i * n + i] = 1;
  return m;
}

// L of a = L L'.
Matrix cholesky(const Matrix &a, size_t n) {
  Matrix l(n * n, 0);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i == j ? std::sqrt(sum) : sum / l[j * n + j];
    }
  return l;
}

Matrix inverse_of_lower(const Matrix &l, size_t n) {
  Matrix inverse = identity(n);
  for (size_t column = 0; column < n; ++column)
    for (size_t i = 0; i < n; ++i) {
      for (size_t k = 0; k < i; ++k) inverse[i * n + column] -= l[i * n + k] * inverse[k * n + column];
      inverse[i * n + column] /= l[i * n + i];
    }
  return inverse;
}

}  // namespace

Colours::Colours(Backend &backend, int64_t channels)
    : to_net_{{backend, filter_shape({}, channels, channels)}, {backend, {1, 1, 1, 1, channels}}},
      to_data_{{backend, filter_shape({}, channels, channels)}, {backend, {1, 1, 1, 1, channels}}} {
  for (Linear *each : {&to_net_, &to_data_})
    each->set(identity(size_t(channels)), std::vector<double>(size_t(channels), 0));
}

void Colours::learn(const std::vector<real> &examples) {
  constexpr double share_of_ridge = 0.01;
  const size_t n = size_t(to_net_.offset.shape().c), count = examples.size() / n;
  if (count == 0) throw std::invalid_argument("the colours of no examples at all are not known");
  std::vector<double> mean(n, 0);
  for (size_t p = 0; p < count * n; ++p) mean[p % n] += double(examples[p]) / double(count);
  Matrix covariance(n * n, 0);
  for (size_t p = 0; p < count; ++p)
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j)
        covariance[i * n + j] +=
            (double(examples[p * n + i]) - mean[i]) * (double(examples[p * n + j]) - mean[j]) / double(count);
  double variance = 0;
  for (size_t i = 0; i < n; ++i) variance += covariance[i * n + i] / double(n);
  if (variance == 0) variance = 1;  // of one colour: only its mean is taken away
  for (size_t i = 0; i < n; ++i) covariance[i * n + i] += share_of_ridge * variance;
  const Matrix l = cholesky(covariance, n), a = inverse_of_lower(l, n);
  std::vector<double> offset(n, 0);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) offset[i] -= a[i * n + j] * mean[j];
  to_net_.set(a, offset);
  to_data_.set(l, mean);
}

NamedViews Colours::state() {
  return {{"colours.to_net.filter", to_net_.filter},
          {"colours.to_net.offset", to_net_.offset},
          {"colours.to_data.filter", to_data_.filter},
          {"colours.to_data.offset", to_data_.offset}};
}

// A convolution of one position, whose filter holds the matrix transposed.
void Colours::apply(const Linear &change, View x) {
  Backend &backend = change.filter.backend();
  if (before_.size() != x.shape.size()) before_ = Tensor(backend, x.shape);
  const View before{x.shape, before_.data()};
  backend.copy(x, before);
  backend.conv_forward(before, change.filter, {}, {change.offset, {}}, x);
}

void Colours::Linear::set(const std::vector<double> &matrix, const std::vector<double> &of) {
  const size_t n = of.size();
  std::vector<real> transposed(n * n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) transposed[j * n + i] = real(matrix[i * n + j]);
  filter.set_values(transposed);
  offset.set_values({of.begin(), of.end()});
}

}  // namespace coopnets
