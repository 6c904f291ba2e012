// The hole of a picture: where the nets look at it, and how what they make comes into it.
#pragma once
#include "data/image.h"
#include "metrics/completion.h"

namespace coopnets {

// Whether the picture has not the square that Crop::side asks for.
bool is_too_small(int64_t height, int64_t width, const Crop &);

// The part of the picture that the nets, which take examples of this shape, are shown to fill its hole: what training
// would have shown them where all of the hole lies in that; else what surrounds the hole, at the nets' own scale where
// the hole takes half of their side at most, scaled where it is larger; the whole picture where that does not fit.
Rectangle part_around(const Mask &hole, const Shape &example, const Crop &);

// The mask of a part, brought to height x width: a pixel is hidden where some of it is.
Mask part_of_mask(const Mask &, const Rectangle &, int64_t height, int64_t width);

// The part of the picture, brought to height x width; hidden pixels have the mean colour of the visible ones first, so
// that they reach no other.
Image part_of_picture(const Image &, const Mask &hole, const Rectangle &, int64_t height, int64_t width, Resize);

// The picture with its hidden values from `made` + d, where d is harmonic inside the hole and the difference of picture
// and `made` at its border: the gradients are those of `made`, and no seam is left (Perez, Gangnet, Blake: Poisson
// image editing, 2003, eq. 5). Values [H, W, C] in [-1, 1], clipped to that. Throws std::invalid_argument when sizes
// differ or nothing is visible.
std::vector<real> blended(const std::vector<real> &picture, const std::vector<real> &made, const Mask &);

// The picture with the hidden pixels of the part from `filled`, which is brought to the part's size.
Image with_part_filled(Image picture, const Mask &hole, const Rectangle &, const Image &filled);

}  // namespace coopnets
