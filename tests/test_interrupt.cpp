#include "app/interrupt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace coopnets {
namespace {

// How a child ends that catches interrupts and then sends itself these signals: its exit code (1 when interrupted() was
// true before the first or false after it), or minus the signal that ended it.
int outcome(std::initializer_list<int> signals) {
  const pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    catch_interrupts();
    if (interrupted()) _exit(1);
    for (const int signal : signals) {
      raise(signal);
      if (!interrupted()) _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(Interrupt, the_first_asks_and_the_second_ends) {
  const auto before = signal(SIGHUP, SIG_DFL);
  EXPECT_EQ(outcome({SIGINT}), 0);
  EXPECT_EQ(outcome({SIGTERM}), 0);
  // A terminal that is closed sends it more than once.
  EXPECT_EQ(outcome({SIGHUP, SIGHUP, SIGHUP}), 0);
  EXPECT_EQ(outcome({SIGHUP, SIGTERM}), -SIGTERM);
  EXPECT_EQ(outcome({SIGINT, SIGINT}), -SIGINT);
  EXPECT_EQ(outcome({SIGTERM, SIGTERM}), -SIGTERM);
  EXPECT_EQ(outcome({SIGINT, SIGTERM}), -SIGTERM);
  EXPECT_FALSE(interrupted());
  // Under nohup the terminal's end means nothing.
  signal(SIGHUP, SIG_IGN);
  EXPECT_EQ(outcome({SIGHUP}), 1);
  EXPECT_EQ(outcome({SIGINT, SIGHUP}), 0);
  signal(SIGHUP, before);
}

}  // namespace
}  // namespace coopnets
