// Which way up a photograph is: cameras store the sensor's rows and say how they are to be turned.
#pragma once
#include "data/image.h"

namespace coopnets {

// The orientation of a JPEG's Exif segment (CIPA DC-008, tag 0x0112): 1 as stored, 2 mirrored, 3 upside down, 4 both, 5
// to 8 the same with rows and columns exchanged first. 1 where there is none or it makes no sense.
int exif_orientation(const std::vector<uint8_t> &jpeg);

// The picture as it is meant to be seen.
Image upright(Image, int orientation);

}  // namespace coopnets
