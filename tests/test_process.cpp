#include "data/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "files.h"

namespace coopnets {
namespace {

std::vector<std::string> shell(const std::string &script) { return {"sh", "-c", script}; }

// Whether the process is gone; one that was killed a moment ago may still be on its way out.
bool gone(pid_t pid) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    if (kill(pid, 0) && errno == ESRCH) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(Process, ReadsAllThatIsPrintedAndReportsTheStatus) {
  Process process(
      shell("i=0; while [ $i -lt 2000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; "
            "echo one >&2; echo ' two ' >&2; echo >&2; exit 7"),
      "cannot count");
  std::string all(100000, '?');
  EXPECT_EQ(process.read(all.data(), 5), 5u);
  EXPECT_EQ(process.read(all.data() + 5, all.size() - 5), 2000u * 41 - 5);
  EXPECT_EQ(all.substr(0, 82), "0123456789012345678901234567890123456789\n0123456789012345678901234567890123456789\n");
  EXPECT_EQ(all[2000 * 41 - 1], '\n');
  EXPECT_EQ(process.finish(), 7);
  EXPECT_EQ(process.last_error_line(), " two");
  EXPECT_EQ(error_of([&] { process.fail(7); }), "cannot count: sh said:  two");
}

TEST(Process, ASilentFailureReportsItsStatus) {
  Process process(shell("exit 3"), "cannot go on");
  const int status = process.finish();
  EXPECT_EQ(error_of([&] { process.fail(status); }), "cannot go on: sh failed with status 3");
  Process killed(shell("kill -9 $$"), "cannot go on");
  EXPECT_EQ(killed.finish(), 128 + 9);
}

TEST(Process, ArgumentsAreNeverSeenByAShell) {
  Process process({"printf", "%s|", "a b", "$HOME", "`id`", "-x", "'\"", ""}, "cannot print");
  std::string all(100, '?');
  all.resize(process.read(all.data(), all.size()));
  EXPECT_EQ(all, "a b|$HOME|`id`|-x|'\"||");
}

TEST(Process, WritesWhateverTheChildPrintsMeanwhile) {
  // More than any pipe holds, in both directions and on standard error.
  Process process(shell("tee /dev/stderr | wc -c; wc -c >&2"), "cannot copy");
  const std::string data(1 << 20, 'x');
  EXPECT_TRUE(process.write(data.data(), data.size()));
  EXPECT_EQ(process.finish(), 0);
  const std::string line = process.last_error_line();
  EXPECT_EQ(line.substr(line.size() - 2), "x0");
}

TEST(Process, WritingToAChildThatReadsNoMoreIsNoSignal) {
  Process process(shell("exec <&-; echo 'enough of this' >&2; exit 4"), "cannot send");
  const std::string data(1 << 22, 'x');
  EXPECT_FALSE(process.write(data.data(), data.size()));
  EXPECT_EQ(process.finish(), 4);
  EXPECT_EQ(process.last_error_line(), "enough of this");
}

TEST(Process, AFloodOfErrorsNeitherBlocksNorFillsMemory) {
  Process process(
      shell("i=0; while [ $i -lt 5000 ]; do echo error number $i of too many of them >&2; i=$((i+1)); done; "
            "echo done"),
      "cannot complain");
  char text[5];
  EXPECT_EQ(process.read(text, 5), 5u);
  EXPECT_EQ(std::string(text, 5), "done\n");
  EXPECT_EQ(process.finish(), 0);
  EXPECT_EQ(process.last_error_line(), "error number 4999 of too many of them");
}

TEST(Process, AHangingChildIsStoppedWithASentence) {
  for (const char *script : {"echo $$; sleep 1000", "echo $$; exec >&- 2>&-; sleep 1000"}) {
    Process process(shell(script), "cannot wait", 0.2);
    std::string pid(20, ' ');
    const auto start = std::chrono::steady_clock::now();
    const std::string error = error_of([&] {
      process.read(pid.data(), pid.size());
      process.finish();
    });
    EXPECT_EQ(error.substr(0, 16), "cannot wait: sh ") << error;
    EXPECT_NE(error.find("was stopped"), std::string::npos) << error;
    EXPECT_LE(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
    EXPECT_TRUE(gone(std::stoi(pid)));
  }
}

TEST(Process, DestructionKillsTheChildrenOfTheChildToo) {
  const std::string file = testing::TempDir() + "coopnets_process_outlived_" + std::to_string(getpid());
  std::string pid(20, ' ');
  {
    Process process(shell("(sleep 0.3; touch " + file + ") & echo $$; wait"), "cannot wait");
    while (pid.find('\n') == std::string::npos) process.read(&*std::find(pid.begin(), pid.end(), ' '), 1);
  }
  EXPECT_EQ(kill(std::stoi(pid), 0) == 0 ? 0 : errno, ESRCH);  // reaped
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(Process, AMissingProgramIsASentence) {
  EXPECT_EQ(error_of([] { Process({"coopnets-no-such-program"}, "cannot read clip.avi"); }),
            "cannot read clip.avi: cannot start the program coopnets-no-such-program: No such file or directory");
  EXPECT_FALSE(on_path("coopnets-no-such-program"));
  EXPECT_TRUE(on_path("sh"));
}

}  // namespace
}  // namespace coopnets
