// The contract of every numerical kernel. src/cpu and cuda/ implement it, file by file; nothing else computes.
//
// Letters: N batch, T frames, H rows, W columns, C channels of a tensor [N,T,H,W,C]; a filter tensor is
// [kT,kH,kW,Cin,Cout]; P = N*T*H*W positions. All tensors are contiguous `real` in the backend's memory.
// Kernels overwrite their outputs unless they say "+=". Outputs never overlap inputs unless they say "in place".
// Sums are accumulated in double where they leave the device (Readings), and no result depends on the number of
// threads. Shapes that disagree throw std::invalid_argument before anything is computed.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tensor/random.h"
#include "tensor/ranks.h"
#include "tensor/resampling.h"
#include "tensor/shape.h"

namespace coopnets {

// A tensor that somebody else owns.
struct ConstView {
  Shape shape;
  const real *data = nullptr;
  ConstView examples(int64_t first, int64_t count) const {
    return {shape.with_n(count), data + first * shape.example()};
  }
};
struct View {
  Shape shape;
  real *data = nullptr;
  operator ConstView() const { return {shape, data}; }
  View examples(int64_t first, int64_t count) const { return {shape.with_n(count), data + first * shape.example()}; }
};

// Pointwise nonlinearity y = a(v). Each derivative is a function of the output y alone, so v need not be kept:
//   none 1; leaky_relu (y > 0 ? 1 : slope), ReLU being slope 0; tanh 1 - y^2; sigmoid y (1 - y);
//   softplus, y = ln(1 + e^v): 1 - e^-y.
struct Activation {
  enum Kind { none, leaky_relu, tanh, sigmoid, softplus } kind = none;
  real slope = 0;
};

// Pointwise functions y = f(x) whose derivative is one of x.
//   silu               x s(x), s the sigmoid: s (1 + x (1 - s))
//   exponential        e^x, of x held within what float's exponent takes (+-87)
//   log_square         ln(x^2 + 1e-8): 2 x / (x^2 + 1e-8)
//   normal_to_uniform  erf(x / sqrt 2), in [-1, 1], uniform where x is N(0, 1): sqrt(2 / pi) e^(-x^2 / 2)
enum class Function { silu, exponential, log_square, normal_to_uniform };

// a'(v) wherever output = a(v): turns a gradient with respect to what an activation gave into that with respect to what
// it took. 1 where output.data is null.
struct Derivative {
  ConstView output;
  Activation activation;
};

// What a convolution does with each output before it is stored: y = activation(y + bias[c]) derivative. bias.data may be
// null.
struct Epilogue {
  ConstView bias;  // [1,1,1,1,C]
  Activation activation;
  Derivative derivative = {};  // of y's shape
};

// What changes from one learning iteration to the next, kept in the backend's memory so that a recorded sequence of
// kernels can be replayed: set_clock() once an iteration; kernels that draw noise or update parameters read it.
struct Clock {
  int64_t iteration = 0;  // from 0; part of the random numbers' counter; Adam's step is iteration + 1
  double rate = 1;        // multiplies every learning rate (the schedule)
};

// Slots of double in the backend's memory into which reductions write; read() fetches them all.
class Readings;

// x <- x - (d^2/2) ((x - mean)/s^2 - gradient) + n N(0, 1). With n = d and mean 0 this is equation (8) of the PAMI
// paper, whose chain samples p(x); with n = d sqrt(T) it samples p^(1/T), at temperature T. The step's length leaves an
// error of order d^2: for f = 0 the variance settles at (n/d)^2 s^2 / (1 - d^2/(4 s^2)) instead of T s^2. With s
// infinite nothing pulls.
struct LangevinStep {
  real step = 0;                  // d
  real reference_deviation = 1;   // s
  real noise = 0;                 // n, the deviation of the noise of one step; 0 draws none
  RandomKey key;                  // whose noise
  int64_t index = 0;              // which step of the chain within the iteration: part of the counter
  ConstView reference_mean = {};  // of x's shape; data null: 0
};

// Adam with bias correction (Kingma & Ba 2015, algorithm 1): value -= rate * m^ / (sqrt(v^) + epsilon). Beside it
// weights decay by themselves (AdamW, Loshchilov & Hutter 2019): value -= rate * weight_decay * value.
struct AdamRule {
  real beta1 = 0.5, beta2 = 0.999, epsilon = 1e-8;
  real weight_decay = 0;
};
struct AdamUpdate {
  View value;
  ConstView gradient;
  View first_moment, second_moment;
  real rate;
};

// MatConvNet's update with a cap: g = gradient / divisor; if max|g| > cap: g *= cap / max|g|; cap 0 is none;
// velocity = momentum * velocity - weight_decay * value - g;  value += rate * velocity.
struct MomentumUpdate {
  View value;
  ConstView gradient;
  View velocity;
  real rate, divisor, cap, weight_decay;
};

// RMSprop without momentum (Tieleman & Hinton 2012): square = keep square + (1 - keep) gradient^2;
// value -= rate * gradient / (sqrt(square) + epsilon).
struct RmspropUpdate {
  View value;
  ConstView gradient;
  View square;
  real rate;
};

// A running average of a value: average = keep average + (1 - keep) value, with keep no more than t / (t + 1) in
// iteration t, from 0: at first the plain mean of all values so far.
struct AverageUpdate {
  ConstView value;
  View average;
};

// A sequence of kernels that is run again and again: empty at first, then whatever the backend made of it.
struct Recording {
  std::shared_ptr<void> state;
  int64_t passes = 0;  // of one run of them: see Backend::count_passes
};

// How the convolutions multiply; sums are fp32 always, and so is all memory and every other kernel.
//   fp32: exact single precision.  tf32: factors rounded to 10 bits after the point (as PyTorch's convolutions do).
//   bf16: factors rounded to 7 bits.  tf32x3: each factor as the sum of two of tf32, so that a product is off by 2^-21 of
//   itself or so; three products for one.
// All but fp32 use tensor cores, which chips have from compute capability 8.0 on.
enum class Precision { fp32, tf32, bf16, tf32x3 };
const char *name_of(Precision);

struct DeviceInfo {
  bool gpu;
  Precision precision;  // which on an old chip is not what was asked for
  std::string name;     // "cpu, 2 threads, AVX-512"
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual DeviceInfo info() const = 0;

  // --- Memory -----------------------------------------------------------------------------------------------------
  virtual void *allocate(size_t bytes) = 0;  // 64-byte aligned, contents undefined; throws std::runtime_error: wanted,
                                             // free, and what reduces it
  virtual void release(void *memory, size_t bytes) noexcept = 0;
  virtual void upload(const void *host, void *device, size_t bytes) = 0;
  virtual void download(const void *device, void *host, size_t bytes) = 0;
  virtual size_t bytes() const = 0;       // held now, scratch of the kernels included
  virtual size_t peak_bytes() const = 0;  // most ever held

  // --- Time -------------------------------------------------------------------------------------------------------
  virtual void set_clock(const Clock &) = 0;
  // Runs `body`, which must enqueue the same kernels on the same tensors each time; a device may record it into a graph
  // the first time and replay that later.
  void replay(Recording &recording, const std::function<void()> &body) {
    const int64_t before = passes_;
    bool ran = false;
    run_or_replay(recording, [&] {
      body();
      ran = true;
    });
    if (ran)
      recording.passes = passes_ - before;
    else
      passes_ += recording.passes;
  }
  virtual void synchronise() {}

  // --- Ranks: see tensor/ranks.h ----------------------------------------------------------------------------------
  // Those that share the batches; set before anything is learned, and there for as long as that lasts. What is computed
  // beside learning, each rank does by itself: see Alone.
  void set_ranks(Ranks &ranks) { ranks_ = &ranks; }
  Ranks &ranks() const { return *ranks_; }

  // --- Work done --------------------------------------------------------------------------------------------------
  // A network pass is one net that takes one example forwards, or one gradient of it that goes backwards; a layer of a
  // stack that learns layer by layer is a net. What is replayed counts as it did when it ran.
  void count_passes(int64_t examples) { passes_ += examples; }
  int64_t passes() const { return passes_; }

  // --- Fill and copy ----------------------------------------------------------------------------------------------
  virtual void fill(View x, real value) = 0;
  // The outermost `border` rows and columns of each frame become 0; all of them where twice the border covers a side.
  virtual void clear_border(View x, int64_t border) = 0;
  virtual void fill_normal(View x, real mean, real deviation, RandomKey key,
                           int64_t index) = 0;     // counter: clock, index, element of the batch that x is of
  virtual void copy(ConstView from, View to) = 0;  // equal sizes
  // y[i,...] = table[index[i],...], and back: table[index[i],...] = x[i,...], of equal indices the last. index: of y's or
  // x's examples, in the backend's memory, each one of the table's.
  virtual void gather(ConstView table, const int64_t *index, View y) = 0;
  virtual void scatter(ConstView x, const int64_t *index, View table) = 0;
  virtual void add(ConstView a, ConstView b, View y) = 0;                      // y = a + b; y may be a or b
  virtual void difference(real factor, ConstView a, ConstView b, View y) = 0;  // y = factor (a - b); y may be a or b

  // --- Convolution: y[n,o,c] = sum_{k,i} x[n, o*stride - before + k, i] w[k,i,c] ------------------------------------
  // x [N,T,H,W,Cin], w [kT,kH,kW,Cin,Cout], y = window.out(x, Cout).
  virtual void conv_forward(ConstView x, ConstView w, const Window &, const Epilogue &, View y) = 0;
  // dx[n,u,i] = sum over (o,k) with o*stride - before + k = u, and c, of dy[n,o,c] w[k,i,c]: the adjoint in x. It is
  // also the forward pass of a deconvolution, whence the epilogue (over Cin channels). window.out(dx, Cout) must be
  // dy's shape.
  virtual void conv_backward_input(ConstView dy, ConstView w, const Window &, const Epilogue &, View dx) = 0;
  // dw[k,i,c] = sum_{n,o} x[n, o*stride - before + k, i] dy[n,o,c]: the adjoint in w.
  virtual void conv_backward_filter(ConstView x, ConstView dy, const Window &, View dw) = 0;
  virtual void bias_backward(ConstView dy, View db) = 0;  // db[c] = sum over positions of dy[p,c];  db [1,1,1,1,C]

  // --- Spectral norm of filters (Miyato et al. 2018) ----------------------------------------------------------------
  // w is a matrix W [K, C], C its last axis and K all others together; u [1,1,1,1,C] and v [1,1,1,1,K] tend to its
  // right and left singular vectors of the largest singular value. One power iteration:
  //   v = W u / max(|W u|, 1e-12);  u = W' v / max(|W' v|, 1e-12).
  virtual void spectral_iteration(ConstView w, View u, View v) = 0;
  // sigma = v' W u [1,1,1,1,1];  y = w / sigma.
  virtual void spectral_norm_forward(ConstView w, ConstView u, ConstView v, View y, View sigma) = 0;
  // u and v are constants, so dw = (dy - <dy, w> / sigma v u') / sigma; dw may be dy.
  virtual void spectral_norm_backward(ConstView w, ConstView dy, ConstView u, ConstView v, ConstView sigma,
                                      View dw) = 0;

  // --- Resampling by 2: rows and columns, each channel by itself ------------------------------------------------------
  // y[o,p] = scale sum_{i,j} tap(i) tap(j) x[2o - before + i, 2p - before + j]; y of the shape resampling.reduced(x).
  virtual void downsample(ConstView x, const Resampling &, real scale, View y) = 0;
  // The adjoint in x: x[u,v] = scale times the sum of tap(i) tap(j) y[o,p] over all (o,i) and (p,j) that read x[u,v].
  virtual void upsample(ConstView y, const Resampling &, real scale, View x) = 0;

  // --- Pointwise --------------------------------------------------------------------------------------------------
  virtual void activation_forward(ConstView x, Activation, View y) = 0;              // y may be x
  virtual void activation_backward(ConstView y, Activation, View dy) = 0;            // in place: dy *= a'(y)
  virtual void function_forward(ConstView x, Function, View y) = 0;                  // y may be x
  virtual void function_backward(ConstView x, ConstView dy, Function, View dx) = 0;  // dx = dy f'(x); dx may be dy
  virtual void multiply(ConstView a, ConstView b, View y) = 0;                       // y = a b; y may be a or b
  virtual void affine(ConstView x, real factor, real offset, View y) = 0;  // y = factor x + offset; y may be x
  virtual void clip(View x, real bound) = 0;                               // to [-bound, bound]; NaN stays
  // y = x / keep where the element's random word u(word) <= keep, else 0. The words are those of (key, clock, index), so
  // that the same call with dy in place of x is the gradient. y may be x.
  virtual void dropout(ConstView x, real keep, RandomKey key, int64_t index, View y) = 0;
  // y = 1 where the element's uniform number, of the same words, is the probability p or less, else 0. y may be p.
  virtual void bernoulli(ConstView p, RandomKey key, int64_t index, View y) = 0;

  // Of each position, channels first .. first + count - 1 of x into those from `into` on of y.
  virtual void copy_channels(ConstView x, int64_t first, int64_t count, View y, int64_t into) = 0;

  // --- Over the channels of a position, and between examples ---------------------------------------------------------
  // y = x - ln sum_c e^x[c], over the channels of each position, without overflow; and
  // dx = dy - e^y sum_c dy[c].
  virtual void log_softmax_forward(ConstView x, View y) = 0;
  virtual void log_softmax_backward(ConstView y, ConstView dy, View dx) = 0;  // dx may be y or dy
  // y[c] = 1 for the largest x[c] of each position, of equal ones the first; 0 for all others.
  virtual void one_hot(ConstView x, View y) = 0;
  // y[c] = max over j < pieces of x[c pieces + j] (Goodfellow et al. 2013); its gradient goes to the first largest piece.
  virtual void maxout_forward(ConstView x, View y) = 0;
  virtual void maxout_backward(ConstView x, ConstView dy, View dx) = 0;
  // y[n] = the sum of x's example n, y [N,1,1,1,1]; and its adjoint, x[n,...] = y[n].
  virtual void sum_examples(ConstView x, View y) = 0;
  virtual void spread_examples(ConstView y, View x) = 0;
  // y[i,j] = x_i . x_j / (|x_i| |x_j|) of the examples i and j, each taken as one vector; y [N,1,1,1,N]. |x| is never
  // taken as less than 1e-12. dx_i = sum_j (dy[i,j] + dy[j,i]) (x_j / |x_j| - y[i,j] x_i / |x_i|) / |x_i|.
  virtual void cosines_forward(ConstView x, View y) = 0;
  virtual void cosines_backward(ConstView x, ConstView y, ConstView dy, View dx) = 0;
  // Minibatch discrimination (Salimans et al. 2016): x [N,1,1,1,B K], y [N,1,1,1,B],
  // y[i,b] = sum over j != i of e^-d(i,j,b), d(i,j,b) = sum_k |x[i, b K + k] - x[j, b K + k]|;
  // dx[i, b K + k] = - sum over j of (dy[i,b] + dy[j,b]) e^-d(i,j,b) sign(x[i, b K + k] - x[j, b K + k]).
  virtual void closeness_forward(ConstView x, View y) = 0;
  virtual void closeness_backward(ConstView x, ConstView dy, View dx) = 0;

  // --- Batch normalisation over the P positions of each channel ------------------------------------------------------
  // Of the examples of all ranks together, but that dshift and dscale are this rank's part of their sums.
  // Training: m = mean, v = population variance (two passes or Welford), y = activation(scale (x - m)/sqrt(v + epsilon)
  // + shift). Writes mean and inverse_deviation = 1/sqrt(v + epsilon), all [1,1,1,1,C]. y may be x only if no backward
  // follows.
  virtual void batch_norm_forward(ConstView x, ConstView scale, ConstView shift, real epsilon, Activation, View y,
                                  View mean, View inverse_deviation) = 0;
  // dv = dy already multiplied by the activation's derivative. With xh = (x - m) inverse_deviation:
  //   dshift = sum dv;  dscale = sum dv xh;  dx = scale inverse_deviation (dv - dshift/P - xh dscale/P).
  // dscale and dshift are always written; dx.data may be null; dx may be dv (in place).
  virtual void batch_norm_backward(ConstView x, ConstView dv, ConstView scale, ConstView mean,
                                   ConstView inverse_deviation, View dx, View dscale, View dshift) = 0;
  // Inference: the same with given statistics; they are constants, so dx = scale inverse_deviation dv (dscale, dshift
  // as above).
  virtual void batch_norm_inference(ConstView x, ConstView scale, ConstView shift, ConstView mean, ConstView variance,
                                    real epsilon, Activation, View y) = 0;
  virtual void batch_norm_inference_backward(ConstView x, ConstView dv, ConstView scale, ConstView mean,
                                             ConstView variance, real epsilon, View dx, View dscale, View dshift) = 0;
  // running = keep * running + (1 - keep) * batch, the batch's variance being 1/inverse_deviation^2 - epsilon, or 0 where
  // rounding puts that below 0.
  virtual void batch_norm_track(ConstView mean, ConstView inverse_deviation, real epsilon, real keep, View running_mean,
                                View running_variance) = 0;

  // --- Group normalisation and modulation ------------------------------------------------------------------------
  // Each example by itself, its C channels in `groups` equal groups of neighbours: m = mean and v = population variance
  // over all positions and the C / groups channels of a group (two passes or Welford), r = 1/sqrt(v + epsilon),
  // y = (x - m) r (Wu & He 2018, without their scale and shift). Writes inverse_deviation = r, [N,1,1,1,groups]. Throws
  // where C is no multiple of `groups`.
  virtual void group_norm_forward(ConstView x, int64_t groups, real epsilon, View y, View inverse_deviation) = 0;
  // dx = r (dy - mean(dy) - y mean(dy y)), means over the group; dx may be dy.
  virtual void group_norm_backward(ConstView y, ConstView dy, ConstView inverse_deviation, View dx) = 0;
  // y[n,p,c] = scale[n,c] x[n,p,c] + shift[n,c] (FiLM: Perez et al. 2018). Either parameter is [N,1,1,1,C], or
  // [1,1,1,1,C] for all examples alike, or absent (data null: scale 1, shift 0), but not both.
  virtual void modulate_forward(ConstView x, ConstView scale, ConstView shift, View y) = 0;
  // d_scale[n,c] = sum_p dy x;  d_shift[n,c] = sum_p dy, each also over the examples where the parameter has n = 1;
  // dx = dy scale. Outputs whose data are null are not wanted; d_scale alone reads x, dx alone reads scale, which may
  // be absent. dx may be dy.
  virtual void modulate_backward(ConstView x, ConstView scale, ConstView dy, View dx, View d_scale, View d_shift) = 0;

  // --- Reductions into slots of Readings ------------------------------------------------------------------
  virtual void sum(ConstView x, Readings &, int slot) = 0;
  virtual void sum_absolute(ConstView x, Readings &, int slot) = 0;
  virtual void sum_squared_difference(ConstView a, ConstView b, Readings &, int slot) = 0;
  virtual void max_absolute(ConstView x, Readings &, int slot) = 0;  // NaN if any element is NaN

  // --- Sampling and learning --------------------------------------------------------------------------------------
  virtual void langevin(View x, ConstView gradient, const LangevinStep &) = 0;  // in place, noise drawn inside
  virtual void adam(const std::vector<AdamUpdate> &, const AdamRule &) = 0;     // of up to 48 tensors a launch
  virtual void capped_momentum(const std::vector<MomentumUpdate> &, real momentum) = 0;
  virtual void rmsprop(const std::vector<RmspropUpdate> &, real keep, real epsilon) = 0;
  virtual void average(const std::vector<AverageUpdate> &, real keep) = 0;
  // The norm of all gradients as one vector, sqrt(sum of g^2), goes into the slot; where it is more than `bound`, each
  // gradient *= bound / norm. bound 0 is none. A NaN makes the norm NaN and, where there is a bound, all gradients.
  virtual void clip_norm(const std::vector<View> &gradients, real bound, Readings &, int slot) = 0;

 private:
  virtual void run_or_replay(Recording &, const std::function<void()> &body) { body(); }
  int64_t passes_ = 0;
  Ranks *ranks_ = &one_rank();
};

// While it lives, the backend computes for this rank alone.
class Alone {
 public:
  explicit Alone(Backend &backend) : backend_(backend), ranks_(backend.ranks()) { backend.set_ranks(one_rank()); }
  ~Alone() { backend_.set_ranks(ranks_); }
  Alone(const Alone &) = delete;

 private:
  Backend &backend_;
  Ranks &ranks_;
};

}  // namespace coopnets
