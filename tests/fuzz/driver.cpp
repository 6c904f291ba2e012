// Feeds damaged files to the readers where there is no libFuzzer:
//   fuzz [--target=NAME] [--seconds=S | --inputs=N] [--seed=N] [--out=FOLDER] [FILE ...]
// Without a target all take their turns, each for so many seconds (20) or inputs. Files are read as they are,
// instead of damaged seeds. What a reader fails on is left in FOLDER (here), as TARGET-HASH: a sanitizer's
// report, an exception that no reader documents, a single allocation of 1 GiB or 2 GiB in all, 5 seconds.
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <typeinfo>

#include "experiments/text.h"
#include "fuzz/mutations.h"

extern "C" int LLVMFuzzerInitialize(int *count, char ***arguments);

// Whatever the sanitizers find ends in abort(), which we catch.
extern "C" const char *__asan_default_options() {
  return "abort_on_error=1:max_allocation_size_mb=1024:hard_rss_limit_mb=2048:quarantine_size_mb=32";
}
extern "C" const char *__ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }

namespace coopnets {
namespace {

constexpr int most_seconds = 5;
// A reader that sleeps takes no time of the processor; one that works may wait for it on a busy machine.
constexpr int most_seconds_asleep = 60;

struct Command {
  std::string target, out = ".";
  std::vector<std::string> files;
  int64_t inputs = 0, seconds = 20, seed = 1;
};

// What is being read, for the handlers of signals.
struct Current {
  Bytes bytes;
  char path[512] = "";
} current;

// FNV-1a.
uint64_t hash_of(const Bytes &bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

void say(const char *text) {
  if (write(STDERR_FILENO, text, std::char_traits<char>::length(text)) < 0) return;
}

void save_current(int) {
  std::signal(SIGABRT, SIG_DFL);
  const int file = open(current.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file >= 0 && write(file, current.bytes.data(), current.bytes.size()) == ssize_t(current.bytes.size())) {
    say("fuzz: the input is kept as ");
    say(current.path);
    say("\n");
  }
  std::abort();
}

void too_slow(int) {
  say("fuzz: a reader does not come to an end\n");
  std::abort();
}

void watch() {
  std::signal(SIGABRT, save_current);
  std::signal(SIGPROF, too_slow);
  std::signal(SIGALRM, too_slow);
}

void set_clocks(int seconds, unsigned asleep) {
  itimerval limit = {};
  limit.it_value.tv_sec = seconds;
  setitimer(ITIMER_PROF, &limit, nullptr);
  alarm(asleep);
}

// Whether a reader has taken the input; `slowest` is the most seconds of the processor that one took.
bool run(const FuzzTarget &target, const std::string &out, Bytes bytes, double &slowest) {
  current.bytes = std::move(bytes);
  std::snprintf(current.path, sizeof current.path, "%s/%s-%016llx", out.c_str(), target.name.c_str(),
                static_cast<unsigned long long>(hash_of(current.bytes)));
  set_clocks(most_seconds, most_seconds_asleep);
  const std::clock_t begin = std::clock();
  bool taken = false;
  try {
    taken = feed(target, current.bytes);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "fuzz: %s: %s\n", typeid(error).name(), error.what());
    std::abort();
  }
  set_clocks(0, 0);
  slowest = std::max(slowest, double(std::clock() - begin) / CLOCKS_PER_SEC);
  return taken;
}

void run_seeds(const FuzzTarget &target, const std::string &out, double &slowest) {
  for (const Bytes &seed : target.seeds()) {
    if (seed.size() <= target.most_bytes && run(target, out, seed, slowest)) continue;
    std::fprintf(stderr, "fuzz: no reader of %s takes a seed of %zu bytes\n", target.name.c_str(), seed.size());
    std::abort();
  }
}

// The n-th input depends on n, the seed and the target alone.
void run_target(const FuzzTarget &target, const Command &command) {
  double slowest = 0;
  int64_t count = 0, taken = 0;
  const std::time_t begin = std::time(nullptr);
  if (command.files.empty()) run_seeds(target, command.out, slowest);
  for (const std::string &file : command.files) taken += run(target, command.out, read_whole(file), slowest), ++count;
  const std::vector<Bytes> seeds = target.seeds();
  const auto goes_on = [&] {
    if (!command.files.empty()) return false;
    return command.inputs > 0 ? count < command.inputs : std::time(nullptr) - begin < command.seconds;
  };
  for (; goes_on(); ++count) {
    Dice dice((uint64_t(command.seed) << 40) + uint64_t(count));
    taken += run(target, command.out, mutated(seeds, target.most_bytes, dice), slowest);
  }
  std::printf("  %-8s %lld inputs in %lld s, %lld of them read; the slowest took %.3f s\n", target.name.c_str(),
              static_cast<long long>(count), static_cast<long long>(std::time(nullptr) - begin),
              static_cast<long long>(taken), slowest);
  std::fflush(stdout);
}

// Throws std::runtime_error at anything else.
Command parse(int count, char **arguments) {
  Command command;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const size_t equals = std::min(argument.find('='), argument.size());
    const std::string name = argument.substr(0, equals), value = argument.substr(std::min(equals + 1, argument.size()));
    const std::optional<int64_t> number = parse_integer(value);
    if (name.compare(0, 2, "--") != 0)
      command.files.push_back(argument);
    else if (name == "--target" || name == "--out")
      (name == "--target" ? command.target : command.out) = value;
    else if (number && *number >= 0 && name == "--inputs")
      command.inputs = *number;
    else if (number && *number >= 0 && name == "--seconds")
      command.seconds = *number;
    else if (number && name == "--seed")
      command.seed = *number;
    else if (name != "--seeds")  // which LLVMFuzzerInitialize has read
      throw std::runtime_error("what " + argument + " means is not known");
  }
  return command;
}

void run_all(int count, char **arguments) {
  const Command command = parse(count, arguments);
  LLVMFuzzerInitialize(&count, &arguments);
  watch();
  bool known = false;
  for (const FuzzTarget &target : fuzz_targets()) {
    if (!command.target.empty() && command.target != target.name) continue;
    run_target(target, command);
    known = true;
  }
  if (!known) throw std::runtime_error("there is no target " + command.target);
}

}  // namespace
}  // namespace coopnets

int main(int count, char **arguments) {
  try {
    coopnets::run_all(count, arguments);
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "fuzz: %s\n", error.what());
    return 2;
  }
}
