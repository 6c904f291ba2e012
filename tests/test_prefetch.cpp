#include "data/prefetch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

#include "files.h"
#include "no_more_threads.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(Prefetch, ReturnsWhatWasAskedForInAnyOrderAndOnAnyNumberOfThreads) {
  for (const int threads : {1, 4})
    for (const int64_t ahead : {1, 2, 17}) {
      Prefetch prefetch(threads, ahead, [](int64_t position) {
        return Bytes{uint8_t(position), uint8_t(position >> 8)};
      });
      for (const int64_t start : {0, 0, 500, 20})
        for (int64_t position = start; position < start + 40; ++position)
          ASSERT_EQ(prefetch.take(position), (Bytes{uint8_t(position), uint8_t(position >> 8)}));
    }
}

TEST(Prefetch, ReadsAheadButNoFurtherThanItsQueue) {
  std::atomic<int64_t> asked{0}, reads{0};
  Prefetch prefetch(2, 6, [&](int64_t position) {
    EXPECT_LE(position, asked + 6);
    ++reads;
    return Bytes{uint8_t(position)};
  });
  for (; asked < 40; ++asked) prefetch.take(asked);
  while (reads < 46) std::this_thread::yield();  // it goes on by itself
}

TEST(Prefetch, WhatWasReadForAnEarlierRunIsDropped) {
  std::atomic<bool> late{false};
  Prefetch prefetch(2, 2, [&](int64_t position) {
    while (position == 1 && !late) std::this_thread::yield();
    return Bytes{uint8_t(position)};
  });
  prefetch.take(0);
  prefetch.take(100);
  late = true;  // now position 1 arrives, in the slot of position 101
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(prefetch.take(101), Bytes{101});
}

TEST(Prefetch, ErrorsComeOutWhereTheyBelong) {
  Prefetch prefetch(3, 8, [](int64_t position) {
    if (position == 5) throw std::runtime_error("five");
    return Bytes{uint8_t(position)};
  });
  for (int64_t position = 0; position < 10; ++position) {
    if (position == 5)
      EXPECT_THROW(prefetch.take(5), std::runtime_error);
    else
      EXPECT_EQ(prefetch.take(position), Bytes{uint8_t(position)});
  }
}

TEST(Prefetch, AThreadThatCannotBeStartedIsASentence) {
  const NoMoreThreads none;
  try {
    Prefetch(2, 2, [](int64_t) { return Bytes{}; });
    ADD_FAILURE() << "no error";
  } catch (const std::runtime_error &error) {
    EXPECT_NE(std::string(error.what()).find("the system gave 0 threads to decode pictures and no more"),
              std::string::npos)
        << error.what();
  }
}

TEST(Threads, ThoseBeforeTheOneThatCannotBeStartedAreWaitedFor) {
  std::atomic<int> started{0};
  {
    Threads threads;
    threads.start([&] { ++started; });
    const NoMoreThreads none;
    EXPECT_THROW(threads.start([&] { ++started; }), std::runtime_error);
  }
  EXPECT_EQ(started, 1);
}

TEST(InParallel, EveryNumberIsTakenOnceByThreadsThatWorkAtTheSameTime) {
  for (const int threads : {1, 2, 5}) {
    for (const int64_t count : {0, 1, 3, 100}) {
      std::vector<std::atomic<int>> taken(static_cast<size_t>(count));
      in_parallel(threads, count, [&](int64_t i) { ++taken[size_t(i)]; });
      for (const auto &times : taken) EXPECT_EQ(times, 1);
    }
  }
  // Two that wait for each other end only when both are begun.
  std::promise<void> begun[2];
  in_parallel(2, 2, [&](int64_t i) {
    begun[i].set_value();
    EXPECT_EQ(begun[1 - i].get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  });
}

TEST(InParallel, AFailureEndsItAndIsThrown) {
  std::atomic<int64_t> begun{0};
  const auto fail = [&](int64_t i) {
    ++begun;
    if (i >= 3) throw std::runtime_error("number " + std::to_string(i));
  };
  EXPECT_EQ(error_of([&] { in_parallel(1, 1000000, fail); }), "number 3");
  EXPECT_EQ(begun, 4);
  begun = 0;
  EXPECT_CONTAINS(error_of([&] { in_parallel(4, 1000000, fail); }), "number ");
  EXPECT_LT(begun, 1000000);
}

}  // namespace
}  // namespace coopnets
