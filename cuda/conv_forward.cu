// The forward product of conv_problem.h, compiled by itself: conv_gemm.h has the kernel and its drawing.
//
//   y [positions, Cout]  =  x gathered [positions, taps Cin]  times  w [taps Cin, Cout],  then the epilogue
//
//   A tile  16 neighbours of the sum (channels of one tap or more) of 64 or 128 positions: runs of x for each position
//   B tile  16 rows of w: whole lines
//
// 2 taps Cin Cout operations a position. Each of ceil(Cout / tile) columns of tiles reads x taps times, most of it from
// L1 (conv_gemm.h), the first time from memory or L2; w is read once a row of tiles.
#include "cuda/conv_gemm.h"

namespace coopnets {
template void launch_gemm<Product::forward>(const ConvProblem &, const GemmPlan &, Precision, cudaStream_t);
}  // namespace coopnets
