#include "data/cifar.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "data/picture_files.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(Cifar, PlanesBecomeChannels) {
  TemporaryFolder folder;
  for (const size_t labels : {1u, 2u}) {
    const std::string path = folder / "records.bin";
    write_bytes(path, cifar_records({3, 9}, labels));
    const Cifar cifar = load_cifar_file(path);
    EXPECT_EQ(cifar.labels, (Bytes{3, 9}));
    ASSERT_EQ(cifar.pixels.size(), 2u * 3072);
    for (const size_t example : {0u, 1u})
      for (const size_t pixel : {0u, 37u, 1023u})
        for (size_t c = 0; c < 3; ++c)
          EXPECT_EQ(cifar.pixels[3072 * example + 3 * pixel + c], cifar_value(example, c, pixel));
    EXPECT_EQ(cifar.categories.size(), labels == 1 ? 10u : 100u);
  }
}

TEST(Cifar, FoldersOfBothSplits) {
  TemporaryFolder folder;
  EXPECT_EQ(find_cifar(folder.path), "");
  const std::string inside = folder / "cifar-10-batches-bin";
  write_bytes(inside + "/data_batch_1.bin", cifar_records({1, 2}, 1));
  write_bytes(inside + "/data_batch_2.bin", cifar_records({3}, 1));
  EXPECT_EQ(find_cifar(folder.path), inside);
  EXPECT_EQ(load_cifar(inside, true).labels, (Bytes{1, 2, 3}));
  EXPECT_THROW(load_cifar(inside, false), std::runtime_error);
  write_bytes(inside + "/test_batch.bin", cifar_records({4}, 1));
  write_bytes(inside + "/batches.meta.txt",
              bytes_of("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\r\ntruck\n\n", {}));
  const Cifar test = load_cifar(inside, false);
  EXPECT_EQ(test.labels, Bytes{4});
  EXPECT_EQ(test.categories[8], "ship");
  EXPECT_EQ(test.categories.size(), 10u);

  write_bytes(folder / "hundred/train.bin", cifar_records({99, 0}, 2));
  EXPECT_EQ(find_cifar(folder / "hundred"), folder / "hundred");
  EXPECT_EQ(load_cifar(folder / "hundred", true).labels, (Bytes{99, 0}));
  EXPECT_THROW(load_cifar(folder / "hundred", false), std::runtime_error);
}

TEST(Cifar, WrongLengthsAndLabelsAreErrorsThatNameTheFile) {
  TemporaryFolder folder;
  const std::string path = folder / "records.bin";
  const Bytes two = cifar_records({1, 2}, 1);
  std::vector<Bytes> bad = {{}, cifar_records({1, 10}, 1), cifar_records({100}, 2)};
  for (const size_t length : {1u, 3072u, 3075u, 6145u}) bad.emplace_back(two.begin(), two.begin() + int64_t(length));
  for (const Bytes &bytes : bad) {
    write_bytes(path, bytes);
    try {
      load_cifar_file(path);
      ADD_FAILURE() << "no error for " << bytes.size();
    } catch (const std::runtime_error &error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace coopnets
