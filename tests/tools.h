// What the tests of tools/ and of the Makefile share: a shell, and programs that a test puts first in PATH, so that what is
// fetched or installed comes from there. They run in the root of the repository.
#pragma once
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace tools {
namespace fs = std::filesystem;

struct Outcome {
  int status;
  std::string text;  // what it wrote to stdout and stderr, in order
  bool says(const std::string &words) const { return text.find(words) != std::string::npos; }
};

// Runs a command of the shell, free of what the make around this test has put into the environment.
inline Outcome run(const std::string &command) {
  const std::string clean = "unset MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS WERROR CUDA CUDA_ARCH SANITIZE V CXX; { " +
                            command + "\n} 2>&1 </dev/null";
  FILE *pipe = popen(clean.c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot start a shell");
  std::string text;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text};
}

// A folder of the test's own, with a `bin` that holds only plain tools and what the test writes there.
class Tools : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "coopnets-tools-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    root = fs::current_path().string();
    ASSERT_TRUE(fs::exists(root + "/tools/setup")) << "this test runs in the root of the repository";
    fs::create_directory(folder + "/bin");
    const Outcome linked =
        run("for tool in sh bash env cat chmod dirname ls mkdir mktemp mv rm sed awk nproc tar gzip wc; do "
            "ln -s \"$(command -v $tool)\" '" +
            folder + "/bin/' || exit 1; done");
    ASSERT_EQ(linked.status, 0) << linked.text;
    path = "PATH='" + folder + "/bin' ";
  }
  void TearDown() override { fs::remove_all(folder); }

  void write(const std::string &name, const std::string &text) {
    fs::create_directories(fs::path(folder + "/" + name).parent_path());
    std::ofstream(folder + "/" + name) << text;
  }
  void program(const std::string &name, const std::string &text) {
    write("bin/" + name, "#!/bin/sh\n" + text + "\n");
    fs::permissions(folder + "/bin/" + name, fs::perms::owner_all);
  }
  std::string read(const std::string &name) {
    std::ostringstream text;
    text << std::ifstream(folder + "/" + name).rdbuf();
    return text.str();
  }
  // Names of what lies in a folder, in order, each followed by a blank.
  std::string listing(const std::string &name) { return run("cd '" + folder + "/" + name + "' && echo $(ls -A)").text; }

  std::string folder, root, path;
};

}  // namespace tools
