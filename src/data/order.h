// In which order the training examples are shown: an endless sequence of epochs, each a permutation of its own.
#pragma once
#include <cstdint>
#include <mutex>
#include <vector>

namespace coopnets {

// The permutation of [0, size) of one epoch: Fisher-Yates with the counter-based numbers of (seed, Purpose::shuffle,
// epoch), so that any epoch is known without those before it.
std::vector<int64_t> epoch_order(int64_t size, uint64_t seed, int64_t epoch);

// position -> example, for positions 0, 1, ... of the epochs in turn. Safe to use from several threads.
class Order {
 public:
  Order(int64_t size, uint64_t seed) : size_(size), seed_(seed) {}
  int64_t at(int64_t position) const;

 private:
  int64_t size_;
  uint64_t seed_;
  mutable std::mutex mutex_;
  // The permutations in use: two, since a batch may span the end of an epoch.
  struct Epoch {
    int64_t number = -1;
    std::vector<int64_t> order;
  };
  mutable Epoch epochs_[2];
};

}  // namespace coopnets
