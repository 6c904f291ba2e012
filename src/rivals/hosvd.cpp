#include <algorithm>

#include "rivals/dynamic_texture_parts.h"
#include "rivals/tensor_modes.h"

namespace coopnets {
namespace {

// The leading left singular vectors of an unfolding, as rows: eigenvectors of its Gram matrix. At most its numerical
// rank, but one where a clip does not move.
Matrix leading_vectors(const Matrix &unfolding, int64_t at_most) {
  const SymmetricEigen eigen = symmetric_eigen(multiply_a_bt(unfolding, unfolding));
  const int64_t n = unfolding.rows;
  int64_t rank = 1;
  while (rank < std::min(at_most, n) && eigen.values[rank] > 1e-14 * double(n) * eigen.values[0]) ++rank;
  return Matrix(rank, n, {eigen.vectors.values.begin(), eigen.vectors.values.begin() + rank * n});
}

}  // namespace

// The clip is core x_time U_t x_row U_r x_column U_c x_channel U_k; frame t has row x_t alone for U_t.
LinearTexture fit_hosvd(const Frames &clip, const HosvdOptions &options) {
  Matrix rows(clip.count, clip.frame_size(), clip.pixels);
  std::vector<double> mean = remove_temporal_mean(rows);
  const ModeTensor y{{clip.count, clip.height, clip.width, clip.channels}, std::move(rows.values)};

  const Mode modes[] = {mode_time, mode_row, mode_column, mode_channel};
  const int64_t ranks[] = {options.states, options.rows, options.columns, options.channels};
  Matrix u[4];  // transposed: rows are singular vectors
  for (Mode mode : modes) u[mode] = leading_vectors(unfold(y, mode), ranks[mode]);

  ModeTensor core = y;
  for (Mode mode : modes) core = mode_product(core, mode, u[mode]);
  ModeTensor basis = core;
  for (Mode mode : {mode_row, mode_column, mode_channel}) basis = mode_product(basis, mode, transpose(u[mode]));

  LinearDynamics dynamics(transpose(u[mode_time]), options.noise_dimensions);
  return LinearTexture(clip, std::move(dynamics), unfold(basis, mode_time), std::move(mean));
}

}  // namespace coopnets
