#include "data/idx.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "data/bytes.h"
#include "data/inflate.h"
#include "data/picture_files.h"
#include "files.h"

// Of stb_image_write, which declares it nowhere.
extern "C" unsigned char *stbi_zlib_compress(unsigned char *data, int size, int *packed, int quality);

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;

// 64 labels, (7 i^2) mod 10 unless 3 divides i, packed by zlib: a header with a file name, one block with its own
// codes.
const Bytes packed_labels = {31,  139, 8,   8,   0,   0,   0,  0,   2,   3,   108, 97,  98,  101, 108,
                             115, 0,   133, 201, 49,  17,  0,  32,  12,  4,   176, 208, 30,  215, 151,
                             133, 127, 85,  224, 128, 41,  67, 200, 194, 49,  81,  91,  135, 209, 165,
                             250, 41,  109, 151, 204, 127, 47, 114, 57,  110, 181, 72,  0,   0,   0};

TEST(Gzip, UnpacksStoredAndCodedBlocks) {
  const Bytes text = bytes_of("CoopNets", {});
  EXPECT_EQ(gunzip(gzip_stored(text), "x"), text);
  EXPECT_EQ(gunzip(gzip_stored({}), "x"), Bytes());
  const Bytes labels = gunzip(packed_labels, "x");
  ASSERT_EQ(labels.size(), 72u);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(labels[size_t(8 + i)], i % 3 ? 7 * i * i % 10 : 0);
  // Optional fields: extra bytes, a comment, the header's own checksum.
  Bytes fields = gzip_stored(text);
  fields[3] = 2 | 4 | 16;
  const Bytes optional = {3, 0, 'a', 'b', 'c', 'h', 'i', 0, 0x12, 0x34};
  fields.insert(fields.begin() + 10, optional.begin(), optional.end());
  EXPECT_EQ(gunzip(fields, "x"), text);
}

TEST(Gzip, EveryTruncationAndEveryFlippedBitOfTheDataIsAnError) {
  for (size_t length = 0; length < packed_labels.size(); ++length)
    EXPECT_THROW(gunzip(Bytes(packed_labels.begin(), packed_labels.begin() + int64_t(length)), "x"),
                 std::runtime_error);
  for (size_t at = 17; at < packed_labels.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      if (at == packed_labels.size() - 9 && bit >= 6) continue;  // two bits fill the last byte of the data
      Bytes damaged = packed_labels;
      damaged[at] ^= uint8_t(1 << bit);
      EXPECT_THROW(gunzip(damaged, "x"), std::runtime_error) << "byte " << at << " bit " << bit;
    }
  Dice dice(5);
  for (int trial = 0; trial < 2000; ++trial) {
    Bytes damaged = packed_labels;
    for (int flips = 0; flips < 3; ++flips) damaged[dice(uint32_t(damaged.size()))] = uint8_t(dice(256));
    try {
      gunzip(damaged, "x");
    } catch (const std::runtime_error &) {
    }
  }
}

std::string refusal(const Bytes &bytes, int64_t limit = 1 << 24) {
  return error_of([&] { gunzip(bytes, "x", limit); });
}

// A stated length that is too much is refused before anything is unpacked; of one that cannot be, what comes out counts.
TEST(Gzip, ALengthThatLiesAndABombAreRefused) {
  Bytes bomb = packed_labels;
  const size_t size = bomb.size() - 4;
  for (const uint32_t length : {0xFFFFFFFFu, 0x7FFFFFFFu, 1u << 20}) {
    for (size_t byte = 0; byte < 4; ++byte) bomb[size + byte] = uint8_t(length >> (8 * byte));
    EXPECT_CONTAINS(refusal(bomb), "its data does not have the length that it states");
  }
  Bytes zeros = gzip_stored(Bytes(size_t{2} << 20));
  EXPECT_EQ(gunzip(zeros, "x").size(), size_t{2} << 20);
  EXPECT_EQ(refusal(zeros, 1 << 20), "cannot unpack x: it would grow to more than the 1048576 bytes expected of it");
  Bytes unpackable = zeros;
  unpackable[10] = 0b111;  // a block of an unknown kind, which is not even looked at
  EXPECT_EQ(refusal(unpackable, 1 << 20), refusal(zeros, 1 << 20));
  EXPECT_CONTAINS(refusal(unpackable), "a block of an unknown kind");
  zeros[zeros.size() - 2] = 0x10;
  EXPECT_CONTAINS(refusal(zeros), "its data does not have the length that it states");
}

Bytes joined(const std::vector<Bytes> &parts) {
  Bytes all;
  for (const Bytes &part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// As `cat a.gz b.gz` and tapes make them.
TEST(Gzip, SeveralMembersAndZerosBehindThem) {
  const Bytes first = gzip_stored(bytes_of("Coop", {})), last = gzip_stored(bytes_of("Nets", {}));
  const Bytes both = joined({first, gzip_stored({}), last});
  EXPECT_EQ(gunzip(both, "x"), bytes_of("CoopNets", {}));
  EXPECT_EQ(gunzip(joined({both, Bytes(1000)}), "x"), bytes_of("CoopNets", {}));
  EXPECT_EQ(gunzip(joined({first, packed_labels}), "x").size(), 4u + 72u);
  EXPECT_EQ(refusal(both, 7), "cannot unpack x: it would grow to more than the 7 bytes expected of it");
  const std::string others = " bytes that are not gzip, so it is damaged or was joined with another file";
  EXPECT_EQ(refusal(joined({both, {7}})), "cannot unpack x: behind its end are 1" + others);
  EXPECT_EQ(refusal(joined({both, Bytes(10), last})),
            "cannot unpack x: behind its end are " + std::to_string(10 + last.size()) + others);
  for (size_t length = first.size() + 1; length < first.size() + last.size(); ++length) {
    Bytes cut = joined({first, last});
    cut.resize(length);
    EXPECT_CONTAINS(refusal(cut), length == first.size() + 1 ? "behind its end are 1 bytes" : "it ends early");
  }
  Bytes damaged = both;
  damaged[damaged.size() - 8] ^= 1;
  EXPECT_CONTAINS(refusal(damaged), "its CRC-32 differs");
}

// stb packs by fixed codes, with repetitions up to 32 KiB back and 258 bytes long.
TEST(Inflate, UnpacksFixedCodesWithRepetitions) {
  Dice dice(2);
  Bytes data;
  while (data.size() < 200'000) {
    const size_t back = dice(32768), length = dice(300);
    for (size_t i = 0; i < length; ++i)
      data.push_back(back >= data.size() || dice(40) == 0 ? uint8_t(dice(256)) : data[data.size() - 1 - back]);
  }
  int size = 0;
  uint8_t *const zlib = stbi_zlib_compress(data.data(), int(data.size()), &size, 16);
  const Bytes packed(zlib + 2, zlib + size - 4);  // without zlib's header and check sum
  std::free(zlib);
  ASSERT_LT(packed.size(), data.size());
  Bytes out = {9};
  EXPECT_EQ(inflate(packed, 0, packed.size(), 1 << 20, out), packed.size());
  EXPECT_EQ(out[0], 9);
  EXPECT_TRUE(std::equal(out.begin() + 1, out.end(), data.begin(), data.end()));
  for (size_t length = 0; length < packed.size(); length += 997) {
    out.clear();
    EXPECT_EQ(error_of([&] { inflate(packed, 0, length, 1 << 20, out); }), "it ends early");
  }
}

// Streams worked out bit by bit, the lowest bit of a byte first.
TEST(Inflate, WhatNoStreamHoldsIsRefused) {
  const auto refusal_of = [](const Bytes &stream) {
    Bytes out = {1, 2, 3};  // not to be repeated: they are before the stream's beginning
    return error_of([&] { inflate(stream, 0, stream.size(), 100, out); });
  };
  EXPECT_EQ(refusal_of({}), "it ends early");
  EXPECT_CONTAINS(refusal_of({0b111}), "a block of an unknown kind");
  EXPECT_CONTAINS(refusal_of({1, 1, 0, 0, 0}), "the two sizes of a block differ");
  EXPECT_EQ(refusal_of({1, 2, 0, 0xFD, 0xFF, 7}), "it ends early");
  // Fixed codes: 1 10, then 0000001 (length 3), 00000 (distance 1).
  EXPECT_CONTAINS(refusal_of({0b00000011, 0b00000010, 0, 0}), "a repetition of what is before its beginning");
  // 11000110: symbol 286.
  EXPECT_CONTAINS(refusal_of({0b00011011, 0b00000011, 0}), "a length that there is not");
  // 0000001 (length 3), 11110 (distance symbol 30).
  EXPECT_CONTAINS(refusal_of({0b00000011, 0b00111110, 0, 0}), "a distance that there is not");
  // Own codes: 1 01, 31 more literals than 257.
  EXPECT_CONTAINS(refusal_of({0b11111101, 0, 0, 0}), "more symbols than there are");
  // 257 literals, 1 distance, 4 lengths of codes, all of one bit: for 16, 17, 18 and 0.
  EXPECT_CONTAINS(refusal_of({0b00000101, 0, 0b10010010, 0b100, 0}), "more codes than there can be");
}

TEST(Idx, ReadsPlainAndGzip) {
  TemporaryFolder folder;
  Bytes values(12);
  for (size_t i = 0; i < 12; ++i) values[i] = uint8_t(20 * i);
  write_bytes(folder / "plain", idx({3, 2, 2}, values));
  write_bytes(folder / "packed", gzip_stored(idx({3, 2, 2}, values)));
  for (const std::string name : {"plain", "packed"}) {
    EXPECT_TRUE(is_idx_file(folder / name));
    const Idx read = load_idx(folder / name);
    EXPECT_EQ(read.sizes, (std::vector<int64_t>{3, 2, 2}));
    EXPECT_EQ(read.values, values);
  }
  write_bytes(folder / "labels", packed_labels);
  EXPECT_EQ(load_idx(folder / "labels").sizes, std::vector<int64_t>{64});
}

TEST(Idx, SizesThatDisagreeWithTheLengthAreErrors) {
  TemporaryFolder folder;
  const std::string path = folder / "file";
  const Bytes whole = idx({2, 3, 1}, {1, 2, 3, 4, 5, 6});
  for (size_t length = 0; length < whole.size(); ++length) {
    write_bytes(path, Bytes(whole.begin(), whole.begin() + int64_t(length)));
    EXPECT_THROW(load_idx(path), std::runtime_error) << length;
  }
  Bytes longer = whole;
  longer.push_back(0);
  const uint32_t huge = 0xFFFFFFFFu;
  const std::vector<Bytes> bad = {longer,
                                  idx({0, 3, 1}, {}),
                                  idx({0, huge, huge}, {1, 2, 3}),
                                  idx({huge, huge, huge}, {1, 2, 3}),
                                  idx({65536, 65536, 65536, 65536}, {}),
                                  bytes_of("This is no idx file", {}),
                                  {0, 0, 9, 1, 0, 0, 0, 1, 7},    // signed bytes
                                  {0, 0, 8, 0, 1},                // no axis
                                  {0, 0, 8, 200, 0, 0, 0, 1, 1},  // 200 axes
                                  gzip_stored(bytes_of("neither is this", {}))};
  for (const Bytes &bytes : bad) {
    write_bytes(path, bytes);
    try {
      load_idx(path);
      ADD_FAILURE() << "no error";
    } catch (const std::runtime_error &error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(load_idx(folder / "none"), std::runtime_error);
}

TEST(Idx, FindsTheFilesByTheirNames) {
  TemporaryFolder folder;
  EXPECT_EQ(find_idx(folder.path, true, "images"), "");
  for (const std::string name : {"train-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte"})
    write_bytes(folder / name, {1});
  EXPECT_EQ(find_idx(folder.path, true, "images"), folder / "train-images-idx3-ubyte.gz");
  EXPECT_EQ(find_idx(folder.path, false, "labels"), folder / "t10k-labels.idx1-ubyte");
  EXPECT_EQ(find_idx(folder.path, false, "images"), "");
  // As torchvision has it; two sets are one too many.
  write_bytes(folder / "data/MNIST/raw/train-images-idx3-ubyte", {});
  for (const char *place : {"data", "data/MNIST", "data/MNIST/raw"})
    EXPECT_EQ(find_idx(folder / place, true, "images"), folder / "data/MNIST/raw/train-images-idx3-ubyte") << place;
  EXPECT_EQ(find_idx(folder / "data", false, "images"), "");
  write_bytes(folder / "data/FashionMNIST/raw/train-images-idx3-ubyte.gz", {});
  EXPECT_EQ(find_idx(folder / "data/MNIST", true, "images"), folder / "data/MNIST/raw/train-images-idx3-ubyte");
  try {
    find_idx(folder / "data", true, "images");
    ADD_FAILURE() << "one of two sets was chosen in silence";
  } catch (const std::runtime_error &error) {
    EXPECT_NE(std::string(error.what()).find("FashionMNIST/raw/train-images-idx3-ubyte.gz and "), std::string::npos);
  }
}

}  // namespace
}  // namespace coopnets
