// Fibers: functions that can be left in the middle and resumed. One host thread, hand-written stack switches, and the
// notices that AddressSanitizer needs to follow them.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// Saves the callee-saved registers on this stack, its pointer in *save, and goes on where `resume` was saved.
extern "C" void cuda_emulator_switch(void **save, void *resume);
#if defined(__x86_64__)
asm(R"(
.text
.globl cuda_emulator_switch
.type cuda_emulator_switch, @function
cuda_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_emulator_switch, .-cuda_emulator_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl cuda_emulator_switch
.type cuda_emulator_switch, %function
cuda_emulator_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size cuda_emulator_switch, .-cuda_emulator_switch
)");
#else
#error "the CUDA emulator knows how to switch stacks on x86-64 and aarch64 only"
#endif

namespace cuda_emulator {

class Fiber {
 public:
  static constexpr size_t stack_bytes = 256 << 10;

  Fiber() {
    stack_ = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~Fiber() { munmap(stack_, stack_bytes); }
  Fiber(const Fiber &) = delete;
  Fiber &operator=(const Fiber &) = delete;

  // The next resume() calls entry, which must end by leave(true).
  void start(void (*entry)()) {
#ifdef __SANITIZE_ADDRESS__
    if (abandoned_) ASAN_UNPOISON_MEMORY_REGION(stack_, stack_bytes);
#endif
    abandoned_ = true;
    uint64_t *top = static_cast<uint64_t *>(stack_) + stack_bytes / sizeof(uint64_t);
#if defined(__x86_64__)
    top -= 8;  // six registers, the return address, and the word that keeps the stack aligned as after a call
    for (int i = 0; i < 8; ++i) top[i] = 0;
    top[6] = reinterpret_cast<uint64_t>(entry);
#else
    top -= 20;
    for (int i = 0; i < 20; ++i) top[i] = 0;
    top[11] = reinterpret_cast<uint64_t>(entry);  // x30
#endif
    pointer_ = top;
  }

  // From the scheduler into the fiber, until it leaves.
  void resume() {
#ifdef __SANITIZE_ADDRESS__
    void *fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, stack_, stack_bytes);
#endif
    cuda_emulator_switch(&scheduler_pointer_, pointer_);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
  }

  // What a fiber does first.
  static void arrive() {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack_, &scheduler_stack_bytes_);
#endif
  }

  // From the fiber back to the scheduler; for good when `ended`.
  void leave(bool ended) {
    if (ended) abandoned_ = false;
#ifdef __SANITIZE_ADDRESS__
    void *fake = nullptr;
    __sanitizer_start_switch_fiber(ended ? nullptr : &fake, scheduler_stack_, scheduler_stack_bytes_);
#endif
    cuda_emulator_switch(&pointer_, scheduler_pointer_);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, &scheduler_stack_, &scheduler_stack_bytes_);
#endif
  }

 private:
  void *stack_, *pointer_ = nullptr;
  bool abandoned_ = false;  // left in the middle: its frames may still be marked in the sanitizer's shadow
  inline static void *scheduler_pointer_ = nullptr;
  inline static const void *scheduler_stack_ = nullptr;
  inline static size_t scheduler_stack_bytes_ = 0;
};

}  // namespace cuda_emulator
