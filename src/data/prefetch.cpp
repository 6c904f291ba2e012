#include "data/prefetch.h"

#include <algorithm>
#include <utility>

namespace coopnets {

Prefetch::Prefetch(int threads, int64_t ahead, std::function<Bytes(int64_t)> read)
    : read_(std::move(read)), slots_(size_t(std::max<int64_t>(ahead, 1))) {
  try {
    for (int i = 0; i < std::max(threads, 1); ++i) threads_.start([this] { work(); });
  } catch (...) {
    stop();
    throw;
  }
}

Prefetch::~Prefetch() { stop(); }

void Prefetch::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
}

void Prefetch::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    room_.wait(lock, [&] { return stop_ || (!waiting_for_the_first_ && next_ < first_ + int64_t(slots_.size())); });
    if (stop_) return;
    const int64_t position = next_++, run = run_;
    lock.unlock();
    Slot result;
    result.ready = true;
    try {
      result.bytes = read_(position);
    } catch (...) {
      result.error = std::current_exception();
    }
    lock.lock();
    if (run != run_) continue;
    slot(position) = std::move(result);
    if (position == first_) filled_.notify_one();
  }
}

Prefetch::Bytes Prefetch::take(int64_t position) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (waiting_for_the_first_ || position != first_) {
    waiting_for_the_first_ = false;
    first_ = next_ = position;
    ++run_;
    for (Slot &s : slots_) s = {};
    room_.notify_all();
  }
  filled_.wait(lock, [&] { return slot(position).ready; });
  Slot taken = std::exchange(slot(position), {});
  ++first_;
  room_.notify_one();
  if (taken.error) std::rethrow_exception(taken.error);
  return std::move(taken.bytes);
}

}  // namespace coopnets
