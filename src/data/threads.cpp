#include "data/threads.h"

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

}  // namespace coopnets
