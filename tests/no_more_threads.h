// A system that starts no thread: what a limit on processes looks like.
#pragma once
#include <pthread.h>

#include <cstddef>

namespace coopnets {

// While it lives, a new thread would get a stack that no memory can hold.
struct NoMoreThreads {
  NoMoreThreads() {
    pthread_getattr_default_np(&before);
    pthread_attr_t absurd;
    pthread_attr_init(&absurd);
    pthread_attr_setstacksize(&absurd, size_t{1} << 46);
    pthread_setattr_default_np(&absurd);
    pthread_attr_destroy(&absurd);
  }
  ~NoMoreThreads() {
    pthread_setattr_default_np(&before);
    pthread_attr_destroy(&before);
  }
  pthread_attr_t before;
};

}  // namespace coopnets
