// The README tells the truth: every command in it is accepted, the ones on data that ships are run, and every file that
// its tables name is there.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <regex>

#include "app/bench.h"
#include "app/options.h"
#include "experiments/classifier.h"
#include "experiments/experiment.h"
#include "program.h"

namespace coopnets {
namespace {

std::string readme() {
  std::ifstream file("README.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

// The lines of ```sh blocks, without comments.
std::vector<std::string> commands() {
  std::vector<std::string> lines;
  std::istringstream text(readme());
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line.compare(0, 3, "```") == 0) {
      inside = line == "```sh";
      continue;
    }
    line = line.substr(0, line.find(" #"));
    line.erase(line.find_last_not_of(' ') + 1);
    if (inside && !line.empty() && line[0] != '#') lines.push_back(line);
  }
  return lines;
}

// The calls of the program in a line such as "make && ./coopnets --exp texture".
std::vector<std::vector<std::string>> calls_in(const std::string &line) {
  std::vector<std::vector<std::string>> calls;
  std::istringstream words(line);
  bool ours = false;
  for (std::string word; words >> word;) {
    if (word == "&&") {
      ours = false;
    } else if (word == "./coopnets") {
      ours = true;
      calls.emplace_back();
    } else if (ours) {
      calls.back().push_back(word);
    }
  }
  return calls;
}

TEST(Readme, HasTheTwoCommands) {
  const std::vector<std::string> all = commands();
  EXPECT_EQ(std::count(all.begin(), all.end(), "make && ./coopnets --exp texture"), 1);
  EXPECT_GE(std::count(all.begin(), all.end(), "make test"), 1);
}

TEST(Readme, HoldsNoPlaceholder) { EXPECT_FALSE(std::regex_search(readme(), std::regex("@[A-Z]+@|TODO|TBD"))); }

TEST(Readme, EveryCallOfTheProgramIsAccepted) {
  Vocabulary names;
  for (const Experiment &e : experiments()) names.experiments.push_back(e.name);
  names.experiments.push_back(classifier_name);
  names.benchmarks = benchmarks();
  int calls = 0;
  for (const std::string &line : commands())
    for (const std::vector<std::string> &call : calls_in(line)) {
      EXPECT_NO_THROW(parse_options(call, names)) << line;
      ++calls;
    }
  EXPECT_GT(calls, 5);
}

TEST(Readme, EveryToolAndTargetExists) {
  std::ifstream file("Makefile");
  const std::string makefile{std::istreambuf_iterator<char>(file), {}};
  for (const std::string &line : commands()) {
    std::istringstream words(line);
    std::string first, second;
    words >> first >> second;
    struct stat s;
    if (first.compare(0, 6, "tools/") == 0) {
      EXPECT_EQ(stat(first.c_str(), &s), 0) << first;
    }
    if (first == "make" && !second.empty() && second != "&&" && second.find('=') == std::string::npos &&
        second[0] != '-') {
      EXPECT_NE(makefile.find("\n" + second + ":"), std::string::npos) << line;
    }
  }
}

TEST(Readme, EveryFileThatItNamesExists) {
  const std::string text = readme();
  const std::regex path(
      "`((?:src|cuda|tests|tools|datasets)/[A-Za-z0-9_./-]+)`|\\]\\(([A-Za-z][A-Za-z0-9_./-]*)\\)|src=\"([^\"]+)\"");
  int named = 0;
  for (std::sregex_iterator m(text.begin(), text.end(), path), end; m != end; ++m) {
    const std::string name = (*m)[1].matched ? (*m)[1] : (*m)[2].matched ? (*m)[2] : (*m)[3];
    if (name.find("://") != std::string::npos) continue;
    struct stat s;
    const bool fetched = name.compare(0, 9, "datasets/") == 0 && text.find("tools/get-data") != std::string::npos &&
                         name.compare(0, 16, "datasets/texture") != 0 && name.compare(0, 16, "datasets/gallery") != 0 &&
                         name != "datasets/README.md";
    if (!fetched) {
      EXPECT_EQ(stat(name.c_str(), &s), 0) << name;
    }
    ++named;
  }
  EXPECT_GT(named, 20);
}

// Each command on data that ships, in the order of the README, cut to two iterations and sent to a folder of the test's
// own.
class ReadmeCommands : public ProgramTest {};

TEST_F(ReadmeCommands, RunOnTheDataThatShips) {
  int run = 0;
  for (const std::string &line : commands())
    for (std::vector<std::string> call : calls_in(line)) {
      const auto has = [&](const std::string &word) { return std::find(call.begin(), call.end(), word) != call.end(); };
      struct stat s;
      bool ships = has("texture") || has("--list") || has("--help") || has("--version");
      for (size_t i = 0; i + 1 < call.size(); ++i) {
        if (call[i] == "--data" && stat(call[i + 1].c_str(), &s) != 0) ships = false;
        if (call[i] == "--checkpoint" || call[i] == "--out") ships = false;
      }
      if (!ships || has("--bench") || has("paper")) continue;
      const bool trains = has("--exp") && !has("--sample") && !has("--interpolate") && !has("--evaluate");
      if (has("--exp")) {
        call.insert(call.end(), {"--out", folder + "/readme"});
      }
      if (trains) call.insert(call.end(), {"--iterations", has("--resume") ? "3" : "2"});
      if (trains && !has("--resume")) call.push_back("--overwrite");
      const Outcome result = run_program(call);
      EXPECT_EQ(result.status, 0) << line << "\n" << result.err;
      ++run;
    }
  EXPECT_GE(run, 4);
}

}  // namespace
}  // namespace coopnets
