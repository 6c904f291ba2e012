// How far a synthesised texture is from the observed one, as statistics of patches.
#pragma once
#include <cstdint>

#include "data/image.h"

namespace coopnets {

// The sliced Wasserstein-1 distance between the sets of 7x7 patches of two pictures, averaged over three scales (full,
// half, quarter, by 2x2 means) and 128 random directions, divided by the same distance of a flat picture of the observed
// mean colour: 0 is the same patch statistics, 1 is nothing learned. At most 6000 patches of a scale are compared, drawn
// by the seed, as are the directions. Throws std::invalid_argument when a picture is smaller than 28 pixels, when
// channels differ, or when the observed one is of one colour.
double patch_distance(const Image &observed, const Image &synthesised, uint64_t seed = 0);

}  // namespace coopnets
