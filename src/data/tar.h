// What tar archives hold (POSIX ustar), plain or gzip.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace coopnets {

// An archive, unpacked whole in memory. Nothing in it is trusted: sizes and check sums are held against the file.
class Tar {
 public:
  // Throws std::runtime_error that names the path when it cannot be read, is no tar archive, has 2 GiB or more, or is
  // truncated or damaged.
  explicit Tar(const std::string &path);

  // Members go by the last part of their names, as "test_batch.bin" of "cifar-10-batches-bin/test_batch.bin"; of
  // several the last counts, as where tar unpacks them.
  bool has(const std::string &name) const { return members_.count(name) != 0; }
  std::vector<uint8_t> member(const std::string &name) const;

 private:
  void read_members();
  struct Place {
    size_t begin, size;
  };
  std::string path_;
  std::vector<uint8_t> bytes_;
  std::map<std::string, Place> members_;
};

// Whether a file's name is that of an archive: it ends in .tar, .tar.gz or .tgz.
bool has_tar_name(const std::string &path);

}  // namespace coopnets
