#include "data/zip.h"

#include "data/npz_files.h"
#include "data/picture_files.h"
#include "files.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;

class ZipTest : public FolderTest {
 protected:
  Zip open(const Bytes &bytes) const {
    write_bytes(path, bytes);
    return Zip(path);
  }
  std::string refusal(const Bytes &bytes, const std::string &name = "a", int64_t limit = 1000) const {
    return error_of([&] { open(bytes).member(name, limit); });
  }
  // Deflated in one block that is stored as it is.
  static Bytes deflated(const Bytes &data) {
    Bytes out = {1};
    append_little_endian(out, data.size(), 2);
    append_little_endian(out, 0xFFFF ^ data.size(), 2);
    out.insert(out.end(), data.begin(), data.end());
    return out;
  }
  const std::string path = folder + "/archive.zip";
  const Bytes data = {3, 1, 4, 1, 5, 9};
};

TEST_F(ZipTest, members_stored_and_deflated) {
  ZipMember packed{"folder/b", deflated(data), 8};
  packed.size = 6;
  packed.crc = crc32(data.data(), data.size());
  for (const bool wide : {false, true})
    for (const char *comment : {"", "a comment with PK\5\6 in it"}) {
      ZipMember stored{"a", data};
      stored.wide = packed.wide = wide;
      const Zip zip = open(zip_of({stored, packed, {"empty", {}}}, comment));
      EXPECT_TRUE(zip.has("a") && zip.has("folder/b") && !zip.has("b"));
      EXPECT_EQ(zip.member("a", 6), data);
      EXPECT_EQ(zip.member("folder/b", 6), data);
      EXPECT_EQ(zip.member("empty", 0), Bytes());
    }
  EXPECT_EQ(refusal(zip_of({{"a", data}}), "c"), "there is no c in " + path + ", which holds 'a'");
  EXPECT_EQ(refusal(zip_of({}), "c"), "there is no c in " + path);
}

// Every number of the archive is held against the file before memory is taken for it.
TEST_F(ZipTest, what_lies_is_refused) {
  const auto with = [&](const auto &lie) {
    ZipMember m{"a", data};
    lie(m);
    return refusal(zip_of({m}));
  };
  const std::string bad = "cannot read " + path + ": it is truncated or damaged (";
  EXPECT_CONTAINS(with([](ZipMember &m) { m.crc = 7; }), "a of " + path + ": it is corrupt (CRC-32 differs)");
  EXPECT_EQ(with([](ZipMember &m) { m.size = 7; }), bad + "the two sizes of 'a' differ)");
  EXPECT_EQ(with([](ZipMember &m) { m.packed = 100; }), bad + "'a' ends early)");
  EXPECT_EQ(with([](ZipMember &m) { m.packed = m.size = 7; }), bad + "'a' ends early)");
  EXPECT_CONTAINS(with([](ZipMember &m) { m.size = 1001; }),
                  "it would grow to 1001 bytes, more than the 1000 expected of it");
  EXPECT_CONTAINS(with([](ZipMember &m) { m.size = int64_t{1} << 62, m.wide = true; }), "it would grow to 46116860");
  EXPECT_EQ(with([](ZipMember &m) { m.packed = int64_t{1} << 62, m.wide = true; }), bad + "'a' ends early)");
  for (const int64_t place : {int64_t{1}, int64_t{60}, int64_t{1} << 31, int64_t{1} << 62})
    EXPECT_EQ(with([&](ZipMember &m) { m.header = place, m.wide = place >> 32 > 0; }),
              bad + "'a' is not where its directory says)");
  EXPECT_CONTAINS(with([](ZipMember &m) { m.flags = 1; }), "it is encrypted");
  EXPECT_CONTAINS(with([](ZipMember &m) { m.method = 12; }), "its compression method, 12, is unknown");
  EXPECT_EQ(refusal(zip_of({{"a", data}, {"a", data}})), bad + "it holds 'a' twice)");

  // A bomb: deflate cannot make so many bytes of six. And data that gives fewer or more than it states.
  const auto deflate_of = [&](int64_t size) {
    return with([&](ZipMember &m) { m.method = 8, m.data = deflated(data), m.size = size; });
  };
  write_bytes(path, zip_of({}));
  ZipMember bomb{"a", deflated(data), 8};
  bomb.size = (int64_t{1} << 31) - 1;
  EXPECT_CONTAINS(refusal(zip_of({bomb}), "a", bomb.size), "the length that it states cannot be");
  EXPECT_CONTAINS(deflate_of(5), "it would grow to more than the 5 bytes expected of it");
  EXPECT_CONTAINS(deflate_of(7), "its data does not have the length that it states");
}

TEST_F(ZipTest, what_is_no_archive_is_refused) {
  EXPECT_CONTAINS(error_of([&] { Zip(folder + "/none.npz"); }), "cannot open " + folder + "/none.npz");
  EXPECT_CONTAINS(refusal({}), "it is no zip archive, which .npz files are");
  EXPECT_CONTAINS(refusal(Bytes(100, 7)), "it is no zip archive");
  EXPECT_CONTAINS(refusal({'P', 'K', 3, 4}), "it is no zip archive");
  Bytes long_one = {'P', 'K'};
  long_one.resize(200000);
  EXPECT_CONTAINS(refusal(long_one), "it has no directory");
}

// Cut anywhere, it is refused; with any one byte changed, it is refused or gives the same data: nothing else happens.
TEST_F(ZipTest, no_damage_goes_unnoticed) {
  ZipMember packed{"b", deflated(data), 8}, stored{"a", data};
  packed.size = 6;
  packed.crc = crc32(data.data(), data.size());
  stored.wide = true;
  const Bytes whole = zip_of({stored, packed});
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(refusal(Bytes(whole.begin(), whole.begin() + int64_t(length))), "") << length;
  int64_t refused = 0;
  for (size_t at = 0; at < whole.size(); ++at)
    for (const uint8_t flip : {1, 2, 0x80, 0xFF}) {
      Bytes changed = whole;
      changed[at] ^= flip;
      try {
        const Zip zip = open(changed);
        EXPECT_EQ(zip.member("a", 1000), data) << at;
        EXPECT_EQ(zip.member("b", 1000), data) << at;
      } catch (const std::runtime_error &) {
        ++refused;
      }
    }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace coopnets
