#include "data/inflate.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace coopnets {

namespace {

[[noreturn]] void corrupt(const char *why) { throw std::runtime_error(std::string("it is corrupt: ") + why); }

// The bits of bytes, the lowest of each first.
class Bits {
 public:
  Bits(const uint8_t *begin, const uint8_t *end) : at_(begin), end_(end) {}

  // Without moving on; behind the end there are zeros.
  uint32_t peek(int count) {
    for (; count_ < count && at_ < end_; count_ += 8) bits_ |= uint64_t(*at_++) << count_;
    return uint32_t(bits_ & ((uint64_t{1} << count) - 1));
  }
  void skip(int count) {
    if (count > count_) throw std::runtime_error("it ends early");
    bits_ >>= count;
    count_ -= count;
  }
  uint32_t take(int count) {
    const uint32_t value = peek(count);
    skip(count);
    return value;
  }
  // The next whole byte; bits of one that was begun are dropped.
  const uint8_t *byte() {
    at_ -= count_ / 8;
    bits_ = 0;
    count_ = 0;
    return at_;
  }
  const uint8_t *bytes(size_t count) {
    const uint8_t *first = byte();
    if (size_t(end_ - first) < count) throw std::runtime_error("it ends early");
    at_ += count;
    return first;
  }

 private:
  const uint8_t *at_, *end_;
  uint64_t bits_ = 0;
  int count_ = 0;  // of bits that are read and not used
};

// Canonical Huffman codes: those of one length are consecutive numbers in the order of their symbols, and go on from the
// shorter ones. A code's first bit is its highest, so that a table over the next bits has the codes reversed.
class Codes {
 public:
  Codes(const uint8_t *lengths, uint32_t count) {
    std::array<uint32_t, 16> counts{}, next{};
    for (uint32_t symbol = 0; symbol < count; ++symbol)
      if (const int length = lengths[symbol]; length > 0) ++counts[length], longest_ = std::max(longest_, length);
    for (int length = 1; length <= 15; ++length) {
      next[length] = (next[length - 1] + counts[length - 1]) << 1;
      if (next[length] + counts[length] > 1u << length) corrupt("more codes than there can be");
    }
    table_.resize(size_t{1} << longest_);
    for (uint32_t symbol = 0; symbol < count; ++symbol) {
      const int length = lengths[symbol];
      if (length == 0) continue;
      const uint32_t code = next[length]++;
      uint32_t reversed = 0;
      for (int bit = 0; bit < length; ++bit) reversed |= (code >> bit & 1) << (length - 1 - bit);
      for (size_t i = reversed; i < table_.size(); i += size_t{1} << length)
        table_[i] = uint16_t(symbol << 4 | uint32_t(length));
    }
  }

  uint32_t read(Bits &bits) const {
    const uint32_t entry = table_[bits.peek(longest_)];
    if (entry == 0) corrupt("a code that stands for nothing");
    bits.skip(int(entry & 15));
    return entry >> 4;
  }

 private:
  int longest_ = 1;
  std::vector<uint16_t> table_;  // 16 symbol + length of its code; 0 where there is none
};

constexpr uint32_t literals = 288, distances = 32, end_of_block = 256;

struct Block {
  Codes literals, distances;
};

Block fixed_codes() {
  uint8_t lengths[literals], equal[distances];
  for (uint32_t i = 0; i < literals; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  std::fill_n(equal, distances, uint8_t{5});
  return {{lengths, literals}, {equal, distances}};
}

// The lengths of the codes, themselves coded: 0 to 15 stand for themselves, 16 repeats the one before, 17 and 18 are
// runs of zeros.
Block own_codes(Bits &bits) {
  const uint32_t of_literals = bits.take(5) + 257, of_distances = bits.take(5) + 1, of_lengths = bits.take(4) + 4;
  if (of_literals > 286 || of_distances > 30) corrupt("more symbols than there are");
  constexpr uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  uint8_t first[19] = {}, lengths[literals + distances] = {};
  for (uint32_t i = 0; i < of_lengths; ++i) first[order[i]] = uint8_t(bits.take(3));
  const Codes code(first, 19);
  for (uint32_t i = 0, total = of_literals + of_distances; i < total;) {
    const uint32_t symbol = code.read(bits);
    if (symbol < 16) {
      lengths[i++] = uint8_t(symbol);
      continue;
    }
    if (symbol == 16 && i == 0) corrupt("a repetition of nothing");
    const uint8_t value = symbol == 16 ? lengths[i - 1] : 0;
    const uint32_t times = symbol == 16 ? 3 + bits.take(2) : symbol == 17 ? 3 + bits.take(3) : 11 + bits.take(7);
    if (times > total - i) corrupt("more symbols than there are");
    std::fill_n(lengths + i, times, value);
    i += times;
  }
  return {{lengths, of_literals}, {lengths + of_literals, of_distances}};
}

// Bytes to append to, up to a limit; none from before the stream's first is repeated.
class Output {
 public:
  Output(std::vector<uint8_t> &out, int64_t limit) : out_(out), begin_(out.size()), limit_(limit) {}

  void byte(uint8_t value) {
    check(1);
    out_.push_back(value);
  }
  void bytes(const uint8_t *first, size_t count) {
    check(count);
    out_.insert(out_.end(), first, first + count);
  }
  // Those that lie `distance` back, where some of them may be among the new ones.
  void repeat(size_t distance, size_t length) {
    const size_t size = out_.size();
    if (distance > size - begin_) corrupt("a repetition of what is before its beginning");
    check(length);
    out_.resize(size + length);
    uint8_t *to = out_.data() + size;
    for (size_t i = 0; i < length; ++i) to[i] = (to - distance)[i];
  }

 private:
  void check(size_t more) const {
    if (int64_t(out_.size() + more) > limit_) would_grow_beyond(limit_);
  }
  std::vector<uint8_t> &out_;
  size_t begin_;
  int64_t limit_;
};

void read_block(const Block &codes, Bits &bits, Output &out) {
  for (;;) {
    const uint32_t symbol = codes.literals.read(bits);
    if (symbol == end_of_block) return;
    if (symbol < end_of_block) {
      out.byte(uint8_t(symbol));
      continue;
    }
    // Lengths 3 to 10 have a symbol each, then four symbols in turn one more bit; the last symbol is 258 alone.
    const uint32_t l = symbol - 257;
    if (l > 28) corrupt("a length that there is not");
    const int length_bits = l < 8 || l == 28 ? 0 : int(l / 4) - 1;
    const uint32_t length = l == 28 ? 258 : l < 8 ? 3 + l : ((4 + l % 4) << length_bits) + 3 + bits.take(length_bits);
    // Distances 1 to 4 likewise, then two symbols in turn.
    const uint32_t d = codes.distances.read(bits);
    if (d > 29) corrupt("a distance that there is not");
    const int distance_bits = d < 4 ? 0 : int(d / 2) - 1;
    out.repeat(d < 4 ? 1 + d : ((2 + d % 2) << distance_bits) + 1 + bits.take(distance_bits), length);
  }
}

}  // namespace

void would_grow_beyond(int64_t limit) {
  throw std::runtime_error("it would grow to more than the " + std::to_string(limit) + " bytes expected of it");
}

size_t inflate(const std::vector<uint8_t> &bytes, size_t begin, size_t end, int64_t limit, std::vector<uint8_t> &out) {
  Bits bits(bytes.data() + begin, bytes.data() + end);
  Output output(out, limit);
  for (bool last = false; !last;) {
    last = bits.take(1) == 1;
    switch (bits.take(2)) {
      case 0: {
        const uint8_t *sizes = bits.bytes(4);
        const uint32_t size = uint32_t(sizes[0] | sizes[1] << 8), inverted = uint32_t(sizes[2] | sizes[3] << 8);
        if (size != (inverted ^ 0xFFFF)) corrupt("the two sizes of a block differ");
        output.bytes(bits.bytes(size), size);
        break;
      }
      case 1:
        read_block(fixed_codes(), bits, output);
        break;
      case 2:
        read_block(own_codes(bits), bits, output);
        break;
      default:
        corrupt("a block of an unknown kind");
    }
  }
  return size_t(bits.byte() - bytes.data());
}

}  // namespace coopnets
