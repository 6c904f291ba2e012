// What zip archives hold (PKWARE, APPNOTE 6.3): members stored as they are or deflated, as NumPy writes .npz files.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace coopnets {

// An archive, read whole. Nothing in it is trusted: sizes, places and check sums are held against the file.
class Zip {
 public:
  // Throws std::runtime_error that names the path when it cannot be read, is no zip archive, has 2 GiB or more, is
  // truncated or damaged.
  explicit Zip(const std::string &path);

  const std::string &path() const { return path_; }
  bool has(const std::string &name) const { return find(name) != nullptr; }
  // The bytes of a member. Throws std::runtime_error when there is none of the name, it is encrypted, compressed by
  // another method than deflate, damaged (sizes, CRC-32), or has more than `limit` bytes.
  std::vector<uint8_t> member(const std::string &name, int64_t limit) const;

 private:
  struct Member {
    std::string name;
    uint32_t flags, method, crc;
    uint64_t packed, size, header;  // bytes in the archive and unpacked; where its own header begins
  };
  const Member *find(const std::string &name) const;
  [[noreturn]] void damaged(const std::string &why) const;
  void read_directory();

  std::string path_;
  std::vector<uint8_t> bytes_;
  uint64_t directory_ = 0;  // where it begins: members lie before it
  std::vector<Member> members_;
};

}  // namespace coopnets
