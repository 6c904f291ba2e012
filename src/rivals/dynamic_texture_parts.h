// What the rival models of dynamic textures share.
#pragma once
#include "rivals/dynamic_texture.h"

namespace coopnets {

// rows [T, D]: subtracts the mean over T from each row and returns it. Throws std::invalid_argument when T = 0.
std::vector<double> remove_temporal_mean(Matrix &rows);

// Throws std::invalid_argument when the protocol cannot give so many frames.
void require_protocol(Protocol protocol, int64_t frames, int64_t training_frames);

// `count` numbers of N(0, 1) that belong to one step of a roll-out.
void standard_normals(uint64_t seed, int64_t step, double *out, int64_t count);

// LDS of vectors, row t of `rows` [T, D] being y_t: dynamics of the states, basis [n, D] and mean [D].
struct LinearFit {
  LinearDynamics dynamics;
  Matrix basis;
  std::vector<double> mean;
};
LinearFit fit_linear(Matrix rows, const LdsOptions &options);

}  // namespace coopnets
