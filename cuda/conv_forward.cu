// The forward product of conv_problem.h, compiled by itself: conv_gemm.h has the kernel.
#include "cuda/conv_gemm.h"

namespace coopnets {
template void launch_gemm<Product::forward>(const ConvProblem &, const GemmPlan &, Precision, cudaStream_t);
}  // namespace coopnets
