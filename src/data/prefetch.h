// Reading ahead: worker threads fill a bounded queue with what will be asked for next.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "data/threads.h"

namespace coopnets {

// take(p) returns read(p). While positions are taken one after the other, `threads` threads read up to `ahead`
// positions beyond the last one taken; another position than the next one starts anew from there. What is returned
// depends on neither number. An exception of read(p) comes out of take(p). `read` is called from several threads at
// once; take() and the destructor from one. The constructor throws std::runtime_error when a thread cannot be started.
class Prefetch {
 public:
  using Bytes = std::vector<uint8_t>;
  Prefetch(int threads, int64_t ahead, std::function<Bytes(int64_t position)> read);
  ~Prefetch();
  Prefetch(const Prefetch &) = delete;
  Prefetch &operator=(const Prefetch &) = delete;

  Bytes take(int64_t position);

 private:
  struct Slot {
    bool ready = false;
    Bytes bytes;
    std::exception_ptr error;
  };
  Slot &slot(int64_t position) { return slots_[size_t(position) % slots_.size()]; }
  void work();
  void stop();

  const std::function<Bytes(int64_t)> read_;
  std::mutex mutex_;
  std::condition_variable room_, filled_;
  std::vector<Slot> slots_;
  int64_t first_ = 0;  // the next position to be taken
  int64_t next_ = 0;   // the next position to be read
  int64_t run_ = 0;    // how often it started anew: what was read for an earlier run is dropped
  bool waiting_for_the_first_ = true, stop_ = false;
  Threads threads_;  // last, so that they end before what they use
};

}  // namespace coopnets
