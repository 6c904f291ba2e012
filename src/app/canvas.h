// What nets make beside what is shown: a border (settings.border) of pixels, or of a clip's frames; or, at a size other
// than in training, all that their padding reaches.
#pragma once
#include <vector>

#include "experiments/experiment.h"

namespace coopnets {

// Samples are synthesised larger than wanted and cut out.
struct Canvas {
  std::vector<Shape> latent;             // of one latent vector: what the generator is given
  Shape wanted;                          // of one sample
  int64_t top = 0, left = 0, first = 0;  // row, column and frame

  // What is left of an example without its border.
  static Canvas within(const Shape &example, int64_t border);
  // So many frames from the middle of a clip.
  static Canvas middle(const Shape &clip, int64_t frames);
  // As in training.
  static Canvas of(const Experiment &, const Settings &);
  // height x width pixels of nets that pad nothing: the least that they make with the border around it, and no less than
  // in training, which the descriptor's windows fit.
  static Canvas unpadded(const Experiment &, const Settings &, int64_t height, int64_t width);

  // For samples of height x width pixels from nets that make `example` of `latent`: with a margin of four latent cells
  // or more on each side, that is 128 pixels of five doubling 5x5 deconvolutions, whose zero padding reaches 62 inwards.
  // The descriptor's padding shifts the pixels within its reach by some of each Langevin step, and those further in only
  // through units that switch on or off: ever more weakly (tests/test_canvas.cpp measures it).
  static Canvas of_size(const Shape &latent, const Shape &example, int64_t height, int64_t width);

  // Cuts the wanted part out of `count` examples of `shape`; no count: of all.
  std::vector<real> cut(const std::vector<real> &values, const Shape &shape, int64_t count) const;
  std::vector<real> cut(const std::vector<real> &values, const Shape &shape) const {
    return cut(values, shape, shape.n);
  }
};

}  // namespace coopnets
