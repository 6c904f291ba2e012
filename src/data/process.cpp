#include "data/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>

#include "tensor/file.h"

extern char **environ;

namespace coopnets {
namespace {

void close_if_open(int &descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

// What the child gets and what we keep; closes all that was not taken.
struct Pipes {
  int child[3] = {-1, -1, -1}, ours[3] = {-1, -1, -1};
  ~Pipes() {
    for (int i = 0; i < 3; ++i) close_if_open(child[i]), close_if_open(ours[i]);
  }
  bool open() {
    int ends[2];
    // A socket, because writing to one whose reader is gone can be told not to raise SIGPIPE.
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) return false;
    child[0] = ends[0], ours[0] = ends[1];
    for (int i = 1; i < 3; ++i) {
      if (pipe2(ends, O_CLOEXEC)) return false;
      ours[i] = ends[0], child[i] = ends[1];
    }
    return true;
  }
};

// Starts the program in a process group of its own, SIGPIPE back to its default; 0 or an errno.
int spawn(const std::vector<std::string> &arguments, const int child[3], pid_t &pid) {
  std::vector<char *> argv;
  for (const std::string &argument : arguments) argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  for (int i = 0; i < 3; ++i) posix_spawn_file_actions_adddup2(&files, child[i], i);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const int error = posix_spawnp(&pid, argv[0], &files, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

// Appends what can be read at once; closes the descriptor at its end.
void receive(int &descriptor, std::string &to) {
  char buffer[1 << 16];
  const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
  if (count > 0)
    to.append(buffer, size_t(count));
  else if (count == 0 || (errno != EINTR && errno != EAGAIN))
    close_if_open(descriptor);
}

}  // namespace

bool on_path(const std::string &program) {
  const char *path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = (folder.empty() ? "." : folder) + "/" + program;
    struct stat status;
    if (!stat(file.c_str(), &status) && S_ISREG(status.st_mode) && !access(file.c_str(), X_OK)) return true;
  }
  return false;
}

Process::Process(const std::vector<std::string> &arguments, const std::string &purpose, double patience_seconds)
    : program_(arguments.at(0)), purpose_(purpose), patience_seconds_(patience_seconds) {
  Pipes pipes;
  const int error = pipes.open() ? spawn(arguments, pipes.child, pid_) : errno;
  if (error) {
    pid_ = -1;
    throw std::runtime_error(purpose_ + ": cannot start the program " + program_ + ": " + cause_of(error));
  }
  std::swap(input_, pipes.ours[0]);
  std::swap(output_, pipes.ours[1]);
  std::swap(error_, pipes.ours[2]);
}

Process::~Process() { kill_and_reap(); }

void Process::kill_and_reap() noexcept {
  close_if_open(input_);
  close_if_open(output_);
  close_if_open(error_);
  if (pid_ < 0) return;
  kill(-pid_, SIGKILL);  // the whole group: a script's children too
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void Process::wait_for(Wanted wanted) {
  const auto patience = std::chrono::duration<double>(patience_seconds_);
  auto last_move = std::chrono::steady_clock::now();
  while (true) {
    if (wanted == output && (pending_start_ < pending_.size() || output_ < 0)) return;
    if (wanted == input_space && input_ < 0) return;
    if (wanted == nothing && output_ < 0 && error_ < 0) return;
    pollfd polled[3] = {{wanted == input_space ? input_ : -1, POLLOUT, 0}, {output_, POLLIN, 0}, {error_, POLLIN, 0}};
    poll(polled, 3, 50);
    const auto now = std::chrono::steady_clock::now();
    if (polled[0].revents | polled[1].revents | polled[2].revents) {
      last_move = now;
    } else if (now - last_move > patience) {
      std::ostringstream sentence;
      sentence << purpose_ << ": " << program_ << " did nothing for " << patience_seconds_
               << " seconds and was stopped";
      kill_and_reap();
      throw std::runtime_error(sentence.str());
    }
    if (polled[2].revents) {
      receive(error_, errors_);
      if (errors_.size() > 8192) errors_.erase(0, errors_.size() - 4096);
    }
    if (polled[1].revents) {
      receive(output_, pending_);
      if (wanted != output) {
        pending_.clear();
        pending_start_ = 0;
      }
    }
    if (polled[0].revents) return;
  }
}

size_t Process::read(void *to, size_t count) {
  size_t done = 0;
  while (done < count) {
    wait_for(output);
    const size_t available = std::min(count - done, pending_.size() - pending_start_);
    if (available == 0) break;
    std::memcpy(static_cast<char *>(to) + done, pending_.data() + pending_start_, available);
    done += available;
    pending_start_ += available;
    if (pending_start_ == pending_.size()) {
      pending_.clear();
      pending_start_ = 0;
    }
  }
  return done;
}

bool Process::write(const void *from, size_t count) {
  const char *next = static_cast<const char *>(from), *end = next + count;
  while (next < end) {
    wait_for(input_space);
    if (input_ < 0) return false;
    const ssize_t sent = send(input_, next, size_t(end - next), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0)
      next += sent;
    else if (sent < 0 && errno != EINTR && errno != EAGAIN)
      close_if_open(input_);
  }
  return true;
}

int Process::finish() {
  close_if_open(input_);
  pending_.clear();
  pending_start_ = 0;
  wait_for(nothing);
  // A child that has closed its output but goes on is given the same patience.
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(patience_seconds_);
  while (pid_ >= 0) {
    int status = 0;
    const pid_t ended = waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) {
      pid_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if ((ended < 0 && errno != EINTR) || std::chrono::steady_clock::now() > end) break;
    usleep(2000);
  }
  kill_and_reap();
  throw std::runtime_error(purpose_ + ": " + program_ + " did not end and was stopped");
}

std::string Process::last_error_line() const {
  const size_t end = errors_.find_last_not_of(" \r\n");
  if (end == std::string::npos) return "";
  const size_t before = errors_.find_last_of("\r\n", end), start = before == std::string::npos ? 0 : before + 1;
  return errors_.substr(start, end + 1 - start);
}

void Process::fail(int status) const {
  const std::string line = last_error_line();
  throw std::runtime_error(purpose_ + ": " + program_ +
                           (line.empty() ? " failed with status " + std::to_string(status) : " said: " + line));
}

}  // namespace coopnets
