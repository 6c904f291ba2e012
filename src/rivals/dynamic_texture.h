// The rival models of dynamic textures (Table 5 of the paper): fitted to one clip, they synthesise frames.
#pragma once
#include "metrics/frames.h"
#include "metrics/linear_algebra.h"

namespace coopnets {

// How frames are made from a fitted model; x_1 .. x_T are the states of the training clip. Rivals are compared with the
// training clip frame by frame, and the page does not say by which of these.
enum class Protocol {
  roll_out,    // x_1, then each state predicted from the state before, without noise
  one_step,    // frame 1 from x_1, frame t predicted from the true state t - 1 (Costantini et al. 2008, eq. 9, 10)
  stochastic,  // roll-out with the model's own noise: how new videos are made
  projection,  // frame t from the true state t: what the model can represent at best
};

class DynamicTexture {
 public:
  virtual ~DynamicTexture() = default;
  // Frames of the training clip's size, not clipped. one_step and projection have the training clip's length at most
  // (std::invalid_argument). The seed matters to `stochastic` alone.
  virtual Frames synthesise(Protocol protocol, int64_t frames, uint64_t seed) const = 0;
};

// The floor under every comparison: all frames are the temporal mean.
class MeanFrame : public DynamicTexture {
 public:
  explicit MeanFrame(const Frames &clip);
  Frames synthesise(Protocol, int64_t frames, uint64_t) const override;

 private:
  Frames mean_;
};

// x_{t+1} = A x_t + B v_t, v_t ~ N(0, I), with the states that it was fitted to.
struct LinearDynamics {
  Matrix states;      // [T, n], row t is x_t
  Matrix transition;  // A [n, n], poles of modulus above 1 moved to 0.99
  Matrix noise;       // B [n, nv]

  // A = X_{2..T} X_{1..T-1}^+; V = X_{2..T} - A X_{1..T-1} = U S W^T; B = U_nv S_nv / sqrt(T - 1).
  LinearDynamics(Matrix states, int64_t noise_dimensions);
  LinearDynamics() = default;
  Matrix synthesise(Protocol protocol, int64_t count, uint64_t seed) const;  // [count, n]
};

// y_t = mean + sum_i x_ti basis_i: LDS, FFT-LDS and HOSVD differ only in how states and basis are found.
class LinearTexture : public DynamicTexture {
 public:
  LinearTexture(const Frames &clip, LinearDynamics dynamics, Matrix basis, std::vector<double> mean);
  Frames synthesise(Protocol protocol, int64_t frames, uint64_t seed) const override;
  const LinearDynamics &dynamics() const { return dynamics_; }

 private:
  int64_t height_, width_, channels_;
  LinearDynamics dynamics_;
  Matrix basis_;  // [n, height * width * channels]
  std::vector<double> mean_;
};

struct LdsOptions {
  int64_t states = 50;              // n, at most
  int64_t noise_dimensions = 20;    // nv, at most
  double singular_value_floor = 0;  // drop states whose singular value is below this part of the largest
};

// Linear dynamical system (Doretto, Chiuso, Wu, Soatto: Dynamic textures, IJCV 2003): the clip Y, its temporal mean
// removed, is U S V^T; basis U_n, states S_n V_n^T.
LinearTexture fit_lds(const Frames &clip, const LdsOptions &options = {});

struct FftLdsOptions {
  double kept = 0.25;  // real coefficients kept, as a part of the pixels; the paper has 0.15 to 0.3; 1 is LDS exactly
  LdsOptions lds = {50, 20, 0.1};  // the paper keeps the states above a tenth of the largest singular value
};

// LDS of the selected Fourier coefficients of each frame (Abraham, Camps, Sznaier: Dynamic texture with Fourier
// descriptors, 2005). A frequency is selected when its magnitude passes a threshold in any frame (the union over
// frames); of each conjugate pair one is kept, as real and imaginary part. The other coefficients are zero.
LinearTexture fit_fft_lds(const Frames &clip, const FftLdsOptions &options = {});

struct HosvdOptions {
  int64_t rows = 200, columns = 200, states = 40, channels = 3;  // ranks of the four modes, at most
  int64_t noise_dimensions = 26;                                 // two thirds of the states
};

// Higher-order SVD (Costantini, Sbaiz, Suesstrunk: Higher order SVD analysis for dynamic texture synthesis, IEEE TIP
// 2008) of the clip as a tensor, its temporal mean removed; the states are the rows of the temporal mode's matrix.
LinearTexture fit_hosvd(const Frames &clip, const HosvdOptions &options = {});

}  // namespace coopnets
