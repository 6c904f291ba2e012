#include "data/tar.h"

#include <algorithm>
#include <stdexcept>

#include "data/bytes.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

constexpr int64_t largest = (int64_t{1} << 31) - 1;
constexpr size_t block = 512;  // bytes: of a header, and what data is filled up to

// Octal digits, with blanks before and a blank or a zero behind, as in "00000001750 "; -1 for anything else.
int64_t octal(const uint8_t *field, size_t length) {
  int64_t value = 0;
  size_t at = 0, digits = 0;
  while (at < length && field[at] == ' ') ++at;
  for (; at < length && field[at] >= '0' && field[at] <= '7'; ++at, ++digits) value = 8 * value + field[at] - '0';
  return digits > 0 && (at == length || field[at] == ' ' || field[at] == 0) ? value : -1;
}

std::string text(const uint8_t *field, size_t length) { return {field, std::find(field, field + length, uint8_t{0})}; }

}  // namespace

bool has_tar_name(const std::string &path) {
  for (const std::string ending : {".tar", ".tar.gz", ".tgz"})
    if (path.size() > ending.size() && path.compare(path.size() - ending.size(), ending.size(), ending) == 0)
      return true;
  return false;
}

Tar::Tar(const std::string &path) : path_(path), bytes_(read_bytes(path, largest)) {
  if (is_gzip(bytes_)) bytes_ = gunzip(bytes_, path);
  read_members();
}

// name (100 bytes), mode (8), owner (8), group (8), size (12), time (12), check sum (8), kind (1), ...: a block; then
// the data in whole blocks; a block of zeros behind the last. The check sum takes its own place for blanks.
void Tar::read_members() {
  const auto fail = [&](const std::string &why) { throw std::runtime_error("cannot read " + path_ + ": " + why); };
  for (size_t at = 0;;) {
    if (bytes_.size() - at < block)
      fail(at == 0 ? "it is no tar archive" : "it is truncated or damaged (it has no end)");
    const uint8_t *header = &bytes_[at];
    if (std::all_of(header, header + block, [](uint8_t byte) { return byte == 0; })) return;
    int64_t sum = 8 * ' ';
    for (size_t i = 0; i < block; ++i) sum += i >= 148 && i < 156 ? 0 : header[i];
    if (octal(header + 148, 8) != sum)
      fail(at == 0 ? "it is no tar archive" : "it is truncated or damaged (the check sum of a header differs)");
    const int64_t size = octal(header + 124, 12);
    at += block;
    if (size < 0 || uint64_t(size) > bytes_.size() - at)
      fail("it is truncated or damaged (" + quoted(text(header, 100)) + " ends early)");
    const std::string name = text(header, 100);
    const uint8_t kind = header[156];
    if (kind == '0' || kind == 0) members_[name.substr(name.rfind('/') + 1)] = {at, size_t(size)};
    at += std::min((size_t(size) + block - 1) / block * block, bytes_.size() - at);
  }
}

std::vector<uint8_t> Tar::member(const std::string &name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) throw std::runtime_error("there is no " + name + " in " + path_);
  const auto begin = bytes_.begin() + int64_t(found->second.begin);
  return {begin, begin + int64_t(found->second.size)};
}

}  // namespace coopnets
