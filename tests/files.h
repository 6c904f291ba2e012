// What tests of files and of error sentences share.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

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

inline bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

}  // namespace coopnets

#define EXPECT_CONTAINS(text, part) EXPECT_PRED2(::coopnets::contains, text, part)
