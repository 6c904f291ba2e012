// tools/device_check where there is no GPU: one sentence and exit 1, whatever else the machine has.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {
namespace fs = std::filesystem;

class DeviceCheck : public testing::Test {
 protected:
  // A machine whose driver finds no GPU: an nvidia-smi that prints nothing comes first in PATH.
  void SetUp() override {
    std::string name = testing::TempDir() + "coopnets-device-check-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    const std::string program = folder + "/nvidia-smi";
    std::ofstream(program) << "#!/bin/sh\necho 'No devices were found' >&2\nexit 6\n";
    fs::permissions(program, fs::perms::owner_all);
  }
  void TearDown() override { fs::remove_all(folder); }

  int run(const std::string &arguments) {
    const std::string command =
        "PATH='" + folder + "':$PATH tools/device_check --out '" + folder + "/out' " + arguments + " 2>&1";
    FILE *pipe = popen(command.c_str(), "r");
    if (!pipe) return -1;
    said.clear();
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) said.append(buffer, n);
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  bool says(const std::string &words) const { return said.find(words) != std::string::npos; }

  std::string folder, said;
};

TEST_F(DeviceCheck, WithoutAGpuSaysSo) {
  EXPECT_EQ(run(""), 1) << said;
  EXPECT_TRUE(says("no GPU 0 answers on this machine")) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_FALSE(fs::exists(folder + "/out"));
}

TEST_F(DeviceCheck, ExplainsItself) {
  EXPECT_EQ(run("--help"), 0);
  EXPECT_TRUE(says("--skip STEP")) << said;
  EXPECT_TRUE(says("Exit status")) << said;
}

TEST_F(DeviceCheck, RefusesWrongOptions) {
  EXPECT_EQ(run("--iterations 0"), 2);
  EXPECT_TRUE(says("--iterations must be a whole number of at least 1, not '0'")) << said;
  EXPECT_EQ(run("--skip tests"), 2);
  EXPECT_TRUE(says("--skip is build, test, sanitizer, bench, presets, suite or train, not 'tests'")) << said;
  EXPECT_EQ(run("--precision fp16"), 2);
  EXPECT_TRUE(says("--precision is fp32, tf32 or bf16, not 'fp16'")) << said;
  EXPECT_EQ(run("--preset"), 2);
  EXPECT_EQ(run("--itertions 3"), 2);
  EXPECT_TRUE(says("unknown option '--itertions'")) << said;
}

}  // namespace
