#include "data/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace coopnets {
namespace {

using Indices = std::vector<int64_t>;

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

// Batches, and a queue that reads ahead of them through many epochs of a small set: each epoch's permutation is made
// once.
TEST(Order, EveryPermutationIsMadeOnceHoweverFarAheadIsRead) {
  for (const int64_t size : {1, 2, 3, 7, 50, 999, 1024, 5000}) {
    const int64_t ahead = 1024, batches = 40;
    for (const int64_t batch : {int64_t{1}, std::max<int64_t>(size / 3, 1), size}) {
      const Order order(size, 3, ahead);
      for (int64_t i = 0; i < batches; ++i) {
        for (int64_t position = (i + 1) * batch + ahead - 1; position >= i * batch;
             position -= std::max<int64_t>(1, size / 2))
          order.at(position);
        for (int64_t k = 0; k < batch; ++k) order.at(i * batch + k);
      }
      EXPECT_LE(order.permutations_made(), (batches * batch + ahead - 1) / size + 1) << size << ' ' << batch;
    }
  }
  const Order far(5, 3);
  for (int64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(far.at(0), epoch_order(5, 3, 0)[0]);
    EXPECT_EQ(far.at(5000000), epoch_order(5, 3, 1000000)[0]);
  }
}

}  // namespace
}  // namespace coopnets
