// Reduction of rows and columns by 2 with a fixed filter, and its adjoint, which enlarges them by 2.
#pragma once
#include "tensor/shape.h"

namespace coopnets {

// Along rows and columns alike, output o of a reduction is sum_i tap(i) x[2o - before + i], i in [0, count()). Beyond
// an axis of n elements lies zero or the nearest of them. Frames and channels are left alone.
//
//   average, before 0    x   0 1   2 3   4 5        binomial, before 1    x  -1  0  1  2  3  4  5
//                             |     |     |                                   |--- 0 ---|
//                        y    0     1     2                             y           |--- 1 ---|
struct Resampling {
  enum Taps { average, binomial };  // (1 1)/2 or (1 3 3 1)/8
  enum Edge { zero, nearest };

  Taps taps = average;
  Edge edge = zero;
  int64_t before = 0, after = 0;  // how far windows may reach beyond either end: from 0 to count() - 1 elements

  // Whole windows alone. Reduces n to floor(n/2) (average) or floor(n/2) - 1 (binomial); reads no further element.
  static Resampling valid(Taps taps) { return {taps, zero, 0, 0}; }
  // Reduces n to ceil(n/2); beyond the edge lies the nearest element, so a constant stays one up to the edge.
  // Enlarging n to 2n with scale 4 is repetition of each element (average) or bilinear doubling (binomial):
  // x[0] = y[0], x[1] = 3/4 y[0] + 1/4 y[1], x[2] = 1/4 y[0] + 3/4 y[1], ..., x[2n-1] = y[n-1].
  static Resampling same(Taps taps) { return {taps, nearest, taps == binomial, taps == binomial ? 2 : 1}; }
  // Enlarges n to 2n - 2. With scale 4 it is the inner part of bilinear doubling, where both neighbours are there:
  // x[0] = 3/4 y[0] + 1/4 y[1], ..., x[2n-3] = 1/4 y[n-2] + 3/4 y[n-1].
  static Resampling inner_doubling() { return {binomial, zero, 2, 2}; }

  int count() const { return taps == average ? 2 : 4; }
  real tap(int i) const { return taps == average ? real(0.5) : i == 0 || i == 3 ? real(0.125) : real(0.375); }

  // Shape of the reduction of x: each side n becomes floor((n + before + after - count()) / 2) + 1. Throws
  // std::invalid_argument where a side is smaller than the window or windows reach too far beyond it.
  Shape reduced(const Shape &x) const;
  // The shape with even sides whose reduction has the shape of y: that of an enlarged y. One odd side more may have the
  // same reduction. Throws std::invalid_argument where there is none.
  Shape enlarged(const Shape &y) const;

  // Of an axis of `size` elements: the weight with which output o reads element u, what is read beyond an edge counted
  // for the nearest element. Zero unless o is one of the last count() / 2 up to floor((u + before) / 2).
  real weight(int64_t o, int64_t u, int64_t size) const;
};

}  // namespace coopnets
