#include "data/order.h"

#include <numeric>
#include <utility>

#include "tensor/random.h"

namespace coopnets {

std::vector<int64_t> epoch_order(int64_t size, uint64_t seed, int64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), int64_t{0});
  const RandomKey key{seed, Purpose::shuffle};
  for (int64_t i = size - 1; i > 0; --i) {
    const Words words = random_block(key, uint64_t(epoch), 0, uint64_t(i));
    // floor(u (i + 1)) for u = 64 random bits / 2^64: uniform to within (i + 1) / 2^64.
    const uint64_t bits = uint64_t(words.v[0]) << 32 | words.v[1];
    const uint64_t high = (bits >> 32) * uint64_t(i + 1), low = (bits & 0xFFFFFFFFu) * uint64_t(i + 1);
    std::swap(order[size_t(i)], order[size_t((high + (low >> 32)) >> 32)]);
  }
  return order;
}

int64_t Order::at(int64_t position) const {
  const int64_t number = position / size_;
  const std::lock_guard<std::mutex> lock(mutex_);
  Epoch &epoch = epochs_[size_t(number) % epochs_.size()];
  if (epoch.number != number) {
    epoch = {number, epoch_order(size_, seed_, number)};
    ++made_;
  }
  return epoch.order[size_t(position % size_)];
}

int64_t Order::permutations_made() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return made_;
}

}  // namespace coopnets
