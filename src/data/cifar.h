// The binary records of CIFAR-10 and CIFAR-100 (Krizhevsky 2009; cs.toronto.edu/~kriz/cifar.html).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace coopnets {

// Pictures of 32 x 32 x 3, channels innermost.
struct Cifar {
  std::vector<uint8_t> pixels, labels;  // the fine label of CIFAR-100
  std::vector<std::string> categories;  // one name a label
  std::vector<std::string> missing;     // files of the split that the folder has not, though it has others
  int64_t count() const { return int64_t(labels.size()); }
};

// One file of records. Throws std::runtime_error that names it when it cannot be read, its length is no number of
// records (1 label and 3072 pixels, or 2 labels and 3072 pixels), or a label is not below 10 (100).
Cifar load_cifar_file(const std::string &path);

// data_batch_1.bin ... (train) or test_batch.bin of CIFAR-10, train.bin or test.bin of CIFAR-100; category names from
// the .txt file beside them. Throws as above, and when the files of that split are missing.
Cifar load_cifar_folder(const std::string &folder, bool train);

// The folder itself, or its cifar-10-batches-bin or cifar-100-binary, if that holds such files; else "".
std::string find_cifar(const std::string &folder);

}  // namespace coopnets
