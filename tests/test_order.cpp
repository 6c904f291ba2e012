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

}  // namespace
}  // namespace coopnets
