// The loops of the CPU kernels over the elements of tensors. A range is cut into chunks that depend on its size alone,
// each chunk is computed by one thread in one fixed order, and partial sums are added in the order of the chunks: results
// are bit-identical for any number of threads.
#pragma once
#include <vector>

#include "tensor/parallel.h"

namespace coopnets {

constexpr int64_t elements_a_chunk =
    8192;  // 32 KiB of float: a few microseconds of work, and it stays in the L1/L2 cache
constexpr int64_t chunks_worth_waking = 16;

inline int64_t chunks_of(int64_t size, int64_t chunk) { return (size + chunk - 1) / chunk; }

// Calls body(begin, end) for every chunk of [0, size).
template <class Body>
void for_chunks(int threads, int64_t size, int64_t chunk, const Body &body) {
  const int64_t chunks = chunks_of(size, chunk);
  parallel_chunks(
      threads, chunks, [&](int64_t k, int) { body(k * chunk, std::min(size, (k + 1) * chunk)); },
      wake_if(chunks >= chunks_worth_waking));
}

// Calls body(item, task, thread) for every task in [0, tasks(item)) of every item, in one loop.
template <class Item, class Tasks, class Body>
void for_tasks(int threads, const std::vector<Item> &items, const Tasks &tasks, const Body &body,
               Sleepers sleepers = Sleepers::wake) {
  int64_t total = 0;
  for (const Item &item : items) total += tasks(item);
  parallel_chunks(
      threads, total,
      [&](int64_t task, int thread) {
        auto item = items.begin();
        for (int64_t own; task >= (own = tasks(*item)); ++item) task -= own;
        body(*item, task, thread);
      },
      sleepers);
}

// Calls element(i) for every i in [0, size); iterations must not depend on one another.
template <class Element>
void for_elements(int threads, int64_t size, const Element &element) {
  for_chunks(threads, size, elements_a_chunk, [&](int64_t begin, int64_t end) {
    const Element own = element;  // what it captured then stays in registers, which conditional code needs to vectorise
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) own(i);
  });
}

}  // namespace coopnets
