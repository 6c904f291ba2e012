// The program itself as a child process, for tests of what a person meets: exit status, what is printed, what is left.
#pragma once
#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "app/lettering.h"
#include "data/image.h"
#include "files.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"

namespace coopnets {

using Arguments = std::vector<std::string>;

// COOPNETS names the program that belongs to these tests (the Makefile and CMake set it); without it, the one beside
// them.
inline std::string program() {
  if (const char *path = std::getenv("COOPNETS")) return path;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "coopnets";
}

struct Outcome {
  int status;  // of the exit, or minus the signal that ended it
  std::string out, err;
};

// A running program. What it prints waits in pipes until finish(), so it must be less than they hold (64 KiB).
class Program {
 public:
  // `launcher`: what starts it, such as mpirun with its own arguments; none.
  explicit Program(const Arguments &arguments, rlim_t largest_file = RLIM_INFINITY, const Arguments &launcher = {}) {
    const std::string path = program();
    std::vector<char *> words;
    for (const std::string &word : launcher) words.push_back(const_cast<char *>(word.c_str()));
    words.push_back(const_cast<char *>(path.c_str()));
    for (const std::string &argument : arguments) words.push_back(const_cast<char *>(argument.c_str()));
    words.push_back(nullptr);
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipes");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      dup2(err[1], STDERR_FILENO);
      const rlimit limit = {largest_file, largest_file};
      if (largest_file != RLIM_INFINITY) setrlimit(RLIMIT_FSIZE, &limit);
      setenv("ASAN_OPTIONS", "allocator_may_return_null=1", 0);  // as without it: out of memory is an error
      setenv("CUDA_VISIBLE_DEVICES", "", 1);                     // the same run on every machine
      alarm(100);                                                // a test that hangs fails
      execvp(words[0], words.data());
      _exit(127);
    }
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Program() {
    if (pid_ > 0) {
      send(SIGKILL);
      finish();
    }
  }
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const { kill(pid_, signal); }
  bool runs() const {
    siginfo_t info = {};
    return waitid(P_PID, id_t(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
  }
  Outcome finish() {
    Outcome outcome;
    outcome.out = drain(out_);
    outcome.err = drain(err_);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    outcome.status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    return outcome;
  }

 private:
  static std::string drain(int descriptor) {
    std::string text;
    char piece[4096];
    for (ssize_t count; (count = read(descriptor, piece, sizeof piece)) > 0;) text.append(piece, size_t(count));
    close(descriptor);
    return text;
  }
  pid_t pid_;
  int out_, err_;
};

inline Outcome run_program(const Arguments &arguments, rlim_t largest_file = RLIM_INFINITY) {
  return Program(arguments, largest_file).finish();
}

// The picture of height x width that a sheet shows enlarged below its label.
inline Image on_sheet(const std::string &file, int64_t height, int64_t width) {
  const Image sheet = load_image(file);
  const int64_t label = label_height(sheet.width);
  return resize(crop(sheet, label, 0, sheet.height - label, sheet.width), height, width, Resize::nearest);
}

// It ends well and says nothing on standard error.
inline void expect_success(const Arguments &arguments) {
  const Outcome o = run_program(arguments);
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
}

inline Arguments operator+(Arguments a, const Arguments &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Runs the program, which must fail with `status`, nothing on standard error but one line of printable text that begins
// with its name. Returns the line.
inline std::string failure_of(const Arguments &arguments, int status = 1, rlim_t largest_file = RLIM_INFINITY) {
  Outcome o = run_program(arguments, largest_file);
  EXPECT_EQ(o.status, status) << o.out << o.err;
  if (contains(o.err, "WARNING: AddressSanitizer failed to allocate")) o.err.erase(0, o.err.find('\n') + 1);
  const size_t end = o.err.find('\n');
  EXPECT_EQ(o.err.compare(0, 10, "coopnets: "), 0) << o.err;
  EXPECT_EQ(end + 1, o.err.size()) << o.err;
  for (const char c : o.err.substr(0, end)) EXPECT_FALSE(c >= 0 && c < 0x20) << "control character " << int(c);
  return o.err.substr(0, end);
}

// What an evaluation.json says in a row of the first table whose title begins so; NaN for null.
inline double reported(const std::string &report, const std::string &table, const std::string &row,
                       const std::string &column) {
  const size_t at = report.find("{\"title\": \"" + table), line = report.find("{\"name\": \"" + row + '"', at);
  const size_t cell = report.find('"' + column + "\": ", line);
  EXPECT_NE(at, std::string::npos) << table;
  EXPECT_LT(cell, report.find('}', line)) << table << ", " << row << ", " << column;
  if (cell == std::string::npos || report.compare(cell + column.size() + 4, 4, "null") == 0) return NAN;
  return std::strtod(report.c_str() + cell + column.size() + 4, nullptr);
}

// A small picture to learn, and texture runs of it that take some milliseconds an iteration.
class ProgramTest : public FolderTest {
 protected:
  ProgramTest() {
    Image image(40, 48, 3);
    for (int64_t y = 0; y < image.height; ++y)
      for (int64_t x = 0; x < image.width; ++x)
        for (int64_t c = 0; c < 3; ++c) image.at(y, x)[c] = uint8_t(x / 6 % 2 == y / 5 % 2 ? 30 + 4 * y : 250 - 60 * c);
    save_png(picture, image);
  }

  Arguments train(int iterations, const std::string &name = "run", int threads = 1) const {
    return {"--exp",
            "texture",
            "--data",
            picture,
            "--out",
            folder,
            "--name",
            name,
            "--set",
            "descriptor=texture-small",
            "generator=texture-small",
            "border=0",
            "crop=size",
            "cold_steps=0",
            "size=32",
            "latent=2",
            "langevin_steps=2",
            "generator_init=0.1",
            "halvings=0",  // laid over the run, it would part runs of different lengths
            "averaging=0",
            "--iterations",
            std::to_string(iterations),
            "--threads",
            std::to_string(threads),
            "--algorithm",
            "cooperative"};
  }
  // What train() gives, with another algorithm.
  static Arguments by(const std::string &algorithm, Arguments trained) {
    *(std::find(trained.begin(), trained.end(), "--algorithm") + 1) = algorithm;
    return trained;
  }
  Arguments use(const Arguments &more) const {
    return Arguments{"--exp", "texture", "--out", folder, "--name", "run", "--threads", "1"} + more;
  }
  std::string path(const std::string &file, const std::string &name = "run") const {
    return folder + "/texture/" + name + '/' + file;
  }
  std::string checkpoint(const std::string &name = "run") const {
    return read_file(path("checkpoint.safetensors", name), size_t{1} << 26);
  }

  // Every file of a run with its bytes.
  std::vector<std::pair<std::string, std::string>> contents(const std::string &name = "run") const {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto &entry : std::filesystem::recursive_directory_iterator(path("", name)))
      if (entry.is_regular_file())
        all.emplace_back(std::filesystem::relative(entry.path(), path("", name)),
                         read_file(entry.path(), size_t{1} << 26));
    std::sort(all.begin(), all.end());
    return all;
  }
  std::vector<std::string> names(const std::string &name = "run") const {
    std::vector<std::string> all;
    for (const auto &[file, bytes] : contents(name)) all.push_back(file);
    return all;
  }

  const std::string picture = folder + "/picture.png";
};

}  // namespace coopnets
