// Multi-kernel Gaussian process dynamic model (Zhu et al., Signal Processing 2016; kernels.h).
//
// Frames y_t [D] (temporal mean removed) and latent states x_t [Q], t = 1 .. N, are two Gaussian processes:
//   y = f(x) + noise,        K_Y = t2 exp(-t1 |x - x'|^2 / 2) + delta / t3
//   x_{t+1} = h(x_t) + noise, K_X = sum_i w_i k_i(x, x') + delta / beta  on x_1 .. x_{N-1}
// Learning lowers the negative log-posterior over X and the parameters t, theta, beta > 0 with priors 1/t, 1/theta,
// 1/beta:
//   L = D/2 ln|K_Y| + tr(K_Y^-1 Y Y^T)/2 + Q/2 ln|K_X| + tr(K_X^-1 X_out X_out^T)/2 + |x_1|^2/2 + sum ln(parameters).
#pragma once
#include "rivals/dynamic_texture.h"
#include "rivals/kernels.h"

namespace coopnets {

struct MkgpdmState {
  Matrix latent;                  // X [N, Q]
  std::array<double, 3> mapping;  // t1, t2, t3
  KernelParameters kernels;       // theta
  double precision;               // beta
  KernelWeights weights;          // w, on the simplex
};

// L and its gradient by X, ln t, ln theta, ln beta (in this order, packed), weights held fixed. L is infinite where a
// matrix is not positive definite. Y enters through Y Y^T [N, N] and D alone.
std::vector<double> packed(const MkgpdmState &);
void unpack(const std::vector<double> &values, MkgpdmState &);  // parameters are held within [1e-6, 1e6]
double mkgpdm_objective(const MkgpdmState &, const Matrix &yyt, int64_t pixels, std::vector<double> *gradient);

// Q/2 ln|K_X| + tr(K_X^-1 X_out X_out^T)/2 + |w| and its gradient by w: the second of the two alternating steps.
double mkgpdm_weight_objective(const MkgpdmState &, std::vector<double> *gradient);

// Negative weights become 0 and the sum 1. When all but one are gone the weights are drawn afresh, as published.
void project(KernelWeights &, uint64_t seed, int round);

struct MkgpdmOptions {
  int64_t latent = 20;  // Q, at most
  int rounds = 25;      // of `steps` steps on X and the parameters, then `steps` on the weights
  int steps = 20;
  uint64_t seed = 0;  // of the kernels' first parameters
};

class Mkgpdm : public DynamicTexture {
 public:
  // Throws std::invalid_argument for fewer than three frames.
  explicit Mkgpdm(const Frames &clip, const MkgpdmOptions &options = {});
  // Mean prediction x_{t+1} = X_out^T K_X^-1 k_X(x_t), frames k_Y(x)^T K_Y^-1 Y; `stochastic` adds the prediction's own
  // variance.
  Frames synthesise(Protocol protocol, int64_t frames, uint64_t seed) const override;
  const MkgpdmState &state() const { return state_; }
  double first_objective() const { return first_objective_; }
  double last_objective() const { return last_objective_; }

 private:
  void learn(const Matrix &yyt, int64_t pixels, const MkgpdmOptions &options);
  int64_t height_, width_, channels_;
  std::vector<double> mean_;
  MkgpdmState state_;
  double first_objective_, last_objective_;
  Matrix frame_weights_;     // K_Y^-1 Y [N, D]
  Matrix dynamics_inverse_;  // K_X^-1 [N-1, N-1]
  Matrix dynamics_weights_;  // K_X^-1 X_out [N-1, Q]
};

}  // namespace coopnets
