#include "data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>

#include "data/picture_files.h"

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

TEST(Order, EveryEpochIsAPermutationOfItsOwn) {
  for (const int64_t size : {1, 2, 7, 1000}) {
    Indices identity(static_cast<size_t>(size));
    std::iota(identity.begin(), identity.end(), 0);
    for (const int64_t epoch : {0, 1, 2, 1000000}) {
      Indices order = epoch_order(size, 5, epoch);
      if (size == 1000) {
        EXPECT_NE(order, identity);
        EXPECT_NE(order, epoch_order(size, 5, epoch + 1));
        EXPECT_NE(order, epoch_order(size, 6, epoch));
      }
      EXPECT_EQ(order, epoch_order(size, 5, epoch));
      std::sort(order.begin(), order.end());
      EXPECT_EQ(order, identity);
    }
  }
  // All 24 permutations of 4 are equally likely: each comes 200 times of 4800, give or take 5 standard deviations (14).
  std::map<Indices, int> counts;
  for (int64_t epoch = 0; epoch < 4800; ++epoch) ++counts[epoch_order(4, 9, epoch)];
  EXPECT_EQ(counts.size(), 24u);
  for (const auto &[order, count] : counts) EXPECT_NEAR(count, 200, 70);
}

TEST(Order, PositionsRunThroughTheEpochs) {
  const Order order(5, 3);
  Indices expected;
  for (int64_t epoch = 0; epoch < 4; ++epoch)
    for (const int64_t i : epoch_order(5, 3, epoch)) expected.push_back(i);
  for (int64_t position = 19; position >= 0; --position) EXPECT_EQ(order.at(position), expected[size_t(position)]);
}

TEST(Prefetch, ReturnsWhatWasAskedForInAnyOrderAndOnAnyNumberOfThreads) {
  for (const int threads : {1, 4})
    for (const int64_t ahead : {1, 2, 17}) {
      Prefetch prefetch(threads, ahead, [](int64_t position) {
        return Bytes{uint8_t(position), uint8_t(position >> 8)};
      });
      for (const int64_t start : {0, 0, 500, 20})
        for (int64_t position = start; position < start + 40; ++position)
          ASSERT_EQ(prefetch.take(position), (Bytes{uint8_t(position), uint8_t(position >> 8)}));
    }
}

TEST(Prefetch, ReadsAheadButNoFurtherThanItsQueue) {
  std::atomic<int64_t> asked{0}, reads{0};
  Prefetch prefetch(2, 6, [&](int64_t position) {
    EXPECT_LE(position, asked + 6);
    ++reads;
    return Bytes{uint8_t(position)};
  });
  for (; asked < 40; ++asked) prefetch.take(asked);
  while (reads < 46) std::this_thread::yield();  // it goes on by itself
}

TEST(Prefetch, WhatWasReadForAnEarlierRunIsDropped) {
  std::atomic<bool> late{false};
  Prefetch prefetch(2, 2, [&](int64_t position) {
    while (position == 1 && !late) std::this_thread::yield();
    return Bytes{uint8_t(position)};
  });
  prefetch.take(0);
  prefetch.take(100);
  late = true;  // now position 1 arrives, in the slot of position 101
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(prefetch.take(101), Bytes{101});
}

TEST(Prefetch, ErrorsComeOutWhereTheyBelong) {
  Prefetch prefetch(3, 8, [](int64_t position) {
    if (position == 5) throw std::runtime_error("five");
    return Bytes{uint8_t(position)};
  });
  for (int64_t position = 0; position < 10; ++position) {
    if (position == 5)
      EXPECT_THROW(prefetch.take(5), std::runtime_error);
    else
      EXPECT_EQ(prefetch.take(position), Bytes{uint8_t(position)});
  }
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

// A sixth at most: the last ones, or ones that a seed draws; what is learned from is the rest, in its order.
TEST(Dataset, HeldOutExamples) {
  TemporaryFolder folder;
  std::vector<uint8_t> values;
  for (uint8_t i = 0; i < 31; ++i) values.push_back(i);
  write_bytes(folder / "train-images-idx3-ubyte", idx({31, 1, 1}, values));
  const auto list = [&](int64_t count, std::optional<uint64_t> seed, bool held_out) {
    SourceOptions options;
    options.path = folder.path;
    options.held_out = count;
    options.held_out_seed = seed;
    options.take_held_out = held_out;
    return open_source(options).pixels;
  };
  EXPECT_EQ(list(100, {}, true), (Bytes{26, 27, 28, 29, 30}));
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
