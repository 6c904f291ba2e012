#include "data/bytes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "data/inflate.h"

namespace coopnets {

std::vector<uint8_t> read_bytes(const std::string &path, int64_t limit) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw std::runtime_error("cannot read " + path + ": it is not a file");
  const std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw std::runtime_error("cannot open " + path + ": " + std::strerror(errno));
  std::fseek(file.get(), 0, SEEK_END);
  const int64_t size = std::ftell(file.get());
  std::rewind(file.get());
  if (size < 0) throw std::runtime_error("cannot read " + path + ": " + std::strerror(errno));
  if (size > limit)
    throw std::runtime_error("cannot read " + path + ": it has " + std::to_string(size) + " bytes, more than the " +
                             std::to_string(limit) + " expected of such a file");
  std::vector<uint8_t> bytes(size_t(size), 0);
  if (size && std::fread(bytes.data(), 1, bytes.size(), file.get()) != bytes.size())
    throw std::runtime_error("cannot read " + path + ": " + (errno ? std::strerror(errno) : "it became shorter"));
  return bytes;
}

uint32_t crc32(const uint8_t *bytes, size_t count, uint32_t before) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = t[i] >> 1 ^ (t[i] & 1 ? 0xEDB88320u : 0u);
    }
    return t;
  }();
  uint32_t crc = ~before;
  for (size_t i = 0; i < count; ++i) crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xFF];
  return ~crc;
}

namespace {

// Where the compressed data begins, after the header's optional fields; the size of `bytes` when the header is cut.
size_t end_of_gzip_header(const std::vector<uint8_t> &bytes, size_t begin) {
  enum Flag { header_crc = 2, extra = 4, file_name = 8, comment = 16 };
  size_t at = begin + 10;
  const int flags = bytes[begin + 3];
  if (flags & extra) {
    if (at + 2 > bytes.size()) return bytes.size();
    at += 2 + size_t(bytes[at] | bytes[at + 1] << 8);
  }
  for (const int text : {file_name, comment}) {
    if (!(flags & text)) continue;
    while (at < bytes.size() && bytes[at]) ++at;
    ++at;
  }
  if (flags & header_crc) at += 2;
  return std::min(at, bytes.size());
}

// Appends what the member at bytes[begin] holds, and returns its end. header (10 bytes and optional fields), deflate
// data, CRC-32, ISIZE (length modulo 2^32)
size_t unpack_member(const std::vector<uint8_t> &bytes, size_t begin, int64_t limit, std::vector<uint8_t> &out) {
  const size_t trailer = 8, before = out.size();
  if (bytes.size() - begin < 10 + trailer) throw std::runtime_error("it ends early");
  if (bytes[begin + 2] != 8 || bytes[begin + 3] & 0xE0) throw std::runtime_error("its compression method is unknown");
  const size_t packed = end_of_gzip_header(bytes, begin);
  if (packed + trailer > bytes.size()) throw std::runtime_error("it ends early");
  const size_t end = inflate(bytes, packed, bytes.size() - trailer, limit, out);
  if (crc32(out.data() + before, out.size() - before) != little_endian32(&bytes[end]))
    throw std::runtime_error("it is corrupt: its CRC-32 differs");
  if (uint32_t(out.size() - before) != little_endian32(&bytes[end + 4]))
    throw std::runtime_error("it is corrupt: its data does not have the length that it states");
  return end + trailer;
}

bool is_gzip_at(const std::vector<uint8_t> &bytes, size_t at) {
  return at + 2 <= bytes.size() && bytes[at] == 0x1F && bytes[at + 1] == 0x8B;
}

// The length that the last member states, if it can be: deflate makes at most 1032 bytes of one. Else what it really holds
// will tell.
int64_t stated_length(const std::vector<uint8_t> &bytes) {
  const int64_t size = int64_t(bytes.size()), stated = size < 4 ? 0 : little_endian32(&bytes[bytes.size() - 4]);
  return stated <= 1032 * size ? stated : 0;
}

}  // namespace

bool is_gzip(const std::vector<uint8_t> &bytes) { return is_gzip_at(bytes, 0); }

// Members follow one another; behind the last there may be zeros, which fill the blocks of a tape.
std::vector<uint8_t> gunzip(const std::vector<uint8_t> &bytes, const std::string &name, int64_t limit) {
  std::vector<uint8_t> out;
  try {
    if (!is_gzip(bytes)) throw std::runtime_error("it is not gzip");
    if (stated_length(bytes) > limit) would_grow_beyond(limit);  // a bomb is not worth unpacking
    size_t at = 0;
    while (is_gzip_at(bytes, at)) at = unpack_member(bytes, at, limit, out);
    if (std::any_of(bytes.begin() + int64_t(at), bytes.end(), [](uint8_t byte) { return byte != 0; }))
      throw std::runtime_error("behind its end are " + std::to_string(bytes.size() - at) +
                               " bytes that are not gzip, so it is damaged or was joined with another file");
  } catch (const std::runtime_error &error) {
    throw std::runtime_error("cannot unpack " + name + ": " + error.what());
  }
  return out;
}

}  // namespace coopnets
