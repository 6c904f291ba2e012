// Ranks without MPI: threads of one process, of which one runs at a time, so that the emulator of CUDA takes them too.
#pragma once
#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tensor/ranks.h"

namespace coopnets {

// What they share: who runs, and what each brings to the call that all are in.
class Meeting {
 public:
  explicit Meeting(int ranks) : blocks_(size_t(ranks)), left_(size_t(ranks), false) {}
  int ranks() const { return int(blocks_.size()); }

  // Runs body(), when nobody else does.
  void run(int rank, const std::function<void()> &body) {
    std::unique_lock<std::mutex> lock(turn_);
    lock_of_.resize(blocks_.size());
    lock_of_[size_t(rank)] = &lock;
    try {
      body();
    } catch (...) {
      failed_ = true;
      changed_.notify_all();
      throw;
    }
    left_[size_t(rank)] = true;
    changed_.notify_all();
  }

  // Brings `own`, and calls take() when all have brought theirs; returns when all have taken.
  void meet(int rank, const void *own, const std::function<void(const std::vector<const char *> &)> &take) {
    blocks_[size_t(rank)] = static_cast<const char *>(own);
    wait(rank);
    take(blocks_);
    wait(rank);
  }

 private:
  void wait(int rank) {
    const int64_t now = met_;
    if (++here_ == ranks()) {
      here_ = 0;
      ++met_;
      changed_.notify_all();
    }
    const auto alone = [&] { return std::count(left_.begin(), left_.end(), true) > 0; };
    changed_.wait(*lock_of_[size_t(rank)], [&] { return met_ != now || failed_ || alone(); });
    if (met_ == now) throw std::runtime_error("another rank has left");
  }
  std::mutex turn_;
  std::condition_variable changed_;
  std::vector<std::unique_lock<std::mutex> *> lock_of_;
  std::vector<const char *> blocks_;
  std::vector<bool> left_;
  int here_ = 0;
  int64_t met_ = 0;
  bool failed_ = false;
};

class ThreadRanks final : public Ranks {
 public:
  ThreadRanks(Meeting &meeting, int rank) : meeting_(meeting), rank_(rank) {}
  int rank() const override { return rank_; }
  int count() const override { return meeting_.ranks(); }
  void gather(const void *own, const std::vector<size_t> &bytes, void *all) override {
    std::vector<char> result(std::accumulate(bytes.begin(), bytes.end(), size_t{0}));
    meeting_.meet(rank_, own, [&](const std::vector<const char *> &blocks) {
      for (size_t r = 0, at = 0; r < blocks.size(); at += bytes[r++])
        if (bytes[r] > 0) std::memcpy(result.data() + at, blocks[r], bytes[r]);
    });
    if (!result.empty()) std::memcpy(all, result.data(), result.size());
  }
  void exchange(const void *own, size_t bytes, void *all) override {
    meeting_.meet(rank_, own, [&](const std::vector<const char *> &blocks) {
      for (size_t r = 0; r < blocks.size(); ++r)
        std::memcpy(static_cast<char *>(all) + r * bytes, blocks[r] + size_t(rank_) * bytes, bytes);
    });
  }
  void broadcast(void *data, size_t bytes, int from) override {
    meeting_.meet(rank_, data, [&](const std::vector<const char *> &blocks) {
      if (rank_ != from && bytes > 0) std::memcpy(data, blocks[size_t(from)], bytes);
    });
  }

 private:
  Meeting &meeting_;
  const int rank_;
};

// Calls body(ranks) as each of so many ranks. The first exception is thrown on.
inline void as_ranks(int count, const std::function<void(Ranks &)> &body) {
  Meeting meeting(count);
  std::vector<std::thread> threads;
  std::exception_ptr error;
  std::mutex first;
  for (int r = 0; r < count; ++r)
    threads.emplace_back([&, r] {
      try {
        meeting.run(r, [&] {
          ThreadRanks ranks(meeting, r);
          body(ranks);
        });
      } catch (...) {
        const std::lock_guard<std::mutex> lock(first);
        if (!error) error = std::current_exception();
      }
    });
  for (std::thread &thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace coopnets
