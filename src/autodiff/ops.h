// Every operation of the framework, with its formula. ops.cpp has their shape rules, forward passes and gradients.
//
// clang-format off
//   conv                  y = a(sum_{k,i} x[o*stride - before + k, i] w[k,i,c] + b[c])
//   deconv                y = a(the adjoint of conv in its input, applied to x; + b[i])
//   spectral_norm         y = w / (v' W u), W the matrix [K, C] of filters w; u and v are constants
//   batch_norm            y = a(scale (x - m)/sqrt(v + e) + shift), m and v of the batch
//   batch_norm_inference  the same with given m and v
//   group_norm            y = (x - m)/sqrt(v + e), m and v of each example's groups of channels (Wu & He 2018)
//   modulate              y = scale x + shift, a number a channel, of each example or of all (FiLM: Perez et al. 2018)
//   activate              y = a(x)
//   apply                 y = f(x), of the functions of tensor/backend.h: SiLU, e^x, ln x^2, normal to uniform
//   add, multiply         y = x1 + x2, y = x1 x2
//   affine                y = factor x + offset
//   downsample            rows and columns reduced by 2 with a fixed filter (tensor/resampling.h)
//   upsample              doubled: 4 times the adjoint of downsample
//   slice, join           some of the channels; those of two tensors
//   sum_examples          y[n] = the sum of example n
//   log_softmax           y = x - ln sum e^x, over channels
//   one_hot               1 for the largest channel, 0 for the others; its gradient is 0
//   maxout                the largest of each so many channels
//   dropout               y = x / keep for the share `keep` of the elements, 0 for the others
//   bernoulli             1 with probability x, else 0; its gradient is 0
//   cosines               y[i,j] = the cosine of the angle between examples i and j
//   closeness             y[i,b] = sum over other examples j of e^-|x[i,b] - x[j,b]|_1 (minibatch discrimination)
// clang-format on
//
// a is none, (leaky) ReLU, tanh, sigmoid or softplus. Losses need no ops: Tape::seed holds the gradient of any scalar with
// respect to the output, and the energies of this program are plain sums of the descriptor's outputs, whose gradient is
// a constant.
#pragma once
#include "autodiff/tape.h"

namespace coopnets {

// x [N,T,H,W,Cin], filters [kT,kH,kW,Cin,Cout], bias [1,1,1,1,Cout] or absent -> window.out(x, Cout).
Variable conv(Tape &, Variable x, Variable filters, Variable bias, const Window &, Activation);

// x [N,T',H',W',Cout], filters [kT,kH,kW,Cin,Cout] of the convolution that is transposed, bias [1,1,1,1,Cin] or absent
// -> `out` [N,T,H,W,Cin]; window.out(out, Cout) must be x's shape. Positions of `out` that no window reaches hold
// a(bias).
Variable deconv(Tape &, Variable x, Variable filters, Variable bias, const Window &, const Shape &out, Activation);

// 2 x the multiply-adds, done directly, of a convolution that yields so many positions, and of one that, transposed,
// takes as many.
double convolution_flop(const Shape &filters, int64_t positions);

// Filters w [.., C] divided by what u [1,1,1,1,C] and v [1,1,1,1,K] make their spectral norm (Miyato et al. 2018):
// Backend::spectral_iteration moves these two. `sigma` [1,1,1,1,1] receives the norm. It lives, like u and v, as long
// as the tape is used.
Variable spectral_norm(Tape &, Variable w, ConstView u, ConstView v, View sigma);

// What a batch normalisation computes beside its output, [1,1,1,1,C] each: the batch's mean and 1/sqrt(variance + e),
// and the gradients of scale and shift where nobody asks for them. Lives as long as the tape is used.
struct BatchStatistics {
  Tensor mean, inverse_deviation, d_scale, d_shift;
  BatchStatistics() = default;
  BatchStatistics(Backend &, int64_t channels);
};
// scale and shift [1,1,1,1,C].
Variable batch_norm(Tape &, Variable x, Variable scale, Variable shift, real epsilon, Activation, BatchStatistics &);
// The same with constants mean and variance [1,1,1,1,C] in place of the batch's; of `spare` the gradients alone are used.
Variable batch_norm_inference(Tape &, Variable x, Variable scale, Variable shift, ConstView mean, ConstView variance,
                              real epsilon, Activation, BatchStatistics &spare);

// The channels fall into `groups` equal groups of neighbours; no scale, no shift, which are modulate's.
Variable group_norm(Tape &, Variable x, int64_t groups, real epsilon);
// scale and shift [N,1,1,1,C] or [1,1,1,1,C]; either may be absent.
Variable modulate(Tape &, Variable x, Variable scale, Variable shift);

Variable activate(Tape &, Variable x, Activation);
Variable apply(Tape &, Variable x, Function);
Variable add(Tape &, Variable a, Variable b);       // equal shapes
Variable multiply(Tape &, Variable a, Variable b);  // equal shapes
Variable affine(Tape &, Variable x, real factor, real offset);

// x [N,T,H,W,C] -> filter.reduced(x).
Variable downsample(Tape &, Variable x, const Resampling &filter);
// y -> filter.enlarged(y): nearest-neighbour or bilinear doubling, as tensor/resampling.h says.
Variable upsample(Tape &, Variable y, const Resampling &filter);

// Channels first .. first + count - 1 of each position; and those of a, then those of b.
Variable slice(Tape &, Variable x, int64_t first, int64_t count);
Variable join(Tape &, Variable a, Variable b);

Variable sum_examples(Tape &, Variable x);  // -> [N,1,1,1,1]
Variable log_softmax(Tape &, Variable x);
Variable one_hot(Tape &, Variable x);
Variable maxout(Tape &, Variable x,
                int64_t pieces);  // whose channels are a multiple of `pieces` -> so many times fewer
// `index` tells the dropouts of one key apart. 0 < keep <= 1.
Variable dropout(Tape &, Variable x, real keep, RandomKey, int64_t index);
// 1 with probability x, else 0: a new draw in each iteration of the clock. Its gradient is 0.
Variable bernoulli(Tape &, Variable x, RandomKey, int64_t index);
Variable cosines(Tape &, Variable x);  // -> [N,1,1,1,N]
// x [N,1,1,1,B K] -> [N,1,1,1,B].
Variable closeness(Tape &, Variable x, int64_t features);

}  // namespace coopnets
