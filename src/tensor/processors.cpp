#include "tensor/processors.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

namespace coopnets {

namespace {

int bound_to() {
  for (int size = 1024; size <= 1 << 20; size *= 2) {
    cpu_set_t *const set = CPU_ALLOC(size);
    if (!set) break;
    const size_t bytes = CPU_ALLOC_SIZE(size);
    const bool fits = sched_getaffinity(0, bytes, set) == 0;
    const bool too_small = !fits && errno == EINVAL;
    const int count = fits ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (fits) return count;
    if (!too_small) break;
  }
  return int(std::thread::hardware_concurrency());
}

// Processors' worth of time that the group in this folder has; infinity where it has no limit.
double limit_of(const std::string &folder) {
  double quota, period;
  if (std::ifstream(folder + "/cpu.max") >> quota >> period && quota > 0 && period > 0) return quota / period;
  if (std::ifstream(folder + "/cpu.cfs_quota_us") >> quota && quota > 0 &&
      std::ifstream(folder + "/cpu.cfs_period_us") >> period && period > 0)
    return quota / period;
  return INFINITY;
}

// The same of the group and all that it is part of. A container that sees its own groups alone has them at the top.
double limit_of_path(const std::string &top, std::string path) {
  double limit = limit_of(top);
  while (path.size() > 1) {
    limit = std::min(limit, limit_of(top + path));
    path.resize(path.rfind('/'));
  }
  return limit;
}

}  // namespace

int available_processors(const std::string &own, const std::string &groups) {
  double limit = std::min(limit_of(groups), limit_of(groups + "/cpu"));
  std::ifstream list(own);
  for (std::string line; std::getline(list, line);) {  // number:controllers:path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',',
                      path = line.substr(second + 1);
    if (path.empty() || path[0] != '/') continue;
    if (controllers == ",,") limit = std::min(limit, limit_of_path(groups, path));
    if (controllers.find(",cpu,") != std::string::npos) limit = std::min(limit, limit_of_path(groups + "/cpu", path));
  }
  return int(std::max(1.0, std::min(double(bound_to()), std::ceil(limit))));
}

}  // namespace coopnets
