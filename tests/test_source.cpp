#include "data/source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "data/dataset.h"
#include "data/picture_files.h"
#include "files.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<uint8_t>;

SourceOptions from(const std::string &path) {
  SourceOptions options;
  options.path = path;
  return options;
}

std::string message_of(const std::string &path) {
  try {
    open_source(from(path));
  } catch (const std::exception &error) {
    return error.what();
  }
  return "no error";
}

// The last ones, or ones that a seed draws, as many as are asked for; what is learned from is the rest, in its order.
TEST(Source, HeldOutExamples) {
  TemporaryFolder folder;
  std::vector<uint8_t> values;
  for (uint8_t i = 0; i < 31; ++i) values.push_back(i);
  write_bytes(folder / "train-images-idx3-ubyte", idx({31, 1, 1}, values));
  const auto list = [&](int64_t count, std::optional<uint64_t> seed, bool held_out) {
    SourceOptions options = from(folder.path);
    options.held_out = count;
    options.held_out_seed = seed;
    options.take_held_out = held_out;
    return open_source(options).pixels;
  };
  EXPECT_EQ(list(5, {}, true), (Bytes{26, 27, 28, 29, 30}));
  EXPECT_EQ(list(30, {}, true), (Bytes(values.begin() + 1, values.end())));
  EXPECT_EQ(list(30, {}, false), (Bytes{0}));
  EXPECT_EQ(list(30, 3, true).size(), 30u);
  for (const bool held_out : {false, true})
    EXPECT_EQ(error_of([&] { list(31, {}, held_out); }),
              "held_out=31 leaves nothing to learn: there are 31 examples in " + folder.path);
  EXPECT_EQ(list(2, {}, true), (Bytes{29, 30}));
  EXPECT_EQ(list(2, {}, false), (Bytes(values.begin(), values.end() - 2)));
  EXPECT_EQ(list(0, {}, false), values);
  const Bytes drawn = list(5, 1, true), rest = list(5, 1, false);
  EXPECT_EQ(drawn.size(), 5u);
  EXPECT_NE(drawn, list(5, {}, true));
  EXPECT_NE(drawn, list(5, 2, true));
  Bytes all;
  std::merge(drawn.begin(), drawn.end(), rest.begin(), rest.end(), std::back_inserter(all));  // both ascend
  EXPECT_EQ(all, values);
}

// What a preset wishes for, which knows nothing of the data, is a sixth of it at most.
TEST(Source, APresetHoldsOutASixthAtMost) {
  TemporaryFolder folder;
  const auto held_out = [&](int64_t wished, uint32_t size, bool take) {
    write_bytes(folder / "train-images-idx3-ubyte", idx({size, 1, 1}, Bytes(size)));
    SourceOptions options = from(folder.path);
    options.held_out = wished;
    options.a_sixth_at_most = true;
    options.take_held_out = take;
    const Source source = open_source(options);
    EXPECT_EQ(source.size(), take ? source.held_out : size - source.held_out);
    return source.held_out;
  };
  for (const bool take : {false, true}) {
    EXPECT_EQ(held_out(100, 31, take), 5);
    EXPECT_EQ(held_out(5, 31, take), 5);
    EXPECT_EQ(held_out(2, 31, take), 2);
  }
  EXPECT_EQ(held_out(100, 5, false), 0);
}

// So many of each category, drawn by the seed from what is not held out.
TEST(Source, ExamplesAreDrawnBySeedFromEachCategory) {
  TemporaryFolder folder;
  Bytes values, labels;
  for (uint8_t i = 0; i < 60; ++i) values.push_back(i), labels.push_back(uint8_t(i % 5 == 0));
  write_bytes(folder / "train-images-idx3-ubyte", idx({60, 1, 1}, values));
  write_bytes(folder / "train-labels-idx1-ubyte", idx({60}, labels));
  SourceOptions options = from(folder.path);
  options.held_out = 20;
  options.held_out_seed = 7;
  const Source learned = open_source(options);
  options.take_held_out = true;
  const Bytes held_out = open_source(options).pixels;
  options.take_held_out = false;
  const auto drawn = [&](int64_t count, uint64_t seed) {
    options.examples = count;
    options.examples_seed = seed;
    return open_source(options);
  };
  std::set<Bytes> different;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Source some = drawn(4, seed);
    EXPECT_EQ(some.pixels, drawn(4, seed).pixels);
    different.insert(some.pixels);
    EXPECT_EQ(some.labels.size(), 8u);
    EXPECT_EQ(std::count(some.labels.begin(), some.labels.end(), 1), 4);
    for (size_t i = 0; i < some.pixels.size(); ++i) {
      EXPECT_EQ(some.labels[i], some.pixels[i] % 5 == 0);
      EXPECT_TRUE(i == 0 || some.pixels[i] > some.pixels[i - 1]);  // in the order of the source
      EXPECT_EQ(std::count(held_out.begin(), held_out.end(), some.pixels[i]), 0);
    }
  }
  EXPECT_GT(different.size(), 15u);
  // Where a category has fewer, all of it.
  EXPECT_EQ(drawn(1000, 1).pixels, learned.pixels);
  // Each of 32 pictures of a category is drawn as often as the others: 4 of 32 in 800 draws, 100 +- 9.
  std::map<uint8_t, int> counts;
  for (uint64_t seed = 0; seed < 800; ++seed)
    for (const uint8_t value : drawn(4, seed).pixels) ++counts[value];
  const int64_t zeros = std::count(learned.labels.begin(), learned.labels.end(), 0);
  EXPECT_EQ(int64_t(counts.size()), int64_t(learned.size()));
  for (const auto &[value, count] : counts) {
    const double share = 4.0 / double(value % 5 == 0 ? 40 - zeros : zeros);
    EXPECT_NEAR(count, 800 * share, 5 * std::sqrt(800 * share * (1 - share))) << int(value);
  }
}

TEST(Source, AFolderOfOtherFilesNamesTheirEnding) {
  TemporaryFolder folder;
  for (const char *name : {"a.webp", "b.webp", "inside/c.webp", "labels.txt", "LICENSE", "x", "y", "z", "w"})
    write_bytes(folder / name, {1});
  const std::string message = message_of(folder.path);
  EXPECT_NE(message.find("there are no pictures in " + folder.path), std::string::npos) << message;
  EXPECT_NE(message.find("; most files in it end in .webp, which is not read: convert such to PNG, as ImageMagick's "
                         "'mogrify -format png *.webp' does"),
            std::string::npos)
      << message;
}

TEST(Source, WhatCannotBeReadSaysWhatToDo) {
  TemporaryFolder folder;
  for (const char *name : {"bedroom_train_lmdb/data.mdb", "bedroom_train_lmdb/lock.mdb", "zip/faces.ZIP"})
    write_bytes(folder / name, {1});
  const std::string lmdb = folder / "bedroom_train_lmdb",
                    exported = ": LSUN's database is exported to pictures by 'python2 data.py save " + lmdb +
                               " --out_dir PICTURES --flat', of https://github.com/fyu/lsun";
  EXPECT_EQ(message_of(lmdb + "/data.mdb"), "cannot read " + lmdb + "/data.mdb" + exported);
  EXPECT_NE(message_of(lmdb).find("; most files in it end in .mdb, which is not read" + exported), std::string::npos);
  const std::string zip = folder / "zip/faces.ZIP", unpack = ": unpack it, and name the folder";
  EXPECT_EQ(message_of(zip), "cannot read " + zip + unpack);
  EXPECT_NE(message_of(folder / "zip").find("end in .zip, which is not read" + unpack), std::string::npos);
}

TEST(Source, PicturesOfOtherKindsBesideThoseThatAreReadAreSaid) {
  TemporaryFolder folder;
  for (const char *name : {"a.png", "b.HEIC", "inside/c.heic", "d.tif", "notes.txt"}) write_bytes(folder / name, {1});
  const Source source = open_source(from(folder.path));
  EXPECT_EQ(source.size(), 1);
  EXPECT_EQ(source.warning,
            "in " + folder.path +
                " 2 files end in .heic, which is not read: convert such to PNG, as ImageMagick's "
                "'mogrify -format png *.heic' does; 1 file ends in .tif, which is not read: convert such "
                "to PNG, as ImageMagick's 'mogrify -format png *.tif' does");
}

// On most file systems a folder lists its entries in an order of its own.
TEST(Source, AFolderThatSeveralLinksLeadToCountsWhereItComesFirstByName) {
  TemporaryFolder folder;
  write_bytes(folder / "m/a.png", encode_png(noise(4, 4, 1)));
  for (const char name : std::string("zyxcdewvuabtsrfgqp"))  // listed forwards or backwards: a is not the first
    fs::create_directory_symlink(folder / "m", folder / std::string(1, name));
  const Source source = open_source(from(folder.path));
  EXPECT_EQ(source.categories, std::vector<std::string>{"a"});
  EXPECT_EQ(source.paths, std::vector<std::string>{folder / "a/a.png"});
}

TEST(Source, LinksInCirclesAreWalkedOnceAndDepthIsNoMatter) {
  TemporaryFolder folder;
  write_bytes(folder / "m/deep/a.png", encode_png(noise(4, 4, 1)));
  fs::create_directory_symlink(folder.path, folder / "m/deep/up");
  fs::create_directory_symlink(".", folder / "m/here");
  fs::create_directory_symlink("b", folder / "m/a");
  fs::create_directory_symlink("a", folder / "m/b");  // a circle that leads nowhere
  std::string deep = folder / "n";
  for (int i = 0; i < 200; ++i) deep += "/d";
  write_bytes(deep + "/z.png", encode_png(noise(4, 4, 1)));
  for (const char *thumbnail : {"m/@eaDir/a.png", "m/deep/.thumbnails/a.png", "m/._a.png"})
    write_bytes(folder / thumbnail, {1});  // of file servers and of other systems
  const Source source = open_source(from(folder.path));
  EXPECT_EQ(source.paths, (std::vector<std::string>{folder / "m/deep/a.png", deep + "/z.png"}));
  EXPECT_EQ(source.warning, "");
}

// Deeper than a path can name.
TEST(Source, FoldersThatCannotBeReadAreSaid) {
  TemporaryFolder folder;
  write_bytes(folder / "a.png", encode_png(noise(4, 4, 1)));
  const fs::path before = fs::current_path();
  const std::string name(200, 'd');
  fs::current_path(folder.path);
  for (int i = 0; i < 25; ++i) {
    fs::create_directory(name);
    fs::current_path(name);
  }
  fs::current_path(before);
  const Source source = open_source(from(folder.path));
  EXPECT_EQ(source.paths, std::vector<std::string>{folder / "a.png"});
  EXPECT_CONTAINS(source.warning, "a folder cannot be read: " + folder.path + "/dd");
  EXPECT_CONTAINS(source.warning, ": File name too long");
  fs::remove(folder / "a.png");
  EXPECT_CONTAINS(message_of(folder.path), "; a folder cannot be read: " + folder.path);
}

// EMNIST's names, each in a folder of its own or several in one; its pictures are transposed, which is said of what is
// learned from.
TEST(Source, EmnistIsTurnedUpright) {
  TemporaryFolder folder;
  const Bytes stored = {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16}, upright = {1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16};
  const auto put = [&](const std::string &place, const std::string &set) {
    const std::string start = folder / (place + "/emnist-" + set);
    write_bytes(start + "-train-images-idx3-ubyte.gz", gzip_stored(idx({2, 2, 3}, stored)));
    write_bytes(start + "-train-labels-idx1-ubyte.gz", gzip_stored(idx({2}, {3, 1})));
    write_bytes(start + "-test-images-idx3-ubyte", idx({1, 2, 3}, {6, 5, 4, 3, 2, 1}));
    write_bytes(start + "-test-labels-idx1-ubyte", idx({1}, {2}));
  };
  put("digits", "digits");
  put("EMNIST/raw", "letters");
  for (const char *place : {"digits", "EMNIST", "EMNIST/raw", "digits/emnist-digits-train-images-idx3-ubyte.gz"}) {
    const Source source = open_source(from(folder / place));
    EXPECT_EQ(source.shape, (Shape{1, 1, 3, 2, 1})) << place;
    EXPECT_EQ(source.pixels, upright) << place;
    EXPECT_EQ(source.labels, (std::vector<int64_t>{3, 1})) << place;
    EXPECT_EQ(source.warning, "EMNIST's files hold pictures transposed: they are turned upright") << place;
  }
  SourceOptions test = from(folder / "digits");
  test.train = false;
  EXPECT_EQ(open_source(test).pixels, (Bytes{6, 3, 5, 2, 4, 1}));
  EXPECT_EQ(open_source(test).labels, std::vector<int64_t>{2});
  EXPECT_EQ(open_source(test).warning, "");
  put("digits", "byclass");
  EXPECT_EQ(message_of(folder / "digits"),
            (folder / "digits") +
                " holds several sets, such as emnist-byclass-train-images-idx3-ubyte and "
                "emnist-digits-train-images-idx3-ubyte: name a folder of one, or a file of pictures");
  write_bytes(folder / "mnist/train-images-idx3-ubyte", idx({2, 2, 3}, stored));
  EXPECT_EQ(open_source(from(folder / "mnist")).pixels, stored);
  EXPECT_EQ(open_source(from(folder / "mnist")).warning, "");
}

TEST(Source, CifarRecordsMayBeginAsAnIdxFile) {
  TemporaryFolder folder;
  Bytes records = cifar_records({0, 3}, 1);
  records[1] = 0, records[2] = 8, records[3] = 3;  // an airplane in a dark sky
  write_bytes(folder / "data_batch_1.bin", records);
  const Source source = open_source(from(folder / "data_batch_1.bin"));
  EXPECT_EQ(source.size(), 2);
  EXPECT_EQ(source.labels, (std::vector<int64_t>{0, 3}));
}

TEST(Source, AnIncompleteCifarIsLearnedWithAWarning) {
  TemporaryFolder folder;
  for (const char *number : {"1", "2", "3", "5"})
    write_bytes(folder / (std::string("data_batch_") + number + ".bin"), cifar_records({1}, 1));
  write_bytes(folder / "test_batch.bin", cifar_records({1}, 1));
  const std::string expected = "CIFAR-10 is incomplete: " + folder.path + " lacks data_batch_4.bin";
  EXPECT_EQ(open_source(from(folder.path)).warning, expected);
  DatasetOptions options;
  options.source.path = folder.path;
  std::string said;
  options.warn = [&](const std::string &sentence) { said += sentence; };
  EXPECT_EQ(Dataset(options).size(), 4);
  EXPECT_EQ(said, expected);
  said = "";
  options.source.train = false;
  EXPECT_EQ(Dataset(options).size(), 1);
  write_bytes(folder / "data_batch_4.bin", cifar_records({1}, 1));
  options.source.train = true;
  EXPECT_EQ(Dataset(options).size(), 5);
  EXPECT_EQ(said, "");

  TemporaryFolder hundred;
  write_bytes(hundred / "train.bin", cifar_records({99}, 2));
  EXPECT_EQ(open_source(from(hundred.path)).warning, "");
}

}  // namespace
}  // namespace coopnets
