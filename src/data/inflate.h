// What deflate packed (RFC 1951), in gzip files and zip archives.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coopnets {

// Appends what the stream that begins at bytes[begin] holds to `out`, and returns the place behind its last byte.
// Memory is taken as bytes come out. Throws std::runtime_error, the cause alone, where the stream is corrupt, does not end
// before bytes[end], or would make `out` longer than `limit` bytes.
size_t inflate(const std::vector<uint8_t> &bytes, size_t begin, size_t end, int64_t limit, std::vector<uint8_t> &out);

// Throws the last of these.
[[noreturn]] void would_grow_beyond(int64_t limit);

}  // namespace coopnets
