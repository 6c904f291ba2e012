#include "data/zip.h"

#include <algorithm>
#include <stdexcept>

#include "data/bytes.h"
#include "data/inflate.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

constexpr int64_t largest = (int64_t{1} << 31) - 1;
constexpr uint64_t directory_end = 22, directory_entry = 46, member_header = 30;  // bytes, without names
constexpr uint32_t elsewhere = 0xFFFFFFFF;                                        // a 64-bit field holds the number

uint32_t two(const uint8_t *p) { return uint32_t(p[0] | p[1] << 8); }
uint64_t eight(const uint8_t *p) { return little_endian32(p) | uint64_t(little_endian32(p + 4)) << 32; }

}  // namespace

void Zip::damaged(const std::string &why) const {
  throw std::runtime_error("cannot read " + path_ + ": it is truncated or damaged (" + why + ")");
}

Zip::Zip(const std::string &path) : path_(path), bytes_(read_bytes(path, largest)) {
  if (bytes_.size() < directory_end || bytes_[0] != 'P' || bytes_[1] != 'K')
    throw std::runtime_error("cannot read " + path_ + ": it is no zip archive, which .npz files are");
  read_directory();
}

//   member header | name | extra | data    for each member
//   directory entry | name | extra | comment    for each member
//   end of the directory | comment
void Zip::read_directory() {
  // The end is found by its signature, PK 5 6, and by a comment that reaches to the end of the file.
  uint64_t end = bytes_.size() - directory_end;
  const auto is_end = [&] {
    return little_endian32(&bytes_[end]) == 0x06054B50 && end + directory_end + two(&bytes_[end + 20]) == bytes_.size();
  };
  for (uint64_t comment = 0; !is_end(); --end)
    if (end == 0 || comment++ == 0xFFFF) damaged("it has no directory");

  const uint8_t *p = &bytes_[end];
  const uint32_t entries = two(p + 10), size = little_endian32(p + 12);
  directory_ = little_endian32(p + 16);
  if (two(p + 4) != 0 || two(p + 6) != 0 || two(p + 8) != entries) damaged("parts of it are in other files");
  if (directory_ + size > end) damaged("its directory is not in it");
  uint64_t at = directory_;
  for (uint32_t i = 0; i < entries; ++i) {
    if (at + directory_entry > end || little_endian32(&bytes_[at]) != 0x02014B50) damaged("its directory ends early");
    p = &bytes_[at];
    const uint64_t name = two(p + 28), extra = two(p + 30), comment = two(p + 32);
    if (at + directory_entry + name + extra + comment > end) damaged("its directory ends early");
    Member m{{p + directory_entry, p + directory_entry + name},
             two(p + 8),
             two(p + 10),
             little_endian32(p + 16),
             little_endian32(p + 20),
             little_endian32(p + 24),
             little_endian32(p + 42)};
    // Extra fields: a number, a length, as many bytes. Number 1 holds those that have no room above, in this order.
    for (uint64_t field = at + directory_entry + name, last = field + extra; field + 4 <= last;) {
      const uint64_t length = two(&bytes_[field + 2]), begin = field + 4;
      if (begin + length > last) damaged("a field of its directory ends early");
      uint64_t used = begin;
      if (two(&bytes_[field]) == 1)
        for (uint64_t *number : {&m.size, &m.packed, &m.header})
          if (*number == elsewhere) {
            if (used + 8 > begin + length) damaged("a field of its directory ends early");
            *number = eight(&bytes_[used]);
            used += 8;
          }
      field = begin + length;
    }
    if (has(m.name)) damaged("it holds " + quoted(m.name) + " twice");
    members_.push_back(m);
    at += directory_entry + name + extra + comment;
  }
}

const Zip::Member *Zip::find(const std::string &name) const {
  const auto found = std::find_if(members_.begin(), members_.end(), [&](const Member &m) { return m.name == name; });
  return found == members_.end() ? nullptr : &*found;
}

std::vector<uint8_t> Zip::member(const std::string &name, int64_t limit) const {
  const Member *m = find(name);
  if (!m) {
    std::string names;
    for (const Member &other : members_) names += (names.empty() ? "" : ", ") + quoted(other.name);
    throw std::runtime_error("there is no " + name + " in " + path_ + (names.empty() ? "" : ", which holds " + names));
  }
  const std::string what = name + " of " + path_;
  if (m->flags & 1) throw std::runtime_error("cannot unpack " + what + ": it is encrypted");
  if (m->method != 0 && m->method != 8)
    throw std::runtime_error("cannot unpack " + what + ": its compression method, " + std::to_string(m->method) +
                             ", is unknown (deflate is read, or none)");
  if (m->header > directory_ || directory_ - m->header < member_header ||
      little_endian32(&bytes_[m->header]) != 0x04034B50)
    damaged(quoted(name) + " is not where its directory says");
  const uint64_t begin = m->header + member_header + two(&bytes_[m->header + 26]) + two(&bytes_[m->header + 28]);
  if (begin > directory_ || m->packed > directory_ - begin) damaged(quoted(name) + " ends early");
  if (m->size > uint64_t(limit))
    throw std::runtime_error("cannot unpack " + what + ": it would grow to " + std::to_string(m->size) +
                             " bytes, more than the " + std::to_string(limit) + " expected of it");
  if (m->method == 0 && m->packed != m->size) damaged("the two sizes of " + quoted(name) + " differ");
  // Deflate makes at most 1032 bytes of one.
  if (m->method != 0 && m->size > 1032 * m->packed) damaged("the length that it states cannot be");
  std::vector<uint8_t> out;
  if (m->method == 0)
    out.assign(bytes_.begin() + int64_t(begin), bytes_.begin() + int64_t(begin + m->packed));
  else
    try {
      inflate(bytes_, begin, begin + m->packed, int64_t(m->size), out);
    } catch (const std::runtime_error &error) {
      throw std::runtime_error("cannot unpack " + what + ": " + error.what());
    }
  if (out.size() != m->size)
    throw std::runtime_error("cannot unpack " + what + ": its data does not have the length that it states");
  if (crc32(out.data(), out.size()) != m->crc)
    throw std::runtime_error("cannot unpack " + what + ": it is corrupt (CRC-32 differs)");
  return out;
}

}  // namespace coopnets
