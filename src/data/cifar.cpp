#include "data/cifar.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "data/bytes.h"
#include "data/pickle.h"
#include "data/tar.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

constexpr int64_t plane = 32 * 32, pixels_of_record = 3 * plane;
constexpr int64_t most_bytes = int64_t{1} << 28;  // of a file; the largest published one has 155 MB

[[noreturn]] void cannot_read(const std::string &name, const std::string &why) {
  throw std::runtime_error("cannot read " + name + ": " + why);
}

// A folder or an archive of files.
class Place {
 public:
  explicit Place(const std::string &path) : path_(path) {
    std::error_code ignored;
    if (has_tar_name(path) && !fs::is_directory(path, ignored)) archive_.emplace(path);
  }
  std::string file(const std::string &name) const { return archive_ ? name + " of " + path_ : path_ + "/" + name; }
  bool has(const std::string &name) const {
    std::error_code ignored;
    return archive_ ? archive_->has(name) : fs::is_regular_file(file(name), ignored);
  }
  std::vector<uint8_t> bytes(const std::string &name) const {
    return archive_ ? archive_->member(name) : read_bytes(file(name), most_bytes);
  }

 private:
  std::string path_;
  std::optional<Tar> archive_;
};

struct Layout {
  std::vector<std::string> train, test;
  std::string names;  // of categories
};

const Layout layouts[] = {
    {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
     {"test_batch.bin"},
     "batches.meta.txt"},
    {{"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"}, {"test_batch"}, "batches.meta"},
    {{"train.bin"}, {"test.bin"}, "fine_label_names.txt"},
    {{"train"}, {"test"}, "meta"}};

// The layout that some files of the place have. Where "train" and "test" may be any files, "meta" must be there too.
const Layout *layout_of(const Place &place) {
  for (const Layout &layout : layouts)
    for (const auto &files : {layout.train, layout.test})
      for (const std::string &name : files)
        if (place.has(name) && (layout.names != "meta" || place.has("meta"))) return &layout;
  return nullptr;
}

// A label for each picture, and of each the red, the green and the blue plane.
void append(Cifar &cifar, int64_t label, const uint8_t *planes) {
  cifar.labels.push_back(uint8_t(label));
  const size_t begin = cifar.pixels.size();
  cifar.pixels.resize(begin + size_t(pixels_of_record));
  uint8_t *out = cifar.pixels.data() + begin;
  for (int64_t pixel = 0; pixel < plane; ++pixel)
    for (int64_t c = 0; c < 3; ++c) out[3 * pixel + c] = planes[c * plane + pixel];
}

void check_label(const std::string &name, int64_t index, int64_t label, size_t categories) {
  if (label < 0 || label >= int64_t(categories))
    cannot_read(name, "record " + std::to_string(index) + " has the label " + std::to_string(label) + ", which CIFAR-" +
                          std::to_string(categories) + " has not");
}

// A record: the label (CIFAR-100: the coarse one, then the fine one), then the pixels. Returns how many categories.
size_t append_records(Cifar &cifar, const std::vector<uint8_t> &bytes, const std::string &name) {
  const int64_t size = int64_t(bytes.size());
  const int64_t labels = size % (pixels_of_record + 1) == 0 ? 1 : 2, record = pixels_of_record + labels;
  if (size == 0 || size % record != 0)
    cannot_read(name, "its " + std::to_string(size) +
                          " bytes are no whole number of CIFAR records (3073 bytes, or 3074 for CIFAR-100)");
  const size_t categories = labels == 1 ? 10 : 100;
  for (int64_t i = 0; i < size / record; ++i) {
    const uint8_t *pixels = bytes.data() + i * record + labels;
    check_label(name, i, pixels[-1], categories);
    append(cifar, pixels[-1], pixels);
  }
  return categories;
}

// "data" has a row of pixels for each of the "labels" (CIFAR-100: the "fine_labels").
size_t append_pickle(Cifar &cifar, const std::vector<uint8_t> &bytes, const std::string &name) {
  std::vector<int64_t> labels, sizes;
  std::vector<uint8_t> pixels;
  size_t categories = 10;
  try {
    const Pickle pickle(bytes);
    if (pickle.has("fine_labels")) categories = 100;
    labels = pickle.integers(categories == 100 ? "fine_labels" : "labels");
    pixels = pickle.array("data", sizes);
  } catch (const std::runtime_error &error) {
    cannot_read(name, error.what());
  }
  if (labels.empty() || sizes != std::vector<int64_t>{int64_t(labels.size()), pixels_of_record})
    cannot_read(name, "its data has not 3072 bytes for each of its " + std::to_string(labels.size()) + " labels");
  for (size_t i = 0; i < labels.size(); ++i) {
    check_label(name, int64_t(i), labels[i], categories);
    append(cifar, labels[i], pixels.data() + int64_t(i) * pixels_of_record);
  }
  return categories;
}

size_t append_file(Cifar &cifar, const std::vector<uint8_t> &bytes, const std::string &name, bool pickled) {
  return pickled ? append_pickle(cifar, bytes, name) : append_records(cifar, bytes, name);
}

// As many names as there are categories; numbers where there is no such file.
std::vector<std::string> category_names(const Place &place, const std::string &file, size_t count) {
  std::vector<std::string> names;
  if (place.has(file)) {
    const std::vector<uint8_t> bytes = place.bytes(file);
    if (is_pickle(bytes)) {
      try {
        names = Pickle(bytes).texts(count == 10 ? "label_names" : "fine_label_names");
      } catch (const std::runtime_error &error) {
        cannot_read(place.file(file), error.what());
      }
    } else {
      std::istringstream lines(std::string(bytes.begin(), bytes.end()));
      for (std::string line; names.size() < count && std::getline(lines, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (!line.empty()) names.push_back(line);
      }
    }
  }
  if (names.size() == count) return names;
  names.clear();
  for (size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

}  // namespace

bool is_cifar_pickle(const std::string &path) {
  std::vector<uint8_t> magic(2);
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char *>(magic.data()), 2);
  return fs::path(path).extension().empty() && is_pickle(magic);
}

Cifar load_cifar_file(const std::string &path) {
  const std::vector<uint8_t> bytes = read_bytes(path, most_bytes);
  const bool pickled = is_cifar_pickle(path);
  Cifar cifar;
  const size_t categories = append_file(cifar, bytes, path, pickled);
  const std::string folder = fs::path(path).parent_path().string();
  const std::string ten = pickled ? "batches.meta" : "batches.meta.txt";
  const std::string hundred = pickled ? "meta" : "fine_label_names.txt";
  cifar.categories = category_names(Place(folder.empty() ? "." : folder), categories == 10 ? ten : hundred, categories);
  return cifar;
}

Cifar load_cifar(const std::string &path, bool train) {
  const Place place(path);
  const Layout *layout = layout_of(place);
  if (!layout) throw std::runtime_error("there are no files of CIFAR in " + path);
  Cifar all;
  size_t categories = 0;
  for (const std::string &name : train ? layout->train : layout->test) {
    if (!place.has(name)) {
      all.missing.push_back(name);
      continue;
    }
    const std::string file = place.file(name);
    const size_t found = append_file(all, place.bytes(name), file, fs::path(name).extension().empty());
    if (categories != 0 && categories != found) cannot_read(file, "the files beside it are of another CIFAR");
    categories = found;
  }
  if (all.labels.empty())
    throw std::runtime_error("there are no " + std::string(train ? "training" : "test") + " pictures of CIFAR in " +
                             path);
  all.categories = category_names(place, layout->names, categories);
  return all;
}

std::string find_cifar(const std::string &folder) {
  for (const char *inside :
       {"", "/cifar-10-batches-bin", "/cifar-10-batches-py", "/cifar-100-binary", "/cifar-100-python"})
    if (layout_of(Place(folder + inside))) return folder + inside;
  for (const char *set : {"/cifar-10-", "/cifar-100-"})
    for (const char *form : {"binary.tar.gz", "python.tar.gz"})
      if (const std::string path = folder + set + form; fs::is_regular_file(path)) return path;
  return "";
}

}  // namespace coopnets
