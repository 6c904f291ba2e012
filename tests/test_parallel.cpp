// Loops on several threads: each chunk once, whatever the threads do, sleep, fail or do not exist.
#include "tensor/parallel.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "no_more_threads.h"

namespace coopnets {
namespace {

// Runs body, which returns whether all went well, in a child process.
template <class Body>
bool succeeds_in_a_child(const Body &body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status == 0;
}

// The sum of the chunks' numbers, or less where one was left out, or more where one came twice.
int64_t sum_of_chunks(int threads, int64_t chunks) {
  std::atomic<int64_t> sum{0};
  parallel_chunks(threads, chunks, [&](int64_t chunk, int) { sum += chunk; });
  return sum;
}

// Whether all other threads of this process sleep.
bool others_sleep() {
  for (const auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string line;
    std::getline(std::ifstream(task.path() / "stat"), line);
    const size_t state = line.rfind(')') + 2;
    if (task.path().filename() != std::to_string(gettid()) && state < line.size() && line[state] != 'S') return false;
  }
  return true;
}

void wait_until_others_sleep() {
  while (!others_sleep()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(Parallel, CallsEachChunkOnceAndNoThreadTwiceAtATime) {
  for (const int threads : {1, 2, 3, 5})
    for (const int64_t chunks : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> calls(chunks), inside(threads);
      parallel_chunks(threads, chunks, [&](int64_t chunk, int thread) {
        ASSERT_GE(thread, 0);
        ASSERT_LT(thread, threads);
        EXPECT_EQ(inside[thread]++, 0);
        ++calls[chunk];
        --inside[thread];
      });
      for (int64_t chunk = 0; chunk < chunks; ++chunk) ASSERT_EQ(calls[chunk], 1) << chunk << " of " << chunks;
    }
}

TEST(Parallel, ForCallsEachIndexOnce) {
  set_thread_count(3);
  for (const int64_t size : {0, 1, 255, 256, 257, 1000}) {
    std::vector<std::atomic<int>> calls(size);
    parallel_for(size, [&](int64_t i) { ++calls[i]; });
    for (int64_t i = 0; i < size; ++i) ASSERT_EQ(calls[i], 1) << i << " of " << size;
  }
  set_thread_count(0);
}

// A thread that comes late to a loop finds the next one, whose chunks and body are others.
TEST(Parallel, ShortLoopsFollowOneAnother) {
  for (int64_t loop = 0; loop < 20000; ++loop)
    ASSERT_EQ(sum_of_chunks(5, 2 + loop % 3), (2 + loop % 3) * (1 + loop % 3) / 2);
}

TEST(Parallel, SeveralThreadsShareALoop) {
  std::atomic<int> arrived{0};
  parallel_chunks(3, 3, [&](int64_t, int) {
    ++arrived;
    while (arrived < 3) std::this_thread::yield();  // for ever if one thread did two chunks
  });
  EXPECT_EQ(arrived, 3);
}

// Of 20 chunks each begins with its own ten, and takes others only then. Both are there before either goes on.
TEST(Parallel, EachThreadBeginsWithItsOwnShare) {
  for (int loop = 0; loop < 100; ++loop) {
    std::vector<std::pair<bool, int64_t>> taken[2];  // whether of the other's share, and which
    std::atomic<int> arrived{0};
    parallel_chunks(2, 20, [&](int64_t chunk, int thread) {
      if (taken[thread].empty()) ++arrived;
      while (arrived < 2) std::this_thread::yield();
      taken[thread].emplace_back(chunk / 10 != thread, chunk);
      if (loop % 2 == thread) std::this_thread::sleep_for(std::chrono::microseconds(20));
    });
    for (const int thread : {0, 1}) {
      EXPECT_EQ(taken[thread][0], std::make_pair(false, int64_t{10} * thread));
      EXPECT_TRUE(std::is_sorted(taken[thread].begin(), taken[thread].end()));
    }
  }
}

TEST(Parallel, ManyThreadsShareFewChunks) {
  for (const int64_t chunks : {1, 2, 3, 255, 257}) EXPECT_EQ(sum_of_chunks(256, chunks), chunks * (chunks - 1) / 2);
}

TEST(Parallel, AnExceptionReachesTheCallerOnceNobodyIsInside) {
  for (const int threads : {1, 3})
    for (const int64_t bad : {0, 5, 99}) {
      std::atomic<int> inside{0};
      try {
        parallel_chunks(threads, 100, [&](int64_t chunk, int) {
          ++inside;
          if (chunk == bad) {
            --inside;
            throw std::runtime_error("chunk " + std::to_string(chunk));
          }
          std::this_thread::sleep_for(std::chrono::microseconds(50));
          --inside;
        });
        FAIL() << "no exception";
      } catch (const std::runtime_error &error) {
        EXPECT_EQ(inside, 0);
        EXPECT_EQ(error.what(), "chunk " + std::to_string(bad));
      }
      EXPECT_EQ(sum_of_chunks(threads, 100), 4950);
    }
  EXPECT_THROW(parallel_chunks(3, 100, [](int64_t, int) { throw 1; }), int);  // all of them
}

TEST(Parallel, AnExceptionLeavesTheRestOut) {
  std::atomic<int64_t> begun{0};
  EXPECT_THROW(parallel_chunks(2, 1 << 20,
                               [&](int64_t, int) {
                                 ++begun;
                                 throw std::runtime_error("");
                               }),
               std::runtime_error);
  EXPECT_LE(begun, 2);
}

TEST(Parallel, ALoopInsideALoopRunsOnItsCaller) {
  std::atomic<int64_t> sum{0};
  parallel_chunks(3, 40, [&](int64_t, int) {
    const auto own = std::this_thread::get_id();
    parallel_chunks(3, 10, [&](int64_t chunk, int thread) {
      EXPECT_EQ(std::this_thread::get_id(), own);
      EXPECT_EQ(thread, 0);
      sum += chunk;
    });
  });
  EXPECT_EQ(sum, 40 * 45);
}

TEST(Parallel, CallersDoNotDisturbOneAnother) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller)
    callers.emplace_back([&, caller] {
      for (int64_t loop = 0; loop < 3000; ++loop) wrong += sum_of_chunks(2 + caller, 20) != 190;
    });
  for (std::thread &caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Parallel, AChildProcessHasThreadsOfItsOwn) {
  EXPECT_EQ(sum_of_chunks(3, 100), 4950);
  EXPECT_TRUE(succeeds_in_a_child([] {
    std::atomic<int> arrived{0};
    parallel_chunks(3, 3, [&](int64_t, int) {
      ++arrived;
      while (arrived < 3) std::this_thread::yield();
    });
    return sum_of_chunks(3, 100) == 4950 && succeeds_in_a_child([] { return sum_of_chunks(2, 100) == 4950; });
  }));
  EXPECT_EQ(sum_of_chunks(3, 100), 4950);
}

TEST(Parallel, AChildOfABusyProcessWorks) {
  std::atomic<bool> done{false};
  std::thread busy([&] {
    while (!done) sum_of_chunks(3, 20);
  });
  for (int child = 0; child < 20; ++child)
    EXPECT_TRUE(succeeds_in_a_child([] { return sum_of_chunks(3, 100) == 4950; }));
  done = true;
  busy.join();
}

TEST(Parallel, WorksOnWhereNoThreadStarts) {
  EXPECT_TRUE(succeeds_in_a_child([] {
    const NoMoreThreads none;
    std::atomic<int64_t> sum{0};
    parallel_chunks(4, 100, [&](int64_t chunk, int thread) { sum += thread == 0 ? chunk : -1000000; });
    return sum == 4950 && sum_of_chunks(3, 100) == 4950;
  }));
}

double processor_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

TEST(Parallel, IdleThreadsTakeNoTime) {
  sum_of_chunks(5, 1000);
  wait_until_others_sleep();
  const double before = processor_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LE(processor_seconds() - before, 0.01);
}

// What they take after each loop is bounded, however long they then wait: 40 loops of 4 helpers, 35 us of
// looking each, and what it takes to wake them.
TEST(Parallel, ThreadsThatWaitSleepSoon) {
  sum_of_chunks(5, 1000);
  const double before = processor_seconds();
  for (int loop = 0; loop < 40; ++loop) {
    sum_of_chunks(5, 10);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_LE(processor_seconds() - before, 40 * 4 * 2e-4 + 0.02);
}

TEST(Parallel, ACallerThatWaitsForAThreadSleeps) {
  const auto first = std::this_thread::get_id();
  double taken = 1;
  std::atomic<bool> helped{false};
  for (int attempt = 0; attempt < 1000 && !helped; ++attempt) {
    const double before = processor_seconds();
    parallel_chunks(2, 2, [&](int64_t, int) {
      if (std::this_thread::get_id() == first) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));  // so that the other gets the other chunk
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        helped = true;
      }
    });
    taken = processor_seconds() - before;
  }
  EXPECT_TRUE(helped);
  EXPECT_LE(taken, 0.01);
}

TEST(Parallel, ALoopThatLeavesSleepersAloneRunsOnItsCaller) {
  sum_of_chunks(3, 1000);
  wait_until_others_sleep();
  std::set<int> threads;  // unguarded: one alone writes it
  parallel_chunks(
      3, 1000, [&](int64_t, int thread) { threads.insert(thread); }, Sleepers::leave);
  EXPECT_EQ(threads, std::set<int>{0});
  EXPECT_TRUE(others_sleep());
}

std::atomic<bool> stalled{false}, released{false};

TEST(Parallel, AStalledThreadStallsNobody) {
  // Find the helper, then hold it in a signal's handler, as a system that gives it no processor would.
  std::atomic<bool> found{false};
  pthread_t helper;
  std::atomic<int> arrived{0};
  parallel_chunks(2, 2, [&](int64_t, int thread) {
    if (thread == 1) helper = pthread_self(), found = true;
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  ASSERT_TRUE(found);
  struct sigaction hold = {}, before;
  hold.sa_handler = [](int) {
    stalled = true;
    while (!released) usleep(1000);
    stalled = false;
  };
  hold.sa_flags = SA_RESTART;
  sigaction(SIGUSR2, &hold, &before);
  pthread_kill(helper, SIGUSR2);
  while (!stalled) std::this_thread::yield();
  for (int loop = 0; loop < 100; ++loop) EXPECT_EQ(sum_of_chunks(2, 100), 4950);
  EXPECT_TRUE(stalled);
  released = true;
  while (stalled) std::this_thread::yield();
  sigaction(SIGUSR2, &before, nullptr);
  arrived = 0;
  parallel_chunks(2, 2, [&](int64_t, int) {  // and it is back
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
}

TEST(Parallel, ThreadCountIsWhatWasSetOrWhatThereIs) {
  const int all = thread_count();
  EXPECT_GE(all, 1);
  set_thread_count(7);
  EXPECT_EQ(thread_count(), 7);
  set_thread_count(0);
  EXPECT_EQ(thread_count(), all);
}

}  // namespace
}  // namespace coopnets
