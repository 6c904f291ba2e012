#include "cpu/cpu.h"

#include "backends/backend.h"

namespace coopnets {
Backend &test_backend() {
  static const std::unique_ptr<Backend> backend = make_cpu_backend(2);
  return *backend;
}
std::unique_ptr<Backend> make_test_backend() { return make_cpu_backend(1); }
}  // namespace coopnets
