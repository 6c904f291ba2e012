#include "rivals/dynamic_texture.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "rivals/dynamic_texture_parts.h"
#include "tensor/random.h"

namespace coopnets {

std::vector<double> remove_temporal_mean(Matrix &rows) {
  if (rows.rows == 0) throw std::invalid_argument("a model of a dynamic texture needs at least one frame");
  std::vector<double> mean(rows.cols);
  for (int64_t t = 0; t < rows.rows; ++t)
    for (int64_t i = 0; i < rows.cols; ++i) mean[i] += rows(t, i);
  for (double &m : mean) m /= double(rows.rows);
  for (int64_t t = 0; t < rows.rows; ++t)
    for (int64_t i = 0; i < rows.cols; ++i) rows(t, i) -= mean[i];
  return mean;
}

void require_protocol(Protocol protocol, int64_t frames, int64_t training_frames) {
  if (frames < 1) throw std::invalid_argument("at least one frame must be synthesised");
  if ((protocol == Protocol::one_step || protocol == Protocol::projection) && frames > training_frames)
    throw std::invalid_argument("one-step prediction and projection give at most the " +
                                std::to_string(training_frames) + " frames of the training clip, not " +
                                std::to_string(frames));
}

void standard_normals(uint64_t seed, int64_t step, double *out, int64_t count) {
  for (int64_t block = 0; 4 * block < count; ++block) {
    float four[4];
    normals(random_block({seed, Purpose::evaluation}, uint64_t(step), 0, uint64_t(block)), four);
    for (int64_t i = 0; i < std::min<int64_t>(4, count - 4 * block); ++i) out[4 * block + i] = four[i];
  }
}

MeanFrame::MeanFrame(const Frames &clip) : mean_(1, clip.height, clip.width, clip.channels) {
  Matrix rows(clip.count, clip.frame_size(), clip.pixels);
  mean_.pixels = remove_temporal_mean(rows);
}

Frames MeanFrame::synthesise(Protocol, int64_t frames, uint64_t) const {
  Frames result(frames, mean_.height, mean_.width, mean_.channels);
  for (int64_t t = 0; t < frames; ++t) std::copy(mean_.pixels.begin(), mean_.pixels.end(), result.frame(t));
  return result;
}

LinearDynamics::LinearDynamics(Matrix x, int64_t noise_dimensions) : states(std::move(x)) {
  const int64_t n = states.cols, pairs = states.rows - 1;
  transition = Matrix(n, n);
  noise = Matrix(n, 0);
  if (pairs < 1 || n == 0) return;
  const Matrix before(pairs, n, {states.values.begin(), states.values.end() - n});
  Matrix after(pairs, n, {states.values.begin() + n, states.values.end()});
  const Matrix transposed = least_squares(before, after);  // before A^T = after
  const Matrix predicted = multiply(before, transposed);
  for (size_t i = 0; i < after.values.size(); ++i) after.values[i] -= predicted.values[i];
  const Svd residual = svd(after);  // rows v_t: its right vectors are the U of the columns v_t
  noise = Matrix(n, std::min<int64_t>(noise_dimensions, int64_t(residual.values.size())));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < noise.cols; ++k)
      noise(i, k) = residual.right(k, i) * residual.values[k] / std::sqrt(double(pairs));
  transition = relocate_poles(transpose(transposed));
}

Matrix LinearDynamics::synthesise(Protocol protocol, int64_t count, uint64_t seed) const {
  require_protocol(protocol, count, states.rows);
  const int64_t n = states.cols;
  Matrix x(count, n);
  std::vector<double> normal(noise.cols);
  for (int64_t t = 0; t < count; ++t) {
    if (t == 0 || protocol == Protocol::projection) {
      std::copy_n(states.row(t), n, x.row(t));
      continue;
    }
    const double *last = protocol == Protocol::one_step ? states.row(t - 1) : x.row(t - 1);
    for (int64_t i = 0; i < n; ++i) x(t, i) = dot(transition.row(i), last, n);
    if (protocol != Protocol::stochastic) continue;
    standard_normals(seed, t, normal.data(), noise.cols);
    for (int64_t i = 0; i < n; ++i) x(t, i) += dot(noise.row(i), normal.data(), noise.cols);
  }
  return x;
}

LinearTexture::LinearTexture(const Frames &clip, LinearDynamics dynamics, Matrix basis, std::vector<double> mean)
    : height_(clip.height),
      width_(clip.width),
      channels_(clip.channels),
      dynamics_(std::move(dynamics)),
      basis_(std::move(basis)),
      mean_(std::move(mean)) {}

Frames LinearTexture::synthesise(Protocol protocol, int64_t frames, uint64_t seed) const {
  Matrix y = multiply(dynamics_.synthesise(protocol, frames, seed), basis_);
  for (int64_t t = 0; t < frames; ++t)
    for (int64_t i = 0; i < y.cols; ++i) y(t, i) += mean_[i];
  return Frames(frames, height_, width_, channels_, std::move(y.values));
}

}  // namespace coopnets
