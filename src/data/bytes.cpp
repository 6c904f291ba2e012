#include "data/bytes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "data/stb.h"

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

bool is_gzip(const std::vector<uint8_t> &bytes) { return bytes.size() >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B; }

namespace {

// Where the compressed data begins, after the header's optional fields; the size of `bytes` when the header is cut.
size_t end_of_gzip_header(const std::vector<uint8_t> &bytes) {
  enum Flag { header_crc = 2, extra = 4, file_name = 8, comment = 16 };
  size_t at = 10;
  const int flags = bytes[3];
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

}  // namespace

std::vector<uint8_t> inflate(const std::vector<uint8_t> &bytes, size_t begin, size_t end, int64_t size,
                             const std::string &name) {
  const auto fail = [&](const std::string &why) {
    throw std::runtime_error("cannot unpack " + name + ": it is truncated or corrupt (" + why + ")");
  };
  // Deflate codes at most 258 bytes in 2 bits.
  if (size > 1032 * int64_t(end - begin)) fail("the length that it states cannot be");
  std::vector<uint8_t> out(size_t(size) + 1);  // one more than is filled: never an empty buffer
  // What follows goes along: stb takes fewer than 16 bits left for an early end, even where a shorter code is the last.
  const size_t given = std::min(bytes.size(), end + 8) - begin;
  const int got = stbi_zlib_decode_noheader_buffer(reinterpret_cast<char *>(out.data()), int(size),
                                                   reinterpret_cast<const char *>(bytes.data() + begin), int(given));
  if (got != size) fail("its data does not have the length that it states");
  out.pop_back();
  return out;
}

// header (10 bytes and optional fields), deflate data, CRC-32, ISIZE (length modulo 2^32)
std::vector<uint8_t> gunzip(const std::vector<uint8_t> &bytes, const std::string &name, int64_t limit) {
  const auto fail = [&](const std::string &why) { throw std::runtime_error("cannot unpack " + name + ": " + why); };
  const size_t trailer = 8;
  if (!is_gzip(bytes)) fail("it is not gzip");
  if (bytes.size() < 10 + trailer) fail("it ends early");
  if (bytes[2] != 8 || bytes[3] & 0xE0) fail("its compression method is unknown");
  const size_t begin = end_of_gzip_header(bytes);
  if (begin + trailer > bytes.size()) fail("it ends early");
  const uint8_t *end = bytes.data() + bytes.size() - trailer;
  const int64_t compressed = end - (bytes.data() + begin), size = little_endian32(end + 4);
  if (size <= 1032 * compressed && size > std::min(limit, (int64_t{1} << 31) - 1))
    fail("it would grow to " + std::to_string(size) + " bytes, more than the " + std::to_string(limit) +
         " expected of such a file");
  std::vector<uint8_t> out = inflate(bytes, begin, bytes.size() - trailer, size, name);
  if (crc32(out.data(), out.size()) != little_endian32(end)) fail("it is corrupt (CRC-32 differs)");
  return out;
}

}  // namespace coopnets
