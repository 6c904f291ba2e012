#include "data/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace coopnets {

Threads::~Threads() {
  for (std::thread &thread : threads_) thread.join();
}

void Threads::start(std::function<void()> body) {
  try {
    threads_.emplace_back(std::move(body));
  } catch (const std::system_error &error) {
    throw std::runtime_error("the system gave " + std::to_string(threads_.size()) +
                             " threads to decode pictures and no more (" + error.what() +
                             "); --threads N asks for fewer");
  }
}

void in_parallel(int threads, int64_t count, const std::function<void(int64_t)> &body) {
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  int64_t failed = count;
  const auto work = [&] {
    for (int64_t i; (i = next++) < count;) {
      try {
        body(i);
      } catch (...) {
        next = count;
        const std::lock_guard<std::mutex> lock(mutex);
        if (i < failed) failure = std::current_exception(), failed = i;
      }
    }
  };
  {
    Threads others;
    try {
      for (int64_t i = 1; i < std::min<int64_t>(threads, count); ++i) others.start(work);
    } catch (...) {
      next = count;
      throw;
    }
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace coopnets
