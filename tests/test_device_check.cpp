// tools/device_check where there is no GPU: one sentence and exit 1, whatever else the machine has.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
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
        "PATH='" + folder + "':$PATH " + tool + " --out '" + folder + "/out' " + arguments + " 2>&1";
    FILE *pipe = popen(command.c_str(), "r");
    if (!pipe) return -1;
    said.clear();
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) said.append(buffer, n);
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  bool says(const std::string &words) const { return said.find(words) != std::string::npos; }

  std::string folder, said, tool = "tools/device_check";
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

// The tool itself, in a folder where make, the tests and the program are stubs: a GPU's tests are not to be had here, but
// that every step is begun, that a failing one does not keep the others back, and what the report says, are.
class DeviceCheckOfStubs : public DeviceCheck {
 protected:
  void SetUp() override {
    DeviceCheck::SetUp();
    for (const char *name : {"/tools", "/datasets/texture", "/build/cuda"}) fs::create_directories(folder + name);
    fs::copy("tools/device_check", folder + "/tools/device_check");
    std::ofstream(folder + "/datasets/texture/gravel.png") << "a picture";
    stub("nvidia-smi", "echo 'A GPU, 9.0, 80000 MiB, 1.2'");
    stub("nvcc", "echo 'Cuda compilation tools, release 1.2, V1.2.3'");
    stub("compute-sanitizer", "echo sanitized \"$@\"");
    stub("make", "echo made \"$@\" for $CUDA_ARCH; [ \"$*\" != \"${BREAK:-}\" ]");
    stub("build/cuda/run_tests", "echo tested \"$@\"");
    stub("coopnets",
         "echo ran \"$@\"\n"
         "while [ $# -gt 0 ]; do case $1 in --out) out=$2 ;; --exp) exp=$2 ;; esac; shift; done\n"
         "mkdir -p $out/$exp/run; for i in 0 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i,0.5; done >$out/$exp/run/log.csv");
  }
  void stub(const std::string &name, const std::string &lines) {
    std::ofstream(folder + "/" + name) << "#!/bin/sh\n" << lines << "\n";
    fs::permissions(folder + "/" + name, fs::perms::owner_all);
  }
  int check(const std::string &environment, const std::string &arguments) {
    tool = "env -u CUDA_ARCH -u CPATH -u LIBRARY_PATH " + environment + " '" + folder + "/tools/device_check'";
    return run(arguments);
  }
  std::string report() const {
    std::ostringstream text;
    text << std::ifstream(folder + "/out/report.md").rdbuf();
    return text.str();
  }
  static int count(const std::string &text, const std::string &words) {
    int n = 0;
    for (size_t at = 0; (at = text.find(words, at)) != std::string::npos; at += words.size()) ++n;
    return n;
  }
};

TEST_F(DeviceCheckOfStubs, EveryStepStandsInTheReport) {
  EXPECT_EQ(check("", ""), 0) << said;
  EXPECT_EQ(count(report(), "passed after"), 7) << report();
  for (const char *words :
       {"GPU: A GPU, 9.0", "made CUDA=1 coopnets for 90", "tested --gtest_filter=*AgainstCpu*", "--tool initcheck",
        "completion       0.5000 s an iteration", "ran --exp texture --preset paper --device cuda --iterations 300",
        "made bench-cuda CUDA=1"})
    EXPECT_EQ(count(report(), words), 1) << words << report();
  EXPECT_GT(report().find("made bench-cuda"), report().find("ran --exp texture"));  // what takes longest comes last
}

TEST_F(DeviceCheckOfStubs, AStepThatFailsKeepsNoneBack) {
  EXPECT_EQ(check("BREAK='test CUDA=1'", ""), 1) << said;
  EXPECT_TRUE(says("failed: suite; report:")) << said;
  EXPECT_EQ(count(report(), "passed after"), 6) << report();
  EXPECT_EQ(count(report(), "FAILED after"), 1) << report();
}

TEST_F(DeviceCheckOfStubs, ALaterCallAddsToTheReport) {
  const std::string all_but = "--skip test --skip sanitizer --skip presets --skip suite --skip train";
  EXPECT_EQ(check("", all_but + " --skip bench"), 0) << said;
  EXPECT_EQ(check("", all_but + " --precision tf32"), 0) << said;
  EXPECT_EQ(count(report(), "# Device check\n"), 2) << report();
  EXPECT_EQ(count(report(), "made bench-cuda CUDA=1 PRECISIONS= tf32"), 1) << report();
}

TEST_F(DeviceCheckOfStubs, WithoutABuildThereIsNothingToDo) {
  EXPECT_EQ(check("BREAK='CUDA=1 coopnets'", ""), 1) << said;
  EXPECT_TRUE(says("the build failed, see")) << said;
  EXPECT_EQ(count(report(), "passed after"), 0) << report();
}

}  // namespace
