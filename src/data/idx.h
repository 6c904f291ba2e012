// The idx files of MNIST and Fashion-MNIST, plain or gzip (LeCun, Cortes, Burges: yann.lecun.com/exdb/mnist).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace coopnets {

// An array of bytes, last axis innermost: images are [count, rows, columns], labels [count].
struct Idx {
  std::vector<int64_t> sizes;
  std::vector<uint8_t> values;
};

// Throws std::runtime_error that names the file when it cannot be read, is no idx of bytes (magic number 00 00 08
// axes), has sizes that disagree with its length, or is a damaged gzip.
Idx load_idx(const std::string &path);

// Whether the file begins as an idx of bytes, or a gzip, does.
bool is_idx_file(const std::string &path);

// "folder/train-images-idx3-ubyte" or its variants (t10k for the test set; .idx3-ubyte; .gz; EMNIST's names; in raw/ or
// NAME/raw/, where torchvision puts it) where it exists, else "". what: "images" or "labels". Throws std::runtime_error
// where there are several sets.
std::string find_idx(const std::string &folder, bool train, const std::string &what);

// Whether a file has the name of one of EMNIST's sets, such as emnist-letters-train-images-idx3-ubyte.
bool is_emnist(const std::string &path);

}  // namespace coopnets
