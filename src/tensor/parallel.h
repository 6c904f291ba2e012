// Loops whose chunks the threads of this process share.
//
//   caller     |chunk 0|chunk 1|chunk 4|chunk 5|            Each thread begins with its own share of the range, which it
//   thread 1   |   chunk 2  |  chunk 3 |  (waits)           finds in its cache again loop after loop. Then it takes what
//   thread 2   (not running)                                another has not begun: a slow thread, or one that the system
//                                                           lets wait, takes fewer.
//
// What a chunk computes must not depend on who computes it: where chunks are cut by sizes alone and their sums are added
// in the order of the chunks, results are bit-identical for any number of threads.
#pragma once
#include <algorithm>
#include <cstdint>

namespace coopnets {

// How many threads share a loop that names no number: available_processors() at first, and for 0.
int thread_count();
void set_thread_count(int threads);

// Threads that have waited for long are asleep, and to wake one costs some microseconds.
enum class Sleepers { wake, leave };
inline Sleepers wake_if(bool worth_it) { return worth_it ? Sleepers::wake : Sleepers::leave; }

// Calls body(chunk, thread) once for each chunk in [0, chunks), of which there are fewer than 2^32, and returns when all
// are done. thread is in [0, threads), 0 in the caller, and no two calls at a time have the same: a number for buffers of
// one's own. The first exception that a body throws is thrown on, and chunks that nobody has begun then are left out.
//
// A loop inside a body, or one while another caller's is under way, runs on its caller alone. Where the system starts no
// more threads, those there are do the work.
template <class Body>
void parallel_chunks(int threads, int64_t chunks, const Body &body, Sleepers sleepers = Sleepers::wake);

// Calls body(i) for each i in [0, size), on thread_count() threads. The calls must not depend on one another.
template <class Body>
void parallel_for(int64_t size, const Body &body, Sleepers sleepers = Sleepers::wake) {
  const int64_t chunks = std::min<int64_t>(size, 256);
  parallel_chunks(
      thread_count(), chunks,
      [&](int64_t chunk, int) {
        for (int64_t i = size * chunk / chunks; i < size * (chunk + 1) / chunks; ++i) body(i);
      },
      sleepers);
}

// A loop's body without its type.
struct LoopBody {
  const void *object;
  void (*call)(const void *object, int64_t chunk, int thread);
};
void run_chunks(int threads, int64_t chunks, LoopBody, Sleepers);

template <class Body>
void parallel_chunks(int threads, int64_t chunks, const Body &body, Sleepers sleepers) {
  if (threads > 1 && chunks > 1) {
    const auto call = [](const void *object, int64_t chunk, int thread) {
      (*static_cast<const Body *>(object))(chunk, thread);
    };
    run_chunks(threads, chunks, {&body, call}, sleepers);
  } else {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) body(chunk, 0);
  }
}

}  // namespace coopnets
