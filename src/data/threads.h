// Threads that read and decode.
#pragma once
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

}  // namespace coopnets
