#include "data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

#include "data/dataset_files.h"
#include "no_more_threads.h"
#include "tensor/parallel.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;
using Indices = std::vector<int64_t>;

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
