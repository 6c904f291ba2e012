// The mean and the covariance of the features of a set of pictures as a file, for FID against a set that is not at hand.
#pragma once
#include <string>

#include "metrics/fid.h"

namespace coopnets {

// From an .npz of numpy.savez or numpy.savez_compressed with `mu` [d] and `sigma` [d, d], as pytorch-fid and TTUR keep
// them. Throws std::runtime_error, one sentence that names the file, when it is missing, damaged or holds no such
// arrays, when d is not the `dimension` of the features that it is for, and when sigma is no covariance.
Gaussian load_statistics(const std::string &path, int64_t dimension);

}  // namespace coopnets
