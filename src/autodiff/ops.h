// Every operation of the framework, with its formula. Each stands in a file of its own: shape rule, forward, gradient.
//
// clang-format off
//   conv                  y = a(sum_{k,i} x[o*stride - before + k, i] w[k,i,c] + b[c])              conv.cpp
//   deconv                y = a(the adjoint of conv in its input, applied to x; + b[i])             deconv.cpp
//   batch_norm            y = a(scale (x - m)/sqrt(v + e) + shift), m and v of the batch            batch_norm.cpp
//   batch_norm_inference  the same with given m and v                                               batch_norm.cpp
//   activate              y = a(x)                                                                  activate.cpp
//   add                   y = x1 + x2                                                               add.cpp
// clang-format on
//
// a is none, (leaky) ReLU, tanh or sigmoid. Losses need no ops: Tape::seed holds the gradient of any scalar with
// respect to the output, and the energies of this program are plain sums of the descriptor's last layer, whose
// gradient is a constant.
#pragma once
#include "autodiff/tape.h"

namespace coopnets {

// x [N,T,H,W,Cin], filters [kT,kH,kW,Cin,Cout], bias [1,1,1,1,Cout] or absent -> window.out(x, Cout).
Variable conv(Tape &, Variable x, Variable filters, Variable bias, const Window &, Activation);

// x [N,T',H',W',Cout], filters [kT,kH,kW,Cin,Cout] of the convolution that is transposed, bias [1,1,1,1,Cin] or absent
// -> `out` [N,T,H,W,Cin]; window.out(out, Cout) must be x's shape. Positions of `out` that no window reaches hold
// a(bias).
Variable deconv(Tape &, Variable x, Variable filters, Variable bias, const Window &, const Shape &out, Activation);

// What a batch normalisation computed in its last forward pass, [1,1,1,1,C] each.
struct BatchStatistics {
  Tensor mean, inverse_deviation;
};
Variable batch_norm(Tape &, Variable x, Variable scale, Variable shift, real epsilon, Activation, BatchStatistics &);
Variable batch_norm_inference(Tape &, Variable x, Variable scale, Variable shift, ConstView mean, ConstView variance,
                              real epsilon, Activation);

Variable activate(Tape &, Variable x, Activation);
Variable add(Tape &, Variable a, Variable b);  // equal shapes

}  // namespace coopnets
