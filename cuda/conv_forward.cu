// The forward product of conv_problem.h, compiled by itself: conv_gemm.h has the kernel and its drawing.
//
//   y [positions, Cout]  =  x gathered [positions, taps Cin]  times  w [taps Cin, Cout],  then bias and activation
//
//   A tile  16 neighbours of the sum (channels of one tap) of 64 or 128 positions: runs of x, one for each position
//   B tile  16 rows of w: whole lines
//
// 2 taps Cin Cout operations a position. Each of ceil(Cout / tile) columns of tiles reads x taps times, from L2 but for
// the first; w is read once a row of tiles.
#include "cuda/conv_gemm.h"

namespace coopnets {
template void launch_gemm<Product::forward>(const ConvProblem &, const GemmPlan &, Precision, cudaStream_t);
}  // namespace coopnets
