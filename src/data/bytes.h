// Bytes of files: reading them whole, CRC-32, gzip.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace coopnets {

// The whole regular file; throws std::runtime_error that names it when it cannot be read or has more than `limit`
// bytes.
std::vector<uint8_t> read_bytes(const std::string &path, int64_t limit = int64_t{1} << 31);

// CRC-32 of ISO 3309, as in gzip and PNG (polynomial edb88320, reflected): "123456789" gives cbf43926. `before` is the
// CRC of the bytes that come ahead of these.
uint32_t crc32(const uint8_t *bytes, size_t count, uint32_t before = 0);

// Whether the bytes begin as gzip does (1f 8b).
bool is_gzip(const std::vector<uint8_t> &bytes);
// What a gzip file holds (RFC 1952), of one member or several, with or without zeros behind the last; `name` stands for
// the file in errors. Throws std::runtime_error when it is truncated or corrupt (header, data, CRC-32, length), goes on
// with something else, or would give more than `limit` bytes.
std::vector<uint8_t> gunzip(const std::vector<uint8_t> &bytes, const std::string &name,
                            int64_t limit = (int64_t{1} << 31) - 1);

inline uint32_t little_endian32(const uint8_t *p) {
  return uint32_t(p[0]) | uint32_t(p[1]) << 8 | uint32_t(p[2]) << 16 | uint32_t(p[3]) << 24;
}
// Big-endian 32 bits.
inline uint32_t big_endian32(const uint8_t *p) {
  return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | uint32_t(p[3]);
}

}  // namespace coopnets
