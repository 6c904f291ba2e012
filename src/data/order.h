// In which order the training examples are shown: an endless sequence of epochs, each a permutation of its own.
#pragma once
#include <algorithm>
#include <cstdint>
#include <mutex>
#include <vector>

namespace coopnets {

// The permutation of [0, size) of one epoch: Fisher-Yates with the counter-based numbers of (seed, Purpose::shuffle,
// epoch), so that any epoch is known without those before it.
std::vector<int64_t> epoch_order(int64_t size, uint64_t seed, int64_t epoch);

// position -> example, for positions 0, 1, ... of the epochs in turn. Safe to use from several threads.
//
// The permutations in use are kept: all that a batch, of `size` positions at most, and the `ahead` positions after it
// can reach. Positions further apart are found as well, at the cost of a permutation each time.
class Order {
 public:
  Order(int64_t size, uint64_t seed, int64_t ahead = 0)
      : size_(size), seed_(seed), epochs_(size_t((std::max<int64_t>(size + ahead, 2) - 2) / size + 2)) {}
  int64_t at(int64_t position) const;
  int64_t permutations_made() const;  // so far

 private:
  int64_t size_;
  uint64_t seed_;
  struct Epoch {
    int64_t number = -1;
    std::vector<int64_t> order;
  };
  mutable std::mutex mutex_;
  mutable std::vector<Epoch> epochs_;  // epoch e at e modulo their number
  mutable int64_t made_ = 0;
};

}  // namespace coopnets
