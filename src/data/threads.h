// Threads that read and decode.
#pragma once
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace coopnets {

// They are waited for when this goes.
class Threads {
 public:
  Threads() = default;
  ~Threads();
  Threads(const Threads &) = delete;
  Threads &operator=(const Threads &) = delete;

  // Throws std::runtime_error, one sentence, when the system gives no more threads.
  void start(std::function<void()> body);

 private:
  std::vector<std::thread> threads_;
};

// Calls body(i) for every i of [0, count), on this thread and threads - 1 others. When one fails no more are begun, and
// its exception is thrown: of several that of the least i.
void in_parallel(int threads, int64_t count, const std::function<void(int64_t)> &body);

}  // namespace coopnets
