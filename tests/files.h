// What tests of files and of error sentences share.
#pragma once
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace coopnets {

// A test with an empty folder of its own, removed after it.
class FolderTest : public testing::Test {
 protected:
  FolderTest() : folder(testing::TempDir() + "coopnets_" + std::to_string(getpid())) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  ~FolderTest() override { std::filesystem::remove_all(folder); }

  size_t files() const {
    return size_t(std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
  }

  const std::string folder;
};

// The sentence of the Error that `action` must throw.
template <class Error = std::runtime_error, class Action>
std::string error_of(const Action &action) {
  try {
    action();
  } catch (const Error &error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

// No file may grow beyond `bytes` while this lives: what a full disk looks like to a writer.
struct FileSizeLimit {
  explicit FileSizeLimit(rlim_t bytes) {
    handler = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    const rlimit limit = {bytes, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
  }
  rlimit old;
  void (*handler)(int);
};

inline bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

}  // namespace coopnets

#define EXPECT_CONTAINS(text, part) EXPECT_PRED2(::coopnets::contains, text, part)
