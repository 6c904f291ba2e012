#include "fuzz/mutations.h"

namespace coopnets {
namespace {

// Headers and the tables at the end matter most: half of the places are among the first 256 bytes, a quarter
// among the last.
size_t place(const Bytes &bytes, Dice &dice) {
  const uint32_t size = uint32_t(bytes.size()), near = std::min<uint32_t>(size, 256), where = dice(4);
  return where < 2 ? dice(near) : where == 2 ? size - 1 - dice(near) : dice(size);
}

// A length field, most likely: small numbers, the ends of what 8, 16 and 32 bits hold, the file's own size.
void set_number(Bytes &bytes, Dice &dice) {
  const uint32_t size = uint32_t(bytes.size());
  const uint32_t numbers[] = {0,      1,        2,          0x7F,       0x80,       0xFF,
                              0x7FFF, 0x8000,   0xFFFF,     0x10000,    0x7FFFFFFF, 0x80000000,
                              size,   size - 1, 0xFFFFFFFF, 0xFFFFFFFE, dice(256),  dice(65536)};
  const uint32_t number = numbers[dice(uint32_t(std::size(numbers)))];
  const size_t at = place(bytes, dice), width = size_t{1} << dice(4);
  const bool big = dice(2);
  for (size_t i = 0; i < width && at + i < bytes.size(); ++i) {
    const size_t shift = 8 * (big ? width - 1 - i : i);
    bytes[at + i] = shift < 32 ? uint8_t(number >> shift) : 0;
  }
}

void set_digit(Bytes &bytes, Dice &dice) {
  std::vector<size_t> digits;
  for (size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] >= '0' && bytes[i] <= '9') digits.push_back(i);
  if (!digits.empty()) bytes[digits[dice(uint32_t(digits.size()))]] = uint8_t('0' + dice(10));
}

// Up to 64 bytes are repeated where they are, or left out.
void repeat_or_erase(Bytes &bytes, Dice &dice) {
  const auto first = bytes.begin() + int64_t(place(bytes, dice));
  const auto last = first + std::min<int64_t>(1 + dice(64), bytes.end() - first);
  if (dice(2)) {
    const Bytes piece(first, last);
    bytes.insert(last, piece.begin(), piece.end());
  } else {
    bytes.erase(first, last);
  }
}

void splice(Bytes &bytes, const Bytes &other, Dice &dice) {
  bytes.resize(place(bytes, dice));
  bytes.insert(bytes.end(), other.begin() + int64_t(place(other, dice)), other.end());
}

void change(Bytes &bytes, const std::vector<Bytes> &seeds, Dice &dice) {
  switch (dice(10)) {
    case 0:
    case 1:
      bytes[place(bytes, dice)] ^= uint8_t(1 << dice(8));
      break;
    case 2:
    case 3:
      bytes[place(bytes, dice)] = uint8_t(dice(256));
      break;
    case 4:
      set_digit(bytes, dice);
      break;
    case 5:
    case 6:
      set_number(bytes, dice);
      break;
    case 7:
      repeat_or_erase(bytes, dice);
      break;
    case 8:
      bytes.resize(place(bytes, dice));
      break;
    default:
      splice(bytes, seeds[dice(uint32_t(seeds.size()))], dice);
  }
}

}  // namespace

Bytes mutated(const std::vector<Bytes> &seeds, size_t most_bytes, Dice &dice) {
  Bytes bytes = seeds[dice(uint32_t(seeds.size()))];
  for (uint32_t changes = 1 + dice(4); changes > 0 && !bytes.empty(); --changes) change(bytes, seeds, dice);
  bytes.resize(std::min(bytes.size(), most_bytes));
  return bytes;
}

}  // namespace coopnets
