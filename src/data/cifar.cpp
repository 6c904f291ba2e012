#include "data/cifar.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "data/bytes.h"

namespace coopnets {
namespace {

constexpr int64_t plane = 32 * 32, pixels_of_record = 3 * plane;

// Names, one a line, as many as there are categories; numbers where there is no such file.
std::vector<std::string> category_names(const std::string &path, size_t count) {
  std::vector<std::string> names;
  std::ifstream file(path);
  for (std::string line; names.size() < count && std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.size() == count) return names;
  names.clear();
  for (size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

}  // namespace

Cifar load_cifar_file(const std::string &path) {
  const std::vector<uint8_t> bytes = read_bytes(path);
  const int64_t size = int64_t(bytes.size());
  // A record: the label (CIFAR-100: the coarse one, then the fine one), then the red, the green and the blue plane.
  const int64_t labels = size % (pixels_of_record + 1) == 0 ? 1 : 2, record = pixels_of_record + labels;
  if (size == 0 || size % record != 0)
    throw std::runtime_error("cannot read " + path + ": its " + std::to_string(size) +
                             " bytes are no whole number of CIFAR records (3073 bytes, or 3074 for CIFAR-100)");
  const int64_t count = size / record, categories = labels == 1 ? 10 : 100;
  Cifar cifar;
  cifar.labels.resize(size_t(count));
  cifar.pixels.resize(size_t(count * pixels_of_record));
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t *in = bytes.data() + i * record + labels;
    const uint8_t label = in[-1];
    if (label >= categories)
      throw std::runtime_error("cannot read " + path + ": record " + std::to_string(i) + " has the label " +
                               std::to_string(label) + ", which CIFAR-" + std::to_string(categories) + " has not");
    cifar.labels[size_t(i)] = label;
    uint8_t *out = cifar.pixels.data() + i * pixels_of_record;
    for (int64_t pixel = 0; pixel < plane; ++pixel)
      for (int64_t c = 0; c < 3; ++c) out[3 * pixel + c] = in[c * plane + pixel];
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  cifar.categories =
      category_names((folder.empty() ? "." : folder) + (labels == 1 ? "/batches.meta.txt" : "/fine_label_names.txt"),
                     size_t(categories));
  return cifar;
}

namespace {

bool has(const std::string &folder, const std::string &name) {
  return std::filesystem::is_regular_file(folder + "/" + name);
}

std::vector<std::string> names_of_split(const std::string &folder, bool train) {
  if (has(folder, "train.bin") || has(folder, "test.bin")) return {train ? "train.bin" : "test.bin"};
  if (!train) return {"test_batch.bin"};
  return {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
}

}  // namespace

Cifar load_cifar_folder(const std::string &folder, bool train) {
  Cifar all;
  for (const std::string &name : names_of_split(folder, train)) {
    if (!has(folder, name)) {
      all.missing.push_back(name);
      continue;
    }
    const std::string path = folder + "/" + name;
    Cifar part = load_cifar_file(path);
    if (!all.categories.empty() && all.categories != part.categories)
      throw std::runtime_error("cannot read " + path + ": the files beside it are of another CIFAR");
    all.categories = std::move(part.categories);
    all.pixels.insert(all.pixels.end(), part.pixels.begin(), part.pixels.end());
    all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
  }
  if (all.labels.empty())
    throw std::runtime_error("there are no " + std::string(train ? "training" : "test") + " pictures of CIFAR in " +
                             folder);
  return all;
}

std::string find_cifar(const std::string &folder) {
  for (const char *inside : {"", "/cifar-10-batches-bin", "/cifar-100-binary"})
    for (const bool train : {true, false})
      for (const std::string &name : names_of_split(folder + inside, train))
        if (has(folder + inside, name)) return folder + inside;
  return "";
}

}  // namespace coopnets
