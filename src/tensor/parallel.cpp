#include "tensor/parallel.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "tensor/processors.h"

namespace coopnets {

namespace {

// A thread that waits looks again and again for so long, because the next loop mostly begins within microseconds and to
// be woken takes tens of them; then it sleeps, because another program may need the processor.
constexpr std::chrono::microseconds longest_look(35);

using Clock = std::chrono::steady_clock;

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Where one thread waits for what others bring about.
class Waiting {
 public:
  // Returns once ready() holds, which somebody makes true and then calls wake().
  template <class Ready>
  void until(const Ready &ready) {
    const Clock::time_point start = Clock::now();
    do {
      for (int look = 0; look < 32; ++look) {
        if (ready()) return;
        pause();
      }
    } while (Clock::now() - start < longest_look);
    std::unique_lock<std::mutex> lock(mutex_);
    asleep_ = true;  // before the last look: who makes it ready afterwards sees that a wake is due
    while (!ready()) woken_.wait(lock);
    asleep_ = false;
  }
  void wake() {
    if (!asleep_) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    woken_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  std::atomic<bool> asleep_{false};
};

thread_local bool inside_a_loop = false;

// The threads, and the one loop that they are at.
class Pool {
 public:
  explicit Pool(Pool *of_parent) : of_parent_(of_parent) {}
  // False, and nothing done, where another caller has the threads.
  bool run(int threads, int64_t chunks, LoopBody body, Sleepers sleepers) {
    const std::unique_lock<std::mutex> lock(in_use_, std::try_to_lock);
    if (!lock) return false;
    start(threads - 1);
    const int shares = int(std::min<int64_t>(threads, chunks));
    while (int(shares_.size()) < shares) shares_.push_back(std::make_unique<Share>());
    inside_a_loop = true;
    body_ = body.object;
    call_ = body.call;
    chunks_ = chunks;
    threads_ = threads;
    unfinished_ = chunks;
    for (int i = 0; i < shares; ++i) shares_[size_t(i)]->begun = 0;
    ++number_;
    open_ = number_ << 32 | uint64_t(chunks);
    if (sleepers == Sleepers::wake)
      for (int64_t i = 0; i < std::min(int64_t(helpers_.size()), std::min<int64_t>(threads, chunks) - 1); ++i)
        helpers_[size_t(i)]->wake();
    help(0);
    caller_.until([this] { return unfinished_ == 0; });
    inside_a_loop = false;
    if (std::exception_ptr failure = std::exchange(failure_, nullptr)) std::rethrow_exception(failure);
    return true;
  }

 private:
  int64_t remaining() const { return int64_t(uint32_t(open_)); }

  // Begins the next chunk of the loop under way, if thread `thread` has a part in it and one is left.
  bool take(int thread, int64_t &chunk) {
    uint64_t open = open_;
    while (uint32_t(open) > 0) {
      if (thread >= threads_) return false;
      // Succeeds only while this loop, which then cannot end before the chunk is finished, is the one read above.
      if (open_.compare_exchange_weak(open, open - 1)) {
        chunk = begin(thread);
        return true;
      }
    }
    return false;
  }

  // The next chunk of the thread's own share, or of the next thread's that has one left: there is one for each that was
  // taken.
  int64_t begin(int thread) {
    const int64_t chunks = chunks_, shares = std::min<int64_t>(threads_, chunks);
    for (int64_t share = thread % shares;; share = share + 1 < shares ? share + 1 : 0) {
      const int64_t first = chunks * share / shares, end = chunks * (share + 1) / shares;
      const int64_t chunk = first + shares_[size_t(share)]->begun++;
      if (chunk < end) return chunk;
    }
  }

  void help(int thread) {
    int64_t chunk, finished = 0;
    while (take(thread, chunk)) {
      try {
        call_.load()(body_, chunk, thread);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(failure_mutex_);
        if (!failure_) failure_ = std::current_exception();
        finished += int64_t(uint32_t(open_.fetch_and(~uint64_t{0xffffffff})));
      }
      ++finished;
    }
    // All at once, and last: afterwards the loop's body may be gone.
    if (finished > 0 && unfinished_.fetch_sub(finished) == finished) caller_.wake();
  }

  void start(int wanted) {
    while (int(helpers_.size()) < wanted && !no_more_threads_) {
      const int thread = int(helpers_.size()) + 1;
      helpers_.push_back(std::make_unique<Waiting>());
      Waiting *const waiting = helpers_.back().get();
      try {
        std::thread([this, thread, waiting] { serve(thread, *waiting); }).detach();
      } catch (const std::system_error &) {
        helpers_.pop_back();
        no_more_threads_ = true;
      }
    }
  }

  void serve(int thread, Waiting &waiting) {
    inside_a_loop = true;
    for (;;) {
      waiting.until([this, thread] { return remaining() > 0 && thread < threads_; });
      help(thread);
    }
  }

  [[maybe_unused]] Pool *const of_parent_;  // kept, not used
  std::mutex in_use_;
  std::vector<std::unique_ptr<Waiting>> helpers_;
  bool no_more_threads_ = false;
  uint64_t number_ = 0;  // of the loop

  // The number of the loop, and how many of its chunks nobody has begun (the lower half).
  alignas(64) std::atomic<uint64_t> open_{0};
  // The loop: written while there is none, read by those who may then fail to get a chunk.
  std::atomic<const void *> body_{nullptr};
  std::atomic<void (*)(const void *, int64_t, int)> call_{nullptr};
  std::atomic<int64_t> chunks_{0};
  std::atomic<int> threads_{0};

  // How many chunks of each thread's share have begun. A share is a part of the range, the same in each loop of as many
  // chunks, so that what a thread has written is mostly read by it again, from its own cache.
  struct alignas(64) Share {
    std::atomic<int64_t> begun{0};
  };
  std::vector<std::unique_ptr<Share>> shares_;

  alignas(64) std::atomic<int64_t> unfinished_{0};
  Waiting caller_;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

// It lives as long as the process, whose end its sleeping threads do not see.
std::atomic<Pool *> current_pool{nullptr};

Pool &pool() {
  static const bool first = [] {
    current_pool = new Pool(nullptr);
    // A child process has a copy whose threads stayed with the parent, and takes another.
    pthread_atfork(nullptr, nullptr, [] { current_pool = new Pool(current_pool); });
    return true;
  }();
  (void)first;
  return *current_pool;
}

std::atomic<int> default_threads{0};

}  // namespace

int thread_count() {
  const int threads = default_threads;
  static const int available = available_processors();
  return threads > 0 ? threads : available;
}

void set_thread_count(int threads) { default_threads = threads; }

void run_chunks(int threads, int64_t chunks, LoopBody body, Sleepers sleepers) {
  if (!inside_a_loop && pool().run(threads, chunks, body, sleepers)) return;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) body.call(body.object, chunk, 0);
}

}  // namespace coopnets
