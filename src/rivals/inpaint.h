// The rival methods of pattern completion (Table 4 of the paper), which see one picture and nothing else.
#pragma once
#include "metrics/completion.h"
#include "metrics/frames.h"

namespace coopnets {

// inter-1 .. inter-5: the methods 1 to 5 of John D'Errico's inpaint_nans. Each states linear equations F x = 0 about
// the pixels, moves the visible ones to the right, and solves for the hidden ones, by least squares where there are
// more equations:
//   1  the second difference is zero at each pixel that is hidden or beside a hidden one (along rows plus along
//      columns; at the border of the picture along the border alone)
//   2  the same at hidden pixels only; a hidden corner is the mean of its two neighbours
//   3  the plate equation (13-point biharmonic stencil) at each pixel whose stencil touches a hidden one; the 5-point
//      Laplacian one pixel from the border, the second difference along the border on it
//   4  each pair of neighbours, one of them hidden, is equal (springs)
//   5  each hidden pixel is the mean of its up to eight neighbours
// All frames and channels are filled with one factorisation. Not clipped: method 3 overshoots.
// Throws std::invalid_argument for another method, a mask of another size, a picture below 3 x 3; std::runtime_error
// when the visible pixels do not determine the hidden ones or the mask is too large to solve (2 GiB).
Frames inpaint(const Frames &pictures, const Mask &mask, int method);

// MRF-L1, MRF-L2: hidden pixels drawn from p(hidden | visible) ~ exp(-beta sum |x_s - x_t|^norm) over pairs of
// 4-neighbours, by Gibbs sampling on 256 grey levels of the unit range in checkerboard order, each channel for itself,
// from the mean of the visible pixels.
struct MrfOptions {
  int norm = 2;                                // 1 or 2
  double first_beta = 100, last_beta = 20000;  // grows geometrically from sweep to sweep; equal: no annealing
  int sweeps = 600;
};
MrfOptions mrf_l1();  // beta 20 to 1000
MrfOptions mrf_l2();  // beta 100 to 20000

// Throws std::invalid_argument for options out of range, a mask of another size or one that hides everything.
Frames mrf_fill(const Frames &pictures, const Mask &mask, const MrfOptions &options, uint64_t seed);

}  // namespace coopnets
