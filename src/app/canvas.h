// Pictures of a size other than in training, from nets that are convolutional throughout.
#pragma once
#include <vector>

#include "tensor/shape.h"

namespace coopnets {

// Samples are synthesised larger than wanted and cut out, so that the zero padding of the nets stays outside.
struct Canvas {
  Shape latent;  // of one latent array: what the generator is given
  Shape wanted;  // of one sample
  int64_t top = 0, left = 0;

  // For samples of height x width pixels from nets that make `example` of `latent`: with a margin of four latent cells
  // or more on each side, that is 128 pixels of five doubling 5x5 deconvolutions, whose zero padding reaches 62 inwards.
  // The descriptor's padding shifts the pixels within its reach by some of each Langevin step, and those further in only
  // through units that switch on or off: ever more weakly (tests/test_canvas.cpp measures it).
  static Canvas of_size(const Shape &latent, const Shape &example, int64_t height, int64_t width);

  // Cuts the wanted part out of `count` examples of `shape`.
  std::vector<real> cut(const std::vector<real> &values, const Shape &shape, int64_t count) const;
};

}  // namespace coopnets
