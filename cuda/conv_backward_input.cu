// The backward_input product of conv_problem.h, compiled by itself: conv_gemm.h has the kernel and its drawing.
//
//   dx [positions of a phase, Cin]  =  dy gathered [positions, taps of the phase Cout]  times  w turned [.., Cin]
//
//   A tile  16 neighbours of the sum (channels of one tap or two) of 64 or 128 positions: runs of dy, as forward
//   B tile  the same of w for 32, 64 or 128 input channels: runs along the sum
//
// A deconvolution's forward pass is this product. Stride s: s^2 phases (s^3 of a video) with 1/s^2 of the taps each, so
// that 2 taps Cin Cout operations a position of *dy* remain, and none with a zero. Of few input channels the columns
// are (kw, channel) instead, along rows there are no phases, and positions are those of dy there (conv.cu).
#include "cuda/conv_gemm.h"

namespace coopnets {
template void launch_gemm<Product::backward_input>(const ConvProblem &, const GemmPlan &, Precision, cudaStream_t);
}  // namespace coopnets
