#include "app/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

namespace coopnets {

namespace {

volatile sig_atomic_t asked = 0;

void on_signal(int) {
  const int error = errno;
  asked = 1;
  signal(SIGINT, SIG_DFL);  // the next one is the end
  signal(SIGTERM, SIG_DFL);
  signal(SIGHUP, SIG_IGN);   // a terminal that is closed sends more than one
  signal(SIGPIPE, SIG_IGN);  // and ends what the output is piped into
  constexpr char text[] = "\nfinishing this iteration; once more ends at once\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
  errno = error;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction before;
  if (sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)  // nohup: the run outlives its terminal
    sigaction(SIGHUP, &action, nullptr);
}

bool interrupted() { return asked != 0; }

void ignore_interrupts() {
  for (const int wish : {SIGINT, SIGTERM, SIGHUP}) signal(wish, SIG_IGN);
}

}  // namespace coopnets
