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
  EXPECT_EQ(run("--limits 0"), 2);
  EXPECT_TRUE(says("--limits is a percentage of at least 1, not '0'")) << said;
  EXPECT_EQ(run("--skip tests"), 2);
  EXPECT_TRUE(says("--skip is one of gpu build smoke")) << said;
  EXPECT_EQ(run("--device one"), 2);
  EXPECT_EQ(run("--limits"), 2);
  EXPECT_EQ(run("third"), 2);
  EXPECT_TRUE(says("unknown option 'third'")) << said;
}

// A part must fit a call of ten minutes, whatever its steps do: their limits are told by --help.
TEST_F(DeviceCheck, EachPartEndsWithinTenMinutes) {
  ASSERT_EQ(run("--help"), 0);
  std::istringstream lines(said);
  int seconds[2] = {}, part = -1;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("first ", 0) == 0) part = 0;
    if (line.rfind("second ", 0) == 0) part = 1;
    if (line.rfind("Without", 0) == 0) break;
    int limit = 0;
    const size_t at = line.find_last_of(' ', line.find(" s") == std::string::npos ? 0 : line.rfind(" s") - 1);
    if (part >= 0 && at != std::string::npos && std::sscanf(line.c_str() + at, "%d s", &limit) == 1)
      seconds[part] += limit;
  }
  for (const int all : seconds) {
    EXPECT_GT(all, 300) << said;
    EXPECT_LT(all, 600) << said;
  }
}

// The tool itself, in a folder where make, the tests and the programs are stubs: a GPU's tests are not to be had here, but
// that every step is begun and ended in time, that a failing one does not keep the others back, and what is kept, are.
class DeviceCheckOfStubs : public DeviceCheck {
 protected:
  void SetUp() override {
    DeviceCheck::SetUp();
    for (const char *name : {"/tools", "/build/cuda", "/build/float"}) fs::create_directories(folder + name);
    fs::copy("tools/device_check", folder + "/tools/device_check");
    stub("nvidia-smi", "echo 'A GPU, 9.0, 80000 MiB, 1.2'");
    stub("nvcc", "echo 'Cuda compilation tools, release 1.2, V1.2.3'");
    stub("compute-sanitizer", "echo sanitized \"$@\"; case \"$*\" in *${BREAK:-nothing}*) exit 9 ;; esac");
    stub("ncu", "echo profiled \"$@\"");
    stub("make", "echo made \"$@\" for $CUDA_ARCH; [ -z \"${NO_BUILD:-}\" ]");
    stub("build/cuda/run_tests",
         "echo tested \"$@\"; case \"$*\" in *${HANG:-nothing}*) sleep 20 ;; *${BREAK:-nothing}*) exit 1 ;; esac");
    stub("build/float/bench_conv", "echo timed \"$@\"");
    stub("coopnets", "echo ran \"$@\"");
    stub("python3", "echo python \"$@\"; [ -z \"${NO_TORCH:-}\" ]");
  }
  void stub(const std::string &name, const std::string &lines) {
    std::ofstream(folder + "/" + name) << "#!/bin/sh\n" << lines << "\n";
    fs::permissions(folder + "/" + name, fs::perms::owner_all);
  }
  int check(const std::string &environment, const std::string &arguments) {
    tool =
        "env -u CUDA_ARCH -u CPATH -u LIBRARY_PATH -u PYTHON " + environment + " '" + folder + "/tools/device_check'";
    return run(arguments);
  }
  std::string summary() const {
    std::ostringstream text;
    text << std::ifstream(folder + "/out/summary.txt").rdbuf();
    return text.str();
  }
  static int count(const std::string &text, const std::string &words) {
    int n = 0;
    for (size_t at = 0; (at = text.find(words, at)) != std::string::npos; at += words.size()) ++n;
    return n;
  }
  // Names in the archive.
  std::string archived() const {
    FILE *pipe = popen(("tar -tzf '" + folder + "/out/logs.tgz' 2>&1").c_str(), "r");
    std::string names;
    char buffer[4096];
    for (size_t n; pipe && (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) names.append(buffer, n);
    if (pipe) pclose(pipe);
    return names;
  }
};

TEST_F(DeviceCheckOfStubs, EveryStepOfBothPartsIsToldInOrderOfWorth) {
  EXPECT_EQ(check("", ""), 0) << said;
  EXPECT_EQ(count(summary(), " passed after"), 15) << summary();
  size_t last = 0;
  for (const char *words :
       {"# GPU: A GPU, 9.0", "gpu        passed",
        "made CUDA=1 coopnets build/cuda/run_tests build/float/bench_conv for 90", "tested --gtest_filter=TensorCore.*",
        "ran --bench all --iterations 10 --device cuda --precision bf16", "timed cuda fp32",
        "tested --gtest_filter=-*AgainstCpu*", "profiled --clock-control none", "--mode channels_last_graph",
        "tested --gtest_filter=*AgainstCpu*", "--tool memcheck", "--tool racecheck", "--tool initcheck",
        "ran --exp texture --preset paper --device cuda --iterations 300", "--mode compile_graph"}) {
    const size_t at = summary().find(words, last);
    EXPECT_NE(at, std::string::npos) << words << " after what comes before it in " << summary();
    if (at != std::string::npos) last = at;
  }
  int files = 0;
  for (const auto &file : fs::recursive_directory_iterator(folder + "/out")) files += file.is_regular_file();
  EXPECT_LE(files, 8);
  for (const char *name : {"gpu", "build", "nets", "profile", "compile"})
    EXPECT_EQ(count(archived(), "/" + std::string(name) + ".log"), 1) << archived();
}

TEST_F(DeviceCheckOfStubs, APartIsRunByItselfAndALaterCallAddsToIt) {
  EXPECT_EQ(check("", "first --skip profile"), 0) << said;
  EXPECT_EQ(count(summary(), " passed after"), 7) << summary();
  EXPECT_EQ(count(summary(), "sanitized"), 0) << summary();
  EXPECT_EQ(check("", "second --skip train"), 0) << said;
  EXPECT_EQ(count(summary(), "# GPU"), 2) << summary();
  EXPECT_EQ(count(archived(), "/convs.log") + count(archived(), "/compile.log"), 2) << archived();
}

TEST_F(DeviceCheckOfStubs, AStepThatFailsKeepsNoneBack) {
  EXPECT_EQ(check("BREAK==-", "first"), 1) << said;
  EXPECT_TRUE(says("failed: test; summary:")) << said;
  EXPECT_EQ(count(summary(), " passed after"), 7) << summary();
  EXPECT_EQ(count(summary(), "FAILED (1) after"), 1) << summary();
}

// 1 % of 40 s, for one that would take 20; and what came before it is in the archive by then.
TEST_F(DeviceCheckOfStubs, AStepEndsAtItsLimit) {
  stub("ncu", "tar -tzf '" + folder + "/out/logs.tgz'");
  EXPECT_EQ(check("HANG=CudaReplay", "first --limits 1 --skip build"), 1) << said;
  EXPECT_EQ(count(summary(), "smoke      ended at its limit of 0.4 s"), 1) << summary();
  EXPECT_TRUE(says("failed: smoke")) << said;
  EXPECT_EQ(count(summary(), "./smoke.log"), 2) << summary();
}

TEST_F(DeviceCheckOfStubs, RacecheckInformsAndWhatIsMissingIsSaid) {
  EXPECT_EQ(check("BREAK=racecheck", "second"), 0) << said;
  EXPECT_EQ(count(summary(), "racecheck  FAILED (9)"), 1) << summary();
  EXPECT_EQ(check("NO_TORCH=1", "second"), 0) << said;
  EXPECT_EQ(count(summary(), "compile    not run"), 1) << summary();
}

TEST_F(DeviceCheckOfStubs, WithoutABuildThereIsNothingToDo) {
  EXPECT_EQ(check("NO_BUILD=1", ""), 1) << said;
  EXPECT_TRUE(says("the build failed, see")) << said;
  EXPECT_EQ(count(summary(), "passed after"), 1) << summary();  // nvidia-smi
}

}  // namespace
