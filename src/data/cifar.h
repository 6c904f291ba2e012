// CIFAR-10 and CIFAR-100 (Krizhevsky 2009; cs.toronto.edu/~kriz/cifar.html), in all the forms that they are published
// in: the binary records and Python's pickles, in a folder or in the archive.
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

// One file of records or a pickle. Throws std::runtime_error that names it when it cannot be read, its length is no
// number of records (1 label and 3072 pixels, or 2 labels and 3072 pixels), the pickle holds anything else than
// pictures with labels, or a label is not below 10 (100).
Cifar load_cifar_file(const std::string &path);

// The training or the test set of a folder or an archive (.tar, .tar.gz): data_batch_1 ... and test_batch of CIFAR-10,
// train and test of CIFAR-100, with .bin at the end where they are records; category names from the file beside them.
// Throws as above, and when the files of that set are missing.
Cifar load_cifar(const std::string &place, bool train);

// The folder itself or, of what it holds, the folder or the archive of either set, if that has such files; else "".
std::string find_cifar(const std::string &folder);

// Whether a file begins as a pickle does, and has no ending, as CIFAR's have none.
bool is_cifar_pickle(const std::string &path);

}  // namespace coopnets
