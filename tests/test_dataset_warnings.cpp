// What a data set says of its pictures: which cannot be read and what takes their place, which are odd.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "data/dataset_files.h"
#include "files.h"
#include "tensor/file.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(DatasetWarnings, ABadPictureIsNamedCountedAndReplaced) {
  TemporaryFolder folder;
  write_pictures(folder / "x", 21, 1);
  write_pictures(folder / "y", 21, 2);
  write_bytes(folder / "x/c.png", bytes_of("no picture", {}));
  Bytes cut = encode_png(noise(10, 10, 3));
  cut.resize(cut.size() / 2);
  write_bytes(folder / "y/u.png", cut);  // the last of y: the first of y takes its place
  std::vector<std::string> warnings;
  DatasetOptions options = options_for(folder.path);
  options.warn = [&](const std::string &sentence) { warnings.push_back(sentence); };
  Dataset kept(options);
  EXPECT_EQ(kept.size(), 42);
  EXPECT_EQ(kept.bad_count(), 2);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_NE(warnings[0].find("x/c.png: "), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[1].find("y/u.png: it ends early"), std::string::npos) << warnings[1];
  EXPECT_EQ(kept.image(4), kept.image(6));   // x/c, then y/c, then x/d
  EXPECT_EQ(kept.image(41), kept.image(1));  // y/u, then (round the end) x/a, then y/a

  options.memory_limit = 0;
  Dataset streamed(options);
  for (int64_t iteration = 0; iteration < 6; ++iteration)
    EXPECT_EQ(batch(streamed, iteration, 10), batch(kept, iteration, 10));
  EXPECT_EQ(streamed.examples(0, 42), kept.examples(0, 42));
  EXPECT_EQ(streamed.bad_count(), 2);
  EXPECT_EQ(warnings.size(), 4u);
}

// A few are named, all are listed.
TEST(DatasetWarnings, EveryBadPictureIsListedInAFile) {
  TemporaryFolder folder;
  const std::string list = folder / "skipped.txt";
  for (int i = 0; i < 100; ++i)
    write_bytes(folder / ("data/" + std::to_string(100 + i) + ".png"), encode_png(noise(8, 8, 3, uint64_t(i + 1))));
  for (const int64_t memory : {int64_t{1} << 30, int64_t{0}}) {
    for (const char *name : {"110", "120", "1\n3", "140", "150"})
      write_bytes(folder / (std::string("data/") + name + ".png"), bytes_of("no picture", {}));
    std::vector<std::string> said;
    DatasetOptions options = options_for(folder / "data");
    options.height = options.width = 8;
    options.memory_limit = memory;
    options.warn = [&](const std::string &sentence) { said.push_back(sentence); };
    Dataset data(options);
    write_bytes(list, bytes_of("of an earlier run", {}));
    data.list_bad_in(list);
    for (int i = 0; i < 2; ++i) batch(data, i, int64_t(data.size()));
    EXPECT_EQ(data.bad_count(), 5);
    ASSERT_EQ(said.size(), 5u) << memory;
    for (size_t i = 0; i < 3; ++i) EXPECT_CONTAINS(said[i], "; another picture takes its place");
    EXPECT_EQ(said[3], "2 more pictures cannot be used; what else is bad is counted and not named here");
    EXPECT_EQ(said[4], list + " names every picture that cannot be used, and says why");
    const std::string text = read_file(list);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\t'), 5);
    for (const char *name : {"110", "120", "1?3", "140", "150"})
      EXPECT_CONTAINS(text, (folder / "data/") + name + ".png\t");
    EXPECT_CONTAINS(text, "110.png: it is truncated or no PNG");

    // Nothing is bad: the list of an earlier run goes. One that cannot be written stops nothing.
    write_pictures(folder / "good", 3);
    Dataset good(options_for(folder / "good"));
    good.list_bad_in(list);
    EXPECT_FALSE(std::filesystem::exists(list));
    good.list_bad_in(folder / "none/skipped.txt");
    said.clear();
    data.list_bad_in(folder / "none/skipped.txt");
    EXPECT_TRUE(said.empty());  // the warning about the list came before
    Dataset again(options);
    said.clear();
    again.list_bad_in(folder / "none/skipped.txt");
    if (memory > 0) {
      ASSERT_EQ(said.size(), 1u);
      EXPECT_CONTAINS(said[0], "pictures that cannot be used are not listed: could not write " + (folder / "none/"));
    }
  }
}

// Said once for all of them, in memory and streamed; nothing is said of ordinary pictures.
TEST(DatasetWarnings, TransparentAndEnlargedPicturesAreSaid) {
  TemporaryFolder folder;
  write_pictures(folder.path, 3);
  const Bytes half = {200, 100, 0, 128};
  Bytes rgba;
  for (int i = 0; i < 10 * 10; ++i) rgba.insert(rgba.end(), half.begin(), half.end());
  for (const char *name : {"x.png", "y.png"}) {
    Bytes png;
    stbi_write_png_to_func(append_bytes, &png, 10, 10, 4, rgba.data(), 40);
    write_bytes(folder / name, png);
  }
  for (const int64_t memory : {int64_t{1} << 30, int64_t{0}})
    for (const int64_t side : {18, 21}) {
      std::vector<std::string> said;
      DatasetOptions options = options_for(folder.path);
      options.warn = [&](const std::string &sentence) { said.push_back(sentence); };
      options.height = options.width = side;
      options.memory_limit = memory;
      options.alpha = Alpha::white;
      Dataset data(options);
      for (int i = 0; i < 3; ++i) batch(data, i, 5);
      EXPECT_EQ(data.bad_count(), 0);
      ASSERT_EQ(said.size(), side == 18 ? 1u : 2u) << side;
      EXPECT_NE(said[0].find("transparent pixels, such as " + (folder / "")), std::string::npos) << said[0];
      EXPECT_NE(said[0].find("they lie on white"), std::string::npos) << said[0];
      if (side == 21) {
        EXPECT_NE(said[1].find("more than twice to 21x21"), std::string::npos) << said[1];
      }
      const Image blended = data.image(3);
      EXPECT_EQ(blended.at(5, 5)[0], (200 * 128 + 255 * 127 + 127) / 255);
    }
}

// Whatever is bad, size, labels and order stay, and what takes a place does not depend on when that is found.
TEST(DatasetWarnings, ACategoryOfBadPicturesIsNoReasonToStop) {
  TemporaryFolder folder;
  write_pictures(folder / "good", 24, 1);
  write_bytes(folder / "only/x.png", bytes_of("no picture", {}));
  DatasetOptions options = options_for(folder.path);
  Dataset kept(options);
  EXPECT_EQ(kept.size(), 25);
  EXPECT_EQ(kept.bad_count(), 1);
  EXPECT_EQ(kept.categories(), (std::vector<std::string>{"good", "only"}));
  EXPECT_EQ(kept.label(1), 1);
  EXPECT_EQ(kept.image(1), kept.image(2));  // good/a, only/x, good/b
  options.memory_limit = 0;
  Dataset streamed(options);
  for (int64_t iteration = 0; iteration < 6; ++iteration)
    EXPECT_EQ(batch(streamed, iteration, 10), batch(kept, iteration, 10));
  EXPECT_EQ(streamed.bad_count(), 1);
}

TEST(DatasetWarnings, WhenNoneIsLeftEveryCallSaysSo) {
  TemporaryFolder folder;
  write_pictures(folder.path, 3);
  DatasetOptions options = options_for(folder.path);
  options.memory_limit = 0;
  Dataset data(options);
  for (const char *name : {"a.png", "b.png", "c.png"}) write_bytes(folder / name, {});
  for (int call = 0; call < 5; ++call) EXPECT_THROW(data.examples(0, 1), std::runtime_error) << call;
  EXPECT_EQ(data.bad_count(), 3);
}

TEST(DatasetWarnings, WarningsComeFromTheThreadThatCalls) {
  TemporaryFolder folder;
  write_pictures(folder.path, 26);
  write_bytes(folder / "c.png", {});
  std::vector<std::thread::id> from;
  DatasetOptions options = options_for(folder.path);
  options.warn = [&](const std::string &) { from.push_back(std::this_thread::get_id()); };
  for (const int64_t memory : {int64_t{0}, int64_t{1} << 30}) {
    options.memory_limit = memory;
    Dataset data(options);
    batch(data, 0, 26);
    batch(data, 1, 26);
    EXPECT_EQ(from, (std::vector<std::thread::id>{std::this_thread::get_id()})) << memory;
    from.clear();
  }
}

TEST(DatasetWarnings, TooManyBadPicturesAreAnError) {
  TemporaryFolder folder;
  write_pictures(folder.path, 20);
  write_bytes(folder / "d.png", {});
  DatasetOptions options = options_for(folder.path);
  EXPECT_EQ(Dataset(options).bad_count(), 1);  // exactly 5 %
  write_bytes(folder / "e.png", {});
  EXPECT_NE(message_of(options).find("2 of the 20 pictures in " + folder.path + " cannot be used, more than 5 %: "),
            std::string::npos)
      << message_of(options);
  options.memory_limit = 0;
  Dataset streamed(options);
  EXPECT_THROW(batch(streamed, 0, 20), std::runtime_error);

  TemporaryFolder none;
  EXPECT_NE(message_of(options_for(none.path)).find("there are no pictures in " + none.path), std::string::npos);
  EXPECT_EQ(message_of(options_for(none / "x")), "cannot open " + (none / "x") + ": no such file or folder");
  write_bytes(none / "a.png", bytes_of("no picture", {}));
  EXPECT_NE(message_of(options_for(none.path)).find("a.png: it is truncated or no PNG"), std::string::npos);
  write_bytes(none / "b.png", encode_png(noise(4, 4, 1)));
  options = options_for(none / "b.png");
  options.crop = parse_crop("5");
  EXPECT_EQ(message_of(options),
            "cannot use " + (none / "b.png") + ": a picture of 4 x 4 pixels is smaller than crop=5");
}

}  // namespace
}  // namespace coopnets
