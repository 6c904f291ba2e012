// What this process may use of the machine's processors.
#pragma once
#include <string>

namespace coopnets {

// As many threads as it may run at once, at least 1: the processors that it is bound to, or fewer where a control group
// that it is in (a container's limit) has less time than that, in whole processors and rounded up.
// own: the list of the groups it is in, groups: where their files are, of version 1 or 2.
int available_processors(const std::string &own = "/proc/self/cgroup", const std::string &groups = "/sys/fs/cgroup");

}  // namespace coopnets
