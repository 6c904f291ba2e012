#include "data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

#include "data/picture_files.h"
#include "no_more_threads.h"
#include "tensor/parallel.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;
using Indices = std::vector<int64_t>;

DatasetOptions options_for(const std::string &path) {
  DatasetOptions options;
  options.source.path = path;
  options.threads = 3;
  options.warn = [](const std::string &) {};
  return options;
}

// `count` pictures a.png, b.png, ... of different sizes.
void write_pictures(const std::string &folder, int count, uint64_t seed = 1) {
  for (int i = 0; i < count; ++i)
    write_bytes(folder + "/" + char('a' + i) + ".png", encode_png(noise(9 + i % 3, 10, 3, seed * 100 + uint64_t(i))));
}

std::vector<real> batch(Dataset &data, int64_t iteration, int64_t count) {
  std::vector<real> out(size_t(count * data.shape().size()));
  data.batch(iteration, count, out.data());
  return out;
}

std::string message_of(const DatasetOptions &options) {
  try {
    Dataset data(options);
  } catch (const std::exception &error) {
    return error.what();
  }
  return "no error";
}

TEST(Dataset, StreamingIsEqualToInMemory) {
  TemporaryFolder folder;
  write_pictures(folder / "one", 9, 1);
  write_pictures(folder / "two", 12, 2);
  DatasetOptions options = options_for(folder.path);
  options.height = options.width = 6;
  options.seed = 77;
  Dataset kept(options);
  options.memory_limit = 0;
  Dataset streamed(options);
  options.threads = 1;
  Dataset single(options);
  ASSERT_FALSE(kept.streams());
  ASSERT_TRUE(streamed.streams());
  ASSERT_EQ(kept.size(), 21);
  for (int64_t iteration = 0; iteration < 8; ++iteration) {  // 8 x 5 = 40 examples: nearly two epochs
    const auto expected = batch(kept, iteration, 5);
    EXPECT_EQ(batch(streamed, iteration, 5), expected);
    EXPECT_EQ(batch(single, iteration, 5), expected);
    EXPECT_EQ(streamed.batch_indices(iteration, 5), kept.batch_indices(iteration, 5));
  }
  EXPECT_EQ(streamed.examples(0, 21), kept.examples(0, 21));
  const std::vector<int64_t> some = {20, 3, 3, 0, 11};
  std::vector<real> one_by_one;
  for (const int64_t i : some)
    for (const real value : kept.examples(i, 1)) one_by_one.push_back(value);
  EXPECT_EQ(kept.examples(some), one_by_one);
  EXPECT_EQ(streamed.examples(some), one_by_one);
  EXPECT_THROW(streamed.examples(std::vector<int64_t>{21}), std::invalid_argument);
  EXPECT_THROW(kept.examples(std::vector<int64_t>{-1}), std::invalid_argument);
  EXPECT_EQ(streamed.image(3), kept.image(3));
}

TEST(Dataset, AnyIterationCanBeTheFirst) {
  TemporaryFolder folder;
  write_pictures(folder.path, 7);
  DatasetOptions options = options_for(folder.path);
  for (const int64_t memory : {int64_t{0}, int64_t{1} << 30}) {
    options.memory_limit = memory;
    Dataset straight(options);
    std::vector<std::vector<real>> batches;
    for (int64_t iteration = 0; iteration < 6; ++iteration) batches.push_back(batch(straight, iteration, 3));
    Dataset resumed(options);  // in the middle of the second epoch
    for (int64_t iteration = 3; iteration < 6; ++iteration)
      EXPECT_EQ(batch(resumed, iteration, 3), batches[size_t(iteration)]);
  }
}

TEST(Dataset, BatchesAreTheExamplesThatTheirIndicesSay) {
  TemporaryFolder folder;
  write_pictures(folder.path, 5);
  Dataset data(options_for(folder.path));
  const int64_t size = data.shape().size();
  std::multiset<int64_t> seen;
  for (int64_t iteration = 0; iteration < 5; ++iteration) {  // 20 examples: each four times
    const auto values = batch(data, iteration, 4);
    const Indices indices = data.batch_indices(iteration, 4);
    for (size_t i = 0; i < 4; ++i) {
      const auto expected = data.examples(indices[i], 1);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), values.begin() + int64_t(i) * size));
      seen.insert(indices[i]);
    }
  }
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(seen.count(i), 4u);
  EXPECT_THROW(data.examples(3, 3), std::invalid_argument);
  EXPECT_THROW(data.examples(-1, 1), std::invalid_argument);
  EXPECT_THROW(data.image(5), std::invalid_argument);
}

TEST(Dataset, APictureIsADatasetOfOne) {
  TemporaryFolder folder;
  const Image image = noise(8, 12, 3);
  write_bytes(folder / "a.png", encode_png(image));
  DatasetOptions options = options_for(folder / "a.png");
  Dataset whole(options);
  EXPECT_EQ(whole.shape(), (Shape{1, 1, 8, 12, 3}));
  EXPECT_EQ(whole.image(0), image);
  EXPECT_EQ(whole.label(0), -1);
  std::vector<real> stretched(size_t(image.size()));
  to_reals(image.pixels.data(), image.size(), Normalise::stretch, stretched.data());
  EXPECT_EQ(batch(whole, 3, 1), stretched);

  options.height = options.width = 4;
  options.crop = parse_crop("6");
  options.channels = 1;
  options.normalise = Normalise::fixed;
  Dataset cut(options);
  const Image expected = fit(with_channels(image, 1), 4, 4, parse_crop("6"));
  EXPECT_EQ(cut.image(0), expected);
  EXPECT_NEAR(cut.examples(0, 1)[5], expected.pixels[5] / 127.5 - 1, 1e-6);
}

TEST(Dataset, CategoriesAreFoldersInTurn) {
  TemporaryFolder folder;
  write_pictures(folder / "dog", 3, 1);
  write_pictures(folder / "cat/deeper/still", 2, 2);
  write_bytes(folder / "cat/notes.txt", {1, 2, 3});
  write_bytes(folder / "cat/.hidden.png", {1, 2, 3});
  std::filesystem::create_directory_symlink(folder.path, folder / "cat/loop");
  DatasetOptions options = options_for(folder.path);
  {
    Dataset data(options);
    EXPECT_EQ(data.categories(), (std::vector<std::string>{"cat", "dog"}));
    ASSERT_EQ(data.size(), 5);
    Indices labels;
    for (int64_t i = 0; i < 5; ++i) labels.push_back(data.label(i));
    EXPECT_EQ(labels, (Indices{0, 1, 0, 1, 1}));
    EXPECT_EQ(data.name(2), folder / "cat/deeper/still/b.png");
  }
  options.source.limit = 2;
  EXPECT_EQ(Dataset(options).label(1), 1);
  options.source.first = 4;
  EXPECT_EQ(Dataset(options).size(), 1);
  options.source.first = 5;
  EXPECT_EQ(message_of(options), "no example is left of the 5 in " + folder.path);
  options.source.first = options.source.limit = 0;
  options.source.examples = 1;  // of each category
  EXPECT_EQ(Dataset(options).size(), 2);
  EXPECT_EQ(Dataset(options).label(1), 1);
  options.source.category = "dog";
  EXPECT_EQ(Dataset(options).size(), 1);
  options.source.examples = 0;
  EXPECT_EQ(Dataset(options).size(), 3);
  EXPECT_EQ(list_categories(folder.path), "cat (2), dog (3)");
  options.source.category = "bird";
  EXPECT_EQ(message_of(options), "there is no category bird in " + folder.path + "; there are: cat (2), dog (3)");
}

TEST(Dataset, PicturesOfOneFolderAreChosenByName) {
  TemporaryFolder folder;
  write_pictures(folder.path, 3);
  DatasetOptions options = options_for(folder.path);
  EXPECT_TRUE(Dataset(options).categories().empty());
  options.source.category = "b";
  EXPECT_EQ(Dataset(options).name(0), folder / "b.png");
  EXPECT_EQ(list_categories(folder.path), "a.png, b.png, c.png");
  options.source.category = "z";
  EXPECT_NE(message_of(options).find("there are: a.png, b.png, c.png"), std::string::npos);
}

TEST(Dataset, ABadPictureIsNamedCountedAndReplaced) {
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

// Said once for all of them, in memory and streamed; nothing is said of ordinary pictures.
TEST(Dataset, TransparentAndEnlargedPicturesAreSaid) {
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
TEST(Dataset, ACategoryOfBadPicturesIsNoReasonToStop) {
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

TEST(Dataset, WhenNoneIsLeftEveryCallSaysSo) {
  TemporaryFolder folder;
  write_pictures(folder.path, 3);
  DatasetOptions options = options_for(folder.path);
  options.memory_limit = 0;
  Dataset data(options);
  for (const char *name : {"a.png", "b.png", "c.png"}) write_bytes(folder / name, {});
  for (int call = 0; call < 5; ++call) EXPECT_THROW(data.examples(0, 1), std::runtime_error) << call;
  EXPECT_EQ(data.bad_count(), 3);
}

TEST(Dataset, WarningsComeFromTheThreadThatCalls) {
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

TEST(Dataset, DecodesOnAsManyThreadsAsItIsGiven) {
  TemporaryFolder folder;
  write_pictures(folder.path, 4);
  DatasetOptions options = options_for(folder.path);
  options.memory_limit = 0;
  const auto threads = [] { return std::distance(begin(std::filesystem::directory_iterator("/proc/self/task")), {}); };
  const auto settle = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };  // joined ones are listed on
  for (const int wanted : {1, 3}) {
    options.threads = 0;
    set_thread_count(wanted);
    settle();
    const auto others = threads();
    const Dataset data(options);
    EXPECT_EQ(threads() - others, wanted);
  }
  set_thread_count(0);
  options.threads = 2;
  for (const int64_t memory : {int64_t{0}, int64_t{1} << 30}) {
    const NoMoreThreads none;
    options.memory_limit = memory;
    EXPECT_NE(message_of(options).find("threads to decode pictures and no more"), std::string::npos);
  }
}

TEST(Dataset, KeepsWhatTakesAQuarterOfTheMemory) {
  std::ifstream file("/proc/meminfo");
  std::string name;
  int64_t kibibytes = 0;
  file >> name >> kibibytes;
  ASSERT_EQ(name, "MemTotal:");
  TemporaryFolder folder;
  const int64_t quarter = memory_for_examples(folder.path);
  EXPECT_NEAR(double(quarter), 256. * double(kibibytes), 1e-3 * 256. * double(kibibytes));
  std::ofstream(folder / "memory.max") << "max\n";
  EXPECT_EQ(memory_for_examples(folder.path), quarter);
  std::ofstream(folder / "memory.max") << "1048576\n";  // a container's
  EXPECT_EQ(memory_for_examples(folder.path), 262144);
  std::filesystem::remove(folder / "memory.max");
  std::filesystem::create_directory(folder / "memory");
  std::ofstream(folder / "memory/memory.limit_in_bytes") << "9223372036854771712\n";
  EXPECT_EQ(memory_for_examples(folder.path), quarter);
  std::filesystem::remove_all(folder / "memory");
  write_bytes(folder / "a.png", encode_png(noise(8, 8, 3)));
  DatasetOptions options = options_for(folder.path);
  options.memory_limit = 192;
  EXPECT_FALSE(Dataset(options).streams());
  options.memory_limit = 191;
  EXPECT_TRUE(Dataset(options).streams());
}

TEST(Dataset, TooManyBadPicturesAreAnError) {
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

TEST(Dataset, IdxFoldersHaveTwoSplitsWithLabels) {
  TemporaryFolder folder;
  Bytes pixels(4 * 6);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(10 * i);
  write_bytes(folder / "train-images-idx3-ubyte.gz", gzip_stored(idx({4, 2, 3}, pixels)));
  write_bytes(folder / "train-labels-idx1-ubyte", idx({4}, {2, 0, 1, 2}));
  write_bytes(folder / "t10k-images-idx3-ubyte", idx({1, 2, 3}, {1, 2, 3, 4, 5, 6}));
  DatasetOptions options = options_for(folder.path);
  Dataset train(options);
  EXPECT_EQ(train.size(), 4);
  EXPECT_EQ(train.shape(), (Shape{1, 1, 2, 3, 1}));
  EXPECT_EQ(train.label(3), 2);
  EXPECT_EQ(train.image(1).pixels, (Bytes{60, 70, 80, 90, 100, 110}));
  options.height = options.width = 4;  // and at another size, kept or not
  options.crop = parse_crop("none");
  Dataset large(options);
  EXPECT_EQ(large.image(1), resize(train.image(1), 4, 4));
  options.memory_limit = 0;
  Dataset streamed(options);
  EXPECT_EQ(batch(streamed, 1, 3), batch(large, 1, 3));

  options = options_for(folder.path);
  options.source.category = "2";
  EXPECT_EQ(Dataset(options).image(1).pixels, (Bytes{180, 190, 200, 210, 220, 230}));
  options.source.first = options.source.limit = 1;
  EXPECT_EQ(Dataset(options).size(), 1);
  options.source.category = "7";
  EXPECT_EQ(message_of(options), "there is no category 7 in " + folder.path + "; there are: 0, 1, 2");
  options = options_for(folder.path);
  options.source.train = false;
  Dataset test(options);
  EXPECT_EQ(test.size(), 1);
  EXPECT_EQ(test.label(0), -1);

  write_bytes(folder / "train-labels-idx1-ubyte", idx({3}, {2, 0, 1}));
  EXPECT_NE(message_of(options_for(folder.path)).find("it has not one label for each of the 4 images"),
            std::string::npos);
  EXPECT_NE(message_of(options_for(folder / "train-labels-idx1-ubyte")).find("it has 1 axes"), std::string::npos);
}

TEST(Dataset, CifarFolders) {
  TemporaryFolder folder;
  write_bytes(folder / "data_batch_1.bin", cifar_records({7, 3, 7}, 1));
  Dataset data(options_for(folder.path));
  EXPECT_EQ(data.shape(), (Shape{1, 1, 32, 32, 3}));
  EXPECT_EQ(data.label(1), 3);
  EXPECT_EQ(data.image(2).at(0, 5)[1], cifar_value(2, 1, 5));
  DatasetOptions options = options_for(folder / "data_batch_1.bin");
  options.source.category = "7";
  EXPECT_EQ(Dataset(options).size(), 2);
}

}  // namespace
}  // namespace coopnets
