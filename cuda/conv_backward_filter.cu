// The backward_filter product of conv_problem.h, compiled by itself: conv_gemm.h has the kernel and its drawing.
//
//   dw [taps Cin, Cout]  =  x gathered [taps Cin, positions]  times  dy [positions, Cout]
//
//   A tile  64 or 128 neighbours of (tap, channel) at 16 positions: runs of x, one for each position and tap
//   B tile  16 positions of dy: whole lines
//
// 2 taps Cin Cout operations a position; the sum runs over all positions of the batch, so it is nearly always split.
#include "cuda/conv_gemm.h"

namespace coopnets {
template void launch_gemm<Product::backward_filter>(const ConvProblem &, const GemmPlan &, Precision, cudaStream_t);
}  // namespace coopnets
