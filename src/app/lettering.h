// A line of text above a picture, in letters of 5 x 7 dots.
#pragma once
#include <string>

#include "data/image.h"

namespace coopnets {

// The rows that a label adds above a picture of so many columns: a dot is width / 256 pixels, one at least.
int64_t label_height(int64_t width);

// The picture of 1 or 3 channels below a white band with the text, dark, from the left. Bytes that are not of ASCII's 32
// to 126 become question marks, and letters that do not fit are left out. An empty text adds no band.
Image labelled(const Image &, const std::string &text);

}  // namespace coopnets
