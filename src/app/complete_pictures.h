// --complete PICTURE or FOLDER: pictures of one's own, each at its own size with its hole filled.
#pragma once
#include "app/complete.h"
#include "app/progress.h"

namespace coopnets {

// The hole is what --mask hides: a picture that is laid over each, or a folder with one of the same name for each;
// without it a square drawn by the seed, in the part that training would have shown. Writes completed_NAME.png, or of a
// folder completed/NAME.png, beside the checkpoint. A picture of a folder that cannot be used is left out with a
// warning. Throws std::runtime_error when there is none that can.
void complete_pictures(Completion &, const SavedModel &, const std::string &checkpoint, const Options &, Progress &);

}  // namespace coopnets
