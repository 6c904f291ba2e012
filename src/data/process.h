// A child program with pipes to its standard input, output and error: how other programs are asked for what they know.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace coopnets {

// Whether `program` is an executable file in one of the folders of PATH.
bool on_path(const std::string &program);

// Runs arguments[0], found on PATH, with these arguments as they are: no shell ever sees them. The child leads a
// process group of its own (Ctrl-C at the terminal does not reach it); the destructor kills the group if it still runs,
// and always reaps the child. Every wait ends: when the child moves no byte for `patience_seconds`, it is killed and
// std::runtime_error thrown. So it is when the child cannot be started. Errors begin with `purpose`: "cannot read
// clip.avi".
class Process {
 public:
  Process(const std::vector<std::string> &arguments, const std::string &purpose, double patience_seconds = 60);
  ~Process();
  Process(const Process &) = delete;
  Process &operator=(const Process &) = delete;

  // Copies the next bytes of the child's standard output; fewer than `count` only at its end. Returns how many.
  size_t read(void *to, size_t count);
  // Writes to the child's standard input; what it prints meanwhile is dropped. False when it reads no more.
  bool write(const void *from, size_t count);
  // Ends its input, drops the rest of its output, waits. Its exit status, or 128 + the signal that ended it.
  int finish();
  // The last line, not empty, that it printed to standard error; "" if none. Complete after finish().
  std::string last_error_line() const;
  // Throws std::runtime_error: the purpose, the program, its last error line or else this status of finish().
  [[noreturn]] void fail(int status) const;

 private:
  enum Wanted { output, input_space, nothing };
  void wait_for(Wanted);  // until it can be had or can never be had
  void kill_and_reap() noexcept;

  std::string program_, purpose_;
  double patience_seconds_;
  pid_t pid_ = -1;  // -1 once it is reaped
  int input_ = -1, output_ = -1, error_ = -1;
  std::string pending_;  // read from output_, not yet asked for, from pending_start_
  size_t pending_start_ = 0;
  std::string errors_;  // the last few kilobytes
};

}  // namespace coopnets
