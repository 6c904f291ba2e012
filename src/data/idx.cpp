#include "data/idx.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "data/bytes.h"

namespace coopnets {

// 00 00 type axes, then each size as a big-endian 32-bit number, then the values. Type 08 is a byte.
Idx load_idx(const std::string &path) {
  std::vector<uint8_t> bytes = read_bytes(path);
  if (is_gzip(bytes)) bytes = gunzip(bytes, path);
  const auto fail = [&](const std::string &why) { throw std::runtime_error("cannot read " + path + ": " + why); };
  if (bytes.size() < 4 || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 || bytes[3] < 1 || bytes[3] > 4)
    fail("it is no idx file of bytes (its first four bytes must be 0 0 8 and the number of axes)");
  const size_t axes = bytes[3], header = 4 + 4 * axes;
  if (bytes.size() < header) fail("it ends early");
  Idx idx;
  const int64_t length = int64_t(bytes.size() - header);
  int64_t expected = 1;
  std::string sizes;
  for (size_t axis = 0; axis < axes; ++axis) {
    const int64_t size = big_endian32(&bytes[4 + 4 * axis]);
    idx.sizes.push_back(size);
    sizes += (axis ? " x " : "") + std::to_string(size);
    // Never more than length + 1, so that no product of hostile sizes overflows.
    expected = size != 0 && expected > length / size ? length + 1 : expected * size;
  }
  if (expected != length)
    fail("it should hold " + sizes + " bytes but holds " + std::to_string(length) + ": it is truncated or corrupt");
  if (length == 0) fail("it is empty");
  idx.values.assign(bytes.begin() + int64_t(header), bytes.end());
  return idx;
}

bool is_emnist(const std::string &path) {
  return std::filesystem::path(path).filename().string().compare(0, 7, "emnist-") == 0;
}

bool is_idx_file(const std::string &path) {
  unsigned char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char *>(magic), 4);
  return (magic[0] == 0x1F && magic[1] == 0x8B) || (magic[0] == 0 && magic[1] == 0 && magic[2] == 8 && magic[3] != 0);
}

namespace {

namespace fs = std::filesystem;

[[noreturn]] void several_sets(const std::string &folder, const std::string &a, const std::string &b,
                               const std::string &advice) {
  throw std::runtime_error(folder + " holds several sets, such as " + a + " and " + b + ": " + advice);
}

// The one file emnist-SET-train-ENDING or, of the test set, emnist-SET-test-ENDING, plain or .gz; "" where none is.
std::string find_emnist(const fs::path &folder, bool train, const std::string &ending) {
  const std::string wanted = (train ? "-train-" : "-test-") + ending;
  std::set<std::string> names;
  std::error_code unreadable;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder, unreadable)) {
    std::string name = entry.path().filename().string();
    if (!is_emnist(name) || !entry.is_regular_file(unreadable)) continue;
    if (entry.path().extension() == ".gz") name.resize(name.size() - 3);
    if (name.size() > wanted.size() && name.substr(name.size() - wanted.size()) == wanted) names.insert(name);
  }
  if (names.size() > 1)
    several_sets(folder.string(), *names.begin(), *std::next(names.begin()),
                 "name a folder of one, or a file of pictures");
  if (names.empty()) return "";
  const std::string path = (folder / *names.begin()).string();
  return fs::is_regular_file(path) ? path : path + ".gz";
}

std::string find_in(const fs::path &folder, bool train, const std::string &what) {
  const std::string axes = what == "images" ? "idx3" : "idx1", name = (train ? "train-" : "t10k-") + what;
  for (const std::string &variant : {name + "-" + axes + "-ubyte", name + "." + axes + "-ubyte"})
    for (const char *ending : {"", ".gz"}) {
      const std::string path = (folder / (variant + ending)).string();
      if (fs::is_regular_file(path)) return path;
    }
  return find_emnist(folder, train, what + "-" + axes + "-ubyte");
}

}  // namespace

// torchvision keeps them in MNIST/raw.
std::string find_idx(const std::string &folder, bool train, const std::string &what) {
  for (const fs::path &place : {fs::path(folder), fs::path(folder) / "raw"})
    if (const std::string found = find_in(place, train, what); !found.empty()) return found;
  std::vector<std::string> sets;
  std::error_code unreadable;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder, unreadable))
    if (entry.is_directory(unreadable))
      if (const std::string found = find_in(entry.path() / "raw", train, what); !found.empty()) sets.push_back(found);
  std::sort(sets.begin(), sets.end());
  if (sets.size() > 1) several_sets(folder, sets[0], sets[1], "name the folder of one");
  return sets.empty() ? "" : sets[0];
}

}  // namespace coopnets
