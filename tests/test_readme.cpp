// The READMEs tell the truth: every command in them is accepted, the ones on data that ships are run, and every file that
// they name is there.
#include <fnmatch.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <regex>
#include <set>

#include "app/bench.h"
#include "app/options.h"
#include "data/process.h"
#include "experiments/classifier.h"
#include "experiments/experiment.h"
#include "program.h"

namespace coopnets {
namespace {

// Folders with a README, in the order in which a reader meets them.
const char *const folders[] = {"", "datasets/", "datasets/gallery/", "src/", "tests/", "tools/", "cuda/"};

std::string readme(const std::string &folder) {
  std::ifstream file(folder + "README.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string readme() {
  std::string all;
  for (const char *folder : folders) all += readme(folder) + "\n";
  return all;
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

// The commands of the ```sh blocks and of `code` in the text that begin with `first`, split at "&&".
std::vector<std::string> commands_that_begin(const std::string &first) {
  std::string all;
  for (const std::string &line : commands()) all += line + "\n";
  const std::string text = readme();
  const std::regex code("`(" + first + "[^`\n]*)`"), command("(?:^|\n|&& )(" + first + "(?:(?! &&)[^\n])*)");
  std::vector<std::string> found;
  for (std::sregex_iterator m(text.begin(), text.end(), code), end; m != end; ++m) found.push_back((*m)[1]);
  for (std::sregex_iterator m(all.begin(), all.end(), command), end; m != end; ++m) found.push_back((*m)[1]);
  return found;
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
  for (const std::string &line : commands_that_begin("\\./coopnets "))
    for (const std::vector<std::string> &call : calls_in(line)) {
      EXPECT_NO_THROW(parse_options(call, names)) << line;
      ++calls;
    }
  EXPECT_GT(calls, 5);
}

TEST(Readme, EveryExperimentHasItsLine) {
  std::set<std::string> shown;
  for (const std::string &line : commands())
    for (const std::vector<std::string> &call : calls_in(line))
      if (call.size() > 1 && call[0] == "--exp") shown.insert(call[1]);
  for (const Experiment &e : experiments()) EXPECT_EQ(shown.count(e.name), 1u) << e.name;
}

// Runs a line of the README as a reader's shell would, not as part of the make that runs the tests. Returns what it
// printed.
std::string shell(const std::string &line) {
  const std::string command = "unset MAKEFLAGS MFLAGS MAKELEVEL; (" + line + ") 2>&1";
  const std::unique_ptr<std::FILE, int (*)(std::FILE *)> pipe(popen(command.c_str(), "re"), [](std::FILE *file) {
    const int status = pclose(file);
    EXPECT_EQ(status, 0);
    return status;
  });
  std::string printed;
  char chunk[4096];
  while (const size_t count = std::fread(chunk, 1, sizeof chunk, pipe.get())) printed.append(chunk, count);
  return printed;
}

TEST(Readme, EveryMakeCommandIsPlannedToItsEnd) {
  const std::string help = shell("make help");
  int planned = 0;
  for (const std::string &line : commands_that_begin("make(?= |`|\n)")) {
    SCOPED_TRACE(line);
    const std::regex assignment(" ([A-Z_]+)=");
    for (std::sregex_iterator m(line.begin(), line.end(), assignment), end; m != end; ++m)
      EXPECT_CONTAINS(help, (*m)[1].str() + "=");  // make takes any variable, also one that means nothing
    EXPECT_NE(shell(line + " -n"), "");
    ++planned;
  }
  EXPECT_GE(planned, 8);
}

TEST(Readme, EveryToolCanBeRun) {
  int tools = 0;
  for (const std::string &line : commands_that_begin("tools/")) {
    const std::string tool = line.substr(0, line.find(' '));
    EXPECT_EQ(access(tool.c_str(), X_OK), 0) << line;
    ++tools;
  }
  EXPECT_GE(tools, 4);
}

TEST(Readme, EveryToolTakesTheOptionsThatItIsGiven) {
  const std::regex option(" (--[a-z-]+)");
  int options = 0;
  for (const std::string &line : commands_that_begin("tools/")) {
    std::sregex_iterator m(line.begin(), line.end(), option), end;
    if (m == end) continue;
    const std::string help = shell(line.substr(0, line.find(' ')) + " --help");
    for (; m != end; ++m, ++options) EXPECT_CONTAINS(help, (*m)[1].str()) << line;
  }
  EXPECT_GE(options, 6);
}

// What is fuzzed has a file of its name.
TEST(Readme, EveryFuzzTargetIsThere) {
  const std::string text = readme("tests/");
  const std::regex target("--target=([a-z]+)");
  std::sregex_iterator m(text.begin(), text.end(), target), end;
  ASSERT_NE(m, end);
  for (; m != end; ++m) EXPECT_TRUE(std::filesystem::exists("tests/fuzz/fuzz_" + (*m)[1].str() + ".cpp")) << (*m)[1];
}

TEST(Readme, EveryKindOfDataIsOneThatIsFetched) {
  const std::string usage = shell("tools/get-data --help");
  int kinds = 0;
  for (const std::string &line : commands_that_begin("tools/get-data (?!KIND)")) {
    std::string name = line.substr(line.find(' ') + 1);
    EXPECT_CONTAINS(usage, "\n  " + name.substr(0, name.find(' ')) + " ");
    ++kinds;
  }
  EXPECT_GE(kinds, 9);
}

class ReadmeCMake : public FolderTest {};

TEST_F(ReadmeCMake, ConfiguresAndInstallsTheTextures) {
  const std::string line = "cmake -S . -B build-cmake";
  ASSERT_NE(readme().find("\n" + line + " && cmake --build build-cmake"), std::string::npos);
  if (!on_path("cmake")) GTEST_SKIP() << "no cmake here: tools/setup gets it";
  const std::string build = folder + "/build-cmake", prefix = folder + "/prefix";
  shell("cmake -S . -B " + build);
  shell("cmake --install " + build + " --component textures --prefix " + prefix);
  for (const char *name : {"brick.png", "grass.png", "gravel.png"})
    EXPECT_TRUE(std::filesystem::exists(prefix + "/share/coopnets/datasets/texture/" + name)) << name;
}

TEST(Readme, MakeInstallsTheProgramAndTheTextures) {
  const std::string plan = shell("make -n install DESTDIR=/stage PREFIX=/opt");
  EXPECT_EQ(plan.find("-c "), std::string::npos) << plan;  // compiles nothing
  EXPECT_CONTAINS(plan, "coopnets '/stage/opt/bin/coopnets'");
  EXPECT_CONTAINS(plan, "'/stage/opt/share/coopnets/datasets/texture' datasets/texture/*.png");
}

// Paths in `code` are those of the repository; links and pictures are told from the README's own folder.
TEST(Readme, EveryFileThatTheyNameExists) {
  const std::regex path(
      "`((?:src|cuda|tests|tools|datasets)/[A-Za-z0-9_./-]+)`|\\]\\(([A-Za-z.][A-Za-z0-9_./-]*)\\)|src=\"([^\"]+)\"");
  for (const char *folder : folders) {
    const std::string text = readme(folder);
    EXPECT_NE(text, "") << folder;
    for (std::sregex_iterator m(text.begin(), text.end(), path), end; m != end; ++m) {
      const bool of_repository = (*m)[1].matched;
      const std::string name = of_repository ? (*m)[1] : folder + ((*m)[2].matched ? (*m)[2] : (*m)[3]).str();
      const bool fetched = name.compare(0, 9, "datasets/") == 0 && of_repository &&
                           name.compare(0, 16, "datasets/texture") != 0 && name.compare(0, 16, "datasets/gallery") != 0;
      EXPECT_TRUE(fetched || std::filesystem::exists(name)) << folder << "README.md: " << name;
    }
  }
}

TEST(Readme, FrontPageIsShort) {
  const std::string text = readme("");
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 140);
}

// "Suite.Name" of every test of this program.
std::set<std::string> known_tests() {
  std::set<std::string> known;
  const testing::UnitTest &all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite &suite = *all.GetTestSuite(i);
    for (int k = 0; k < suite.total_test_count(); ++k)
      known.insert(std::string(suite.name()) + '.' + suite.GetTestInfo(k)->name());
  }
  return known;
}

// The tables and exercises of tests/README.md name tests that there are.
TEST(Readme, EveryTestThatIsNamedIsThere) {
  const std::set<std::string> known = known_tests();
  int named = 0;
  const std::regex test("`([A-Z][A-Za-z]*\\.[A-Z][A-Za-z0-9_]+|[A-Z][A-Za-z]*\\.[a-z0-9]+_[A-Za-z0-9_]+)`");
  const std::string text = readme("tests/") + readme("src/");
  for (std::sregex_iterator m(text.begin(), text.end(), test), end; m != end; ++m, ++named)
    EXPECT_TRUE(known.count((*m)[1])) << (*m)[1];
  EXPECT_GE(named, 50);
}

TEST(Readme, EveryFilterOfTestsFindsSome) {
  const std::set<std::string> known = known_tests();
  const std::string text = readme();
  const std::regex filter("TEST_FILTER='([^']+)'");
  int patterns = 0;
  for (std::sregex_iterator m(text.begin(), text.end(), filter), end; m != end; ++m) {
    std::istringstream all((*m)[1].str());
    for (std::string pattern; std::getline(all, pattern, ':'); ++patterns)
      EXPECT_TRUE(std::any_of(known.begin(), known.end(), [&](const std::string &name) {
        return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
      })) << pattern;
  }
  EXPECT_GE(patterns, 2);
}

// Each command on data that ships, in the order of the READMEs, cut to two iterations and sent to a folder of the test's
// own.
class ReadmeCommands : public ProgramTest {};

TEST_F(ReadmeCommands, RunOnTheDataThatShips) {
  int run = 0;
  for (const std::string &line : commands())
    for (std::vector<std::string> call : calls_in(line)) {
      const auto has = [&](const std::string &word) { return std::find(call.begin(), call.end(), word) != call.end(); };
      struct stat s;
      bool ships = has("texture") || has("toy") || has("--list") || has("--help") || has("--version");
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
