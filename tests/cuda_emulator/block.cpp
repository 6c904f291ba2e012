// The inside of a launch: a block's threads as fibers, its barriers, warp instructions and shared memory.
#include "block.h"

#include <memory>
#include <string>
#include <vector>

#include "fiber.h"

namespace cuda_emulator {

namespace {
enum class State { ready, at_barrier, at_warp, ended };

struct Copy {
  void *to;
  const void *from;
  size_t bytes;
  int group;
};
}  // namespace

struct Thread {
  Fiber *fiber = nullptr;  // once it has started
  State state = State::ended;
  dim3 index;
  unsigned number = 0;  // within the block
  const char *file = nullptr;
  int line = 0;
  unsigned mask = 0;          // of the warp instruction that it waits in
  Registers registers = {};   // what it brought
  Registers answer[32] = {};  // of an instruction of part of a warp
  size_t arrays = 0;          // shared arrays declared so far
  int barriers = 0;           // met so far
  std::vector<Copy> copies;
  int groups = 0;  // of copies committed so far
};

Thread *current = nullptr;
int skipped_barrier = -1;
Coordinates coordinates;

namespace {

struct Warp {
  unsigned exists = 0;          // lanes
  unsigned waiting = 0;         // lanes in an instruction of the whole warp
  Registers slots[2][32] = {};  // what they brought; the other half may still be read
  unsigned completed = 0;
};

struct SharedArray {
  void *data;
  size_t bytes;
};

struct Block {
  const std::function<void()> *call = nullptr;
  std::vector<std::unique_ptr<Thread>> threads;  // kept from launch to launch, as are the fibers
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber *> idle_fibers;
  std::vector<Warp> warps;
  std::vector<SharedArray> arrays;
  size_t dynamic_bytes = 0, most_shared = 0;
  unsigned size = 0, ended = 0, at_barrier = 0, ready = 0;
  uint32_t random = 1;              // state of the generator that picks the order of threads
  unsigned visited = 0, shift = 0;  // where the sweep over the threads stands, and its order
  bool backwards = false;
  std::string error;
} block;

std::string place(const Thread &t) {
  const std::string where = t.file ? std::string(t.file) + ":" + std::to_string(t.line) : "?";
  switch (t.state) {
    case State::at_barrier:
      return "__syncthreads at " + where;
    case State::at_warp:
      return "a warp instruction at " + where;
    case State::ended:
      return "its end";
    default:
      return "running";
  }
}

std::string three(dim3 d) {
  return "(" + std::to_string(d.x) + "," + std::to_string(d.y) + "," + std::to_string(d.z) + ")";
}

void make_ready(Thread &t) {
  t.state = State::ready;
  ++block.ready;
}

void wait_as(State state, const char *file, int line) {
  current->state = state;
  current->file = file;
  current->line = line;
  --block.ready;
}

void leave_until_ready() {
  Thread *const self = current;
  if (self->state != State::ready) self->fiber->leave(false);
}

// The next ready thread of this sweep, or null at its end.
Thread *next_of_sweep() {
  while (block.visited < block.size) {
    unsigned at = block.visited++ + block.shift;
    if (at >= block.size) at -= block.size;
    Thread &t = *block.threads[block.backwards ? block.size - 1 - at : at];
    if (t.state == State::ready) return &t;
  }
  return nullptr;
}

void make_current(Thread &t) {
  current = &t;
  coordinates.thread = t.index;
}

// A fiber runs threads from their beginning for as long as they reach their end without waiting.
void fiber_main() {
  Fiber::arrive();
  Fiber *const fiber = current->fiber;
  for (;;) {
    (*block.call)();
    current->state = State::ended;
    --block.ready;
    ++block.ended;
    Thread *const next = next_of_sweep();
    if (!next) break;
    if (next->fiber) {  // it waits on a fiber of its own: the scheduler's business
      --block.visited;
      break;
    }
    next->fiber = fiber;
    make_current(*next);
  }
  block.idle_fibers.push_back(fiber);
  fiber->leave(true);
}

// Everything waits: at one barrier, or for ever.
bool release_barrier() {
  const Thread &first = *block.threads[0];
  bool together = block.at_barrier == block.size;
  for (unsigned i = 1; together && i < block.size; ++i)
    together = block.threads[i]->line == first.line && block.threads[i]->file == first.file;
  if (!together) {
    for (unsigned i = 1; i < block.size && block.error.empty(); ++i)
      if (place(*block.threads[i]) != place(first))
        block.error = "divergent barrier in block " + three(coordinates.block) + ": thread " + three(first.index) +
                      " is at " + place(first) + ", thread " + three(block.threads[i]->index) + " at " +
                      place(*block.threads[i]);
    if (block.error.empty())
      block.error = "the threads of block " + three(coordinates.block) + " wait for ever at " + place(first);
    return false;
  }
  block.at_barrier = 0;
  for (unsigned i = 0; i < block.size; ++i) make_ready(*block.threads[i]);
  return true;
}

// Every ready thread once, in an order that differs from sweep to sweep.
void sweep() {
  block.random = block.random * 1664525u + 1013904223u;
  block.backwards = block.random >> 31;
  block.shift = (block.random >> 8) % block.size;
  block.visited = 0;
  while (Thread *t = block.error.empty() ? next_of_sweep() : nullptr) {
    make_current(*t);
    if (!t->fiber) {
      if (block.idle_fibers.empty()) {
        block.fibers.push_back(std::make_unique<Fiber>());
        block.idle_fibers.push_back(block.fibers.back().get());
      }
      t->fiber = block.idle_fibers.back();
      block.idle_fibers.pop_back();
      t->fiber->start(fiber_main);
    }
    t->fiber->resume();
  }
}

void run_block() {
  for (SharedArray &a : block.arrays) std::memset(a.data, 0xff, a.bytes);
  block.ended = block.at_barrier = block.ready = 0;
  block.idle_fibers.clear();
  for (const auto &fiber : block.fibers) block.idle_fibers.push_back(fiber.get());
  block.warps.assign((block.size + 31) / 32, {});
  const dim3 size = coordinates.block_size;
  for (unsigned i = 0; i < block.size; ++i) {
    if (i == block.threads.size()) block.threads.push_back(std::make_unique<Thread>());
    Thread &t = *block.threads[i];
    t.number = i;
    t.index = dim3(i % size.x, i / size.x % size.y, i / size.x / size.y);
    t.arrays = 0;
    t.barriers = 0;
    t.copies.clear();
    t.groups = 0;
    block.warps[i / 32].exists |= 1u << i % 32;
    t.fiber = nullptr;
    make_ready(t);
  }
  while (block.error.empty() && block.ended < block.size) {
    while (block.ready && block.error.empty()) sweep();
    if (block.error.empty() && block.ended < block.size && !release_barrier()) return;
  }
}

}  // namespace

std::string run_launch(const std::function<void()> &call, dim3 grid, dim3 block_size, size_t dynamic_bytes,
                       size_t most_shared) {
  block.call = &call;
  block.size = block_size.x * block_size.y * block_size.z;
  block.dynamic_bytes = dynamic_bytes;
  block.most_shared = most_shared;
  block.error.clear();
  coordinates.grid_size = grid;
  coordinates.block_size = block_size;
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  for (uint64_t i = 0; i < blocks && block.error.empty(); ++i) {
    coordinates.block = dim3(i % grid.x, i / grid.x % grid.y, i / grid.x / grid.y);
    run_block();
  }
  for (SharedArray &a : block.arrays) std::free(a.data);
  block.arrays.clear();
  current = nullptr;
  return block.error;
}

void *shared_array(size_t bytes) {
  if (!bytes) bytes = block.dynamic_bytes;
  const size_t i = current->arrays++;
  if (i == block.arrays.size()) {
    void *data = nullptr;
    if (posix_memalign(&data, 128, bytes)) throw std::bad_alloc();
    std::memset(data, 0xff, bytes);
    block.arrays.push_back({data, bytes});
    size_t all = 0;
    for (const SharedArray &a : block.arrays) all += a.bytes;
    if (all > block.most_shared) {
      block.error = "more shared memory in all than a block may have";
      current->fiber->leave(false);
    }
  }
  if (block.arrays[i].bytes != bytes) {
    block.error = "the threads of a block declare different shared arrays";
    current->fiber->leave(false);
  }
  return block.arrays[i].data;
}

void block_barrier(const char *file, int line) {
  if (current->barriers++ == skipped_barrier) return;
  wait_as(State::at_barrier, file, line);
  ++block.at_barrier;
  leave_until_ready();
}

void skip_barrier(int number) { skipped_barrier = number; }

int lane() { return current->number % 32; }

const Registers *warp_exchange(unsigned mask, const Registers &mine, const char *file, int line) {
  Thread &self = *current;
  Warp &warp = block.warps[self.number / 32];
  const unsigned first = self.number / 32 * 32;
  mask &= warp.exists;
  wait_as(State::at_warp, file, line);
  self.mask = mask;
  bool complete = mask >> lane() & 1;  // a lane outside its own mask waits for ever, and is reported
  if (mask == warp.exists) {
    const unsigned half = warp.completed & 1;
    warp.slots[half][lane()] = mine;
    warp.waiting |= 1u << lane();
    complete = complete && warp.waiting == warp.exists;
    if (complete) {
      warp.waiting = 0;
      ++warp.completed;
    }
    if (complete)
      for (unsigned i = 0; i < 32; ++i)
        if (mask >> i & 1) {
          Thread &t = *block.threads[first + i];
          if (t.line != line || t.file != file) {
            block.error = "divergent warp in block " + three(coordinates.block) + ": lane " + std::to_string(i) +
                          " is at " + place(t) + ", lane " + std::to_string(lane()) + " at " + place(self);
            self.fiber->leave(false);
          }
          make_ready(t);
        }
    leave_until_ready();
    return warp.slots[half];
  }
  self.registers = mine;
  for (unsigned i = 0; i < 32 && complete; ++i)
    if (mask >> i & 1) {
      const Thread &t = *block.threads[first + i];
      complete = t.state == State::at_warp && t.mask == mask && t.line == line && t.file == file;
    }
  Registers poison;
  std::memset(&poison, 0xff, sizeof poison);
  if (complete)
    for (unsigned i = 0; i < 32; ++i)
      if (mask >> i & 1) {
        Thread &t = *block.threads[first + i];
        for (unsigned j = 0; j < 32; ++j) t.answer[j] = mask >> j & 1 ? block.threads[first + j]->registers : poison;
        make_ready(t);
      }
  leave_until_ready();
  return self.answer;
}

void copy_later(void *shared, const void *global, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(shared) % bytes || reinterpret_cast<uintptr_t>(global) % bytes) {
    block.error = "misaligned asynchronous copy in block " + three(coordinates.block) + ": " + std::to_string(bytes) +
                  " bytes at addresses that are no multiples of it";
    current->fiber->leave(false);
  }
  std::memset(shared, 0xff, bytes);
  current->copies.push_back({shared, global, bytes, current->groups});
}

void commit_copies() { ++current->groups; }

void wait_copies(int groups_left) {
  std::vector<Copy> &copies = current->copies;
  size_t done = 0;
  for (; done < copies.size() && copies[done].group < current->groups - groups_left; ++done) {
    const Copy &c = copies[done];
    if (c.from)
      std::memcpy(c.to, c.from, c.bytes);
    else
      std::memset(c.to, 0, c.bytes);
  }
  copies.erase(copies.begin(), copies.begin() + done);
}

}  // namespace cuda_emulator
