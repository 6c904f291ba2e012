#include <algorithm>

#include "rivals/dynamic_texture_parts.h"

namespace coopnets {

LinearFit fit_linear(Matrix rows, const LdsOptions &options) {
  LinearFit fit;
  fit.mean = remove_temporal_mean(rows);
  const Svd s = svd_by_gram(rows);  // rows^T = sum_i values[i] right_i left_i^T
  int64_t n = 0;
  while (n < std::min<int64_t>(options.states, int64_t(s.values.size())) &&
         s.values[n] >= options.singular_value_floor * s.values[0])
    ++n;
  Matrix states(rows.rows, n);
  for (int64_t t = 0; t < rows.rows; ++t)
    for (int64_t i = 0; i < n; ++i) states(t, i) = s.values[i] * s.left(i, t);
  fit.basis = Matrix(n, rows.cols, {s.right.values.begin(), s.right.values.begin() + n * rows.cols});
  fit.dynamics = LinearDynamics(std::move(states), options.noise_dimensions);
  return fit;
}

LinearTexture fit_lds(const Frames &clip, const LdsOptions &options) {
  LinearFit fit = fit_linear(Matrix(clip.count, clip.frame_size(), clip.pixels), options);
  return LinearTexture(clip, std::move(fit.dynamics), std::move(fit.basis), std::move(fit.mean));
}

}  // namespace coopnets
