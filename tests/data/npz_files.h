// Zip archives and NumPy's arrays for tests, well formed or as hostile as asked for.
#pragma once
#include <cstring>
#include <string>
#include <vector>

#include "data/bytes.h"
#include "metrics/fid.h"

namespace coopnets {

inline void append_little_endian(std::vector<uint8_t> &to, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to.push_back(uint8_t(value >> (8 * i)));
}

// A member; what it states of itself may be a lie.
struct ZipMember {
  std::string name;
  std::vector<uint8_t> data;  // as it lies in the archive
  uint16_t method = 0, flags = 0;
  int64_t size = -1, packed = -1, crc = -1, header = -1;  // -1: the truth, of data that is stored
  bool wide = false;  // sizes and place in the directory by 64-bit fields, as of archives beyond 4 GiB
};

// Local headers have 64-bit sizes in an extra field, as NumPy writes them.
inline std::vector<uint8_t> zip_of(const std::vector<ZipMember> &members, const std::string &comment = "") {
  std::vector<uint8_t> out, directory;
  const auto add = [](std::vector<uint8_t> &to, uint64_t value, int bytes) { append_little_endian(to, value, bytes); };
  const auto text = [](std::vector<uint8_t> &to, const std::string &name) {
    to.insert(to.end(), name.begin(), name.end());
  };
  for (const ZipMember &m : members) {
    const uint64_t header = m.header >= 0 ? uint64_t(m.header) : out.size();
    const uint64_t size = m.size >= 0 ? uint64_t(m.size) : m.data.size();
    const uint64_t packed = m.packed >= 0 ? uint64_t(m.packed) : m.data.size();
    const uint32_t crc = m.crc >= 0 ? uint32_t(m.crc) : crc32(m.data.data(), m.data.size());
    add(out, 0x04034B50, 4), add(out, 45, 2), add(out, m.flags, 2), add(out, m.method, 2), add(out, 0, 4);
    add(out, crc, 4), add(out, 0xFFFFFFFF, 4), add(out, 0xFFFFFFFF, 4), add(out, m.name.size(), 2), add(out, 20, 2);
    text(out, m.name);
    add(out, 1, 2), add(out, 16, 2), add(out, size, 8), add(out, packed, 8);
    out.insert(out.end(), m.data.begin(), m.data.end());

    const auto narrow = [&](uint64_t value) { return m.wide ? 0xFFFFFFFF : value; };
    add(directory, 0x02014B50, 4), add(directory, 45, 2), add(directory, 45, 2), add(directory, m.flags, 2);
    add(directory, m.method, 2), add(directory, 0, 4), add(directory, crc, 4), add(directory, narrow(packed), 4);
    add(directory, narrow(size), 4), add(directory, m.name.size(), 2), add(directory, m.wide ? 4 + 3 + 28 : 0, 2);
    add(directory, 0, 2), add(directory, 0, 2), add(directory, 0, 2), add(directory, 0, 4);
    add(directory, narrow(header), 4);
    text(directory, m.name);
    if (m.wide) {  // behind a field of another kind
      add(directory, 0x7875, 2), add(directory, 3, 2), text(directory, "abc");
      add(directory, 1, 2), add(directory, 24, 2), add(directory, size, 8), add(directory, packed, 8);
      add(directory, header, 8);
    }
  }
  const uint64_t begin = out.size();
  out.insert(out.end(), directory.begin(), directory.end());
  add(out, 0x06054B50, 4), add(out, 0, 4), add(out, members.size(), 2), add(out, members.size(), 2);
  add(out, directory.size(), 4), add(out, begin, 4), add(out, comment.size(), 2);
  text(out, comment);
  return out;
}

inline std::vector<uint8_t> npy_of(const std::string &header, const void *data, size_t bytes, int version = 1) {
  std::vector<uint8_t> out = {0x93, 'N', 'U', 'M', 'P', 'Y', uint8_t(version), 0};
  append_little_endian(out, header.size(), version == 1 ? 2 : 4);
  out.insert(out.end(), header.begin(), header.end());
  const auto *first = static_cast<const uint8_t *>(data);
  out.insert(out.end(), first, first + bytes);
  return out;
}

inline std::vector<uint8_t> npy_of(const std::string &shape, const std::vector<double> &values) {
  return npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }\n", values.data(),
                values.size() * sizeof(double));
}

// mu and sigma as numpy.savez writes them.
inline std::vector<uint8_t> npz_of(const Gaussian &g) {
  const std::string d = std::to_string(g.mean.size());
  return zip_of({{"mu.npy", npy_of("(" + d + ",)", g.mean)},
                 {"sigma.npy", npy_of("(" + d + ", " + d + ")", g.covariance.values)}});
}

}  // namespace coopnets
