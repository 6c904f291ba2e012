#include "tensor/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>

#include "files.h"

namespace coopnets {
namespace {

class Processors : public FolderTest {
 protected:
  void write(const std::string &path, const std::string &text) const {
    const std::string whole = folder + '/' + path;
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
    std::ofstream(whole) << text;
  }
  int available() const { return available_processors(folder + "/own", folder); }
  // As many as this machine has of n.
  int at_most(int n) const { return std::min(n, available_processors(folder + "/none", folder + "/none")); }
};

TEST_F(Processors, AreThoseThatTheProcessIsBoundTo) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(available(), CPU_COUNT(&before));  // no control groups here
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
    if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available(), 1);
  sched_setaffinity(0, sizeof before, &before);
}

TEST_F(Processors, AGroupOfVersion2HasALimit) {
  const int all = available();
  write("cpu.max", "max 100000\n");
  EXPECT_EQ(available(), all);
  write("cpu.max", "150000 100000\n");
  EXPECT_EQ(available(), at_most(2));
  write("cpu.max", "20000 100000\n");
  EXPECT_EQ(available(), 1);
}

TEST_F(Processors, AGroupOfVersion1HasALimit) {
  const int all = available();
  write("cpu/cpu.cfs_quota_us", "-1\n");
  write("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(available(), all);
  write("cpu/cpu.cfs_quota_us", "150000\n");
  EXPECT_EQ(available(), at_most(2));
  write("cpu/cpu.cfs_quota_us", "20000\n");
  EXPECT_EQ(available(), 1);
}

TEST_F(Processors, AGroupIsLimitedByThoseAroundIt) {
  const int all = available();
  write("own", "0::/user.slice/job\n");
  write("user.slice/job/cpu.max", "max 100000\n");
  EXPECT_EQ(available(), all);
  write("user.slice/cpu.max", "50000 100000\n");
  EXPECT_EQ(available(), 1);
  write("own", "0::/other/job\n");
  EXPECT_EQ(available(), all);
}

TEST_F(Processors, OfVersion1TheGroupOfTheControllerCounts) {
  const int all = available();
  write("cpu/job/cpu.cfs_quota_us", "50000\n");
  write("cpu/job/cpu.cfs_period_us", "100000\n");
  write("own", "3:cpuset:/job\n2:memory:/job\n0::/\n");
  EXPECT_EQ(available(), all);
  write("own", "3:cpuset:/\n4:cpuacct,cpu:/job\n0::/\n");
  EXPECT_EQ(available(), 1);
}

TEST_F(Processors, WhatCannotBeReadIsNoLimit) {
  const int all = available();
  write("cpu.max", "");
  write("cpu/cpu.cfs_quota_us", "many\n");
  write("own", "\n::\nnothing\n0::\n0::relative\n:::::\n");
  EXPECT_EQ(available(), all);
  for (const char *text : {"0 100000", "-5 100000", "100000", "100000 0", "nan nan", "1e400 1"}) {
    write("cpu.max", text);
    EXPECT_EQ(available(), all) << text;
  }
}

}  // namespace
}  // namespace coopnets
