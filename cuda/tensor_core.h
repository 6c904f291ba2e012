// What the tensor-core convolutions need of the hardware, one small function each: asynchronous copies from global to
// shared memory, rounding, and the matrix instructions. Each has a plain form for the emulator, copies and rounding for
// chips before sm_80 too.
//
// A warp multiplies D [16 x 8] += A [16 x k] B [k x 8]. Lane l holds, with g = l / 4 (0..7) and t = l % 4 (0..3):
//
//   tf32, k = 8    A: a0 (g, t)  a1 (g+8, t)  a2 (g, t+4)  a3 (g+8, t+4)
//                  B: b0 (t, g)  b1 (t+4, g)
//   bf16, k = 16   A: a0 (g, 2t..2t+1)  a1 (g+8, 2t..)  a2 (g, 2t+8..)  a3 (g+8, 2t+8..)
//                  B: b0 (2t..2t+1, g)  b1 (2t+8.., g)
//                  two neighbours along k in one register, the lower k in the lower half
//   both           D: d0 (g, 2t)  d1 (g, 2t+1)  d2 (g+8, 2t)  d3 (g+8, 2t+1)
//
// (PTX ISA, "Matrix fragments for mma.m16n8k8 and m16n8k16".) One tf32 instruction does 2048 operations, one bf16 4096.
#pragma once
#include "cuda/launch.h"

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define COOPNETS_SM80 1
#else
#define COOPNETS_SM80 0
#endif

namespace coopnets {

// --- Asynchronous copies of 4, 8 or 16 bytes; where nothing valid lies, zeros are written ----------------------------

// Whether the copied bytes stay in the processor's own cache (L1); only copies of 16 bytes can pass it by.
enum class Cache { keep, pass };

template <int floats, Cache cache = Cache::pass>
__device__ __forceinline__ void copy_async(float *shared, const float *global, bool valid) {
  static_assert(floats == 1 || floats == 2 || floats == 4, "copies of 4, 8 or 16 bytes");
#if COOPNETS_SM80
  const unsigned target = unsigned(__cvta_generic_to_shared(shared));
  const int bytes = valid ? 4 * floats : 0;
  if (floats == 4 && cache == Cache::pass)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(global), "r"(bytes) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %3, %2;" ::"r"(target), "l"(global), "r"(bytes), "n"(4 * floats)
                 : "memory");
#elif defined(COOPNETS_CUDA_EMULATED)
  cuda_emulator::copy_later(shared, valid ? global : nullptr, 4 * floats);
#else
  if (floats == 4)
    *reinterpret_cast<float4 *>(shared) = valid ? *reinterpret_cast<const float4 *>(global) : float4{};
  else if (floats == 2)
    *reinterpret_cast<float2 *>(shared) = valid ? *reinterpret_cast<const float2 *>(global) : float2{};
  else
    *shared = valid ? *global : 0;
#endif
}

// Ends a group of copies; wait_copies<n> waits until at most the n latest groups are under way.
__device__ __forceinline__ void commit_copies() {
#if COOPNETS_SM80
  asm volatile("cp.async.commit_group;" ::: "memory");
#elif defined(COOPNETS_CUDA_EMULATED)
  cuda_emulator::commit_copies();
#endif
}
template <int groups>
__device__ __forceinline__ void wait_copies() {
#if COOPNETS_SM80
  asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
#elif defined(COOPNETS_CUDA_EMULATED)
  cuda_emulator::wait_copies(groups);
#endif
}

// --- Rounding --------------------------------------------------------------------------------------------------------

__device__ __forceinline__ uint32_t float_bits(float v) {
  uint32_t bits;
  memcpy(&bits, &v, 4);
  return bits;
}
__device__ __forceinline__ float float_of(uint32_t bits) {
  float v;
  memcpy(&v, &bits, 4);
  return v;
}

// To 10 bits after the point. Code for sm_90 and later sends halves to even, which is one instruction there
// (cvt.rn.tf32.f32); cvt.rna.tf32.f32, all that sm_80 has, sends them away from zero and takes two or three.
__device__ __forceinline__ uint32_t to_tf32(float v) {
#if COOPNETS_SM80
  uint32_t r;
#if __CUDA_ARCH__ >= 900
  asm("cvt.rn.tf32.f32 %0, %1;" : "=r"(r) : "f"(v));
#else
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(v));
#endif
  return r;
#else
  const uint32_t bits = float_bits(v);
  const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
  return finite ? (bits + 0xfffu + (bits >> 13 & 1)) & 0xffffe000u : bits;
#endif
}

// Two to 7 bits after the point, halves to even: cvt.rn.bf16x2.f32.
__device__ __forceinline__ uint32_t to_bf16(float low, float high) {
#if COOPNETS_SM80
  uint32_t r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
#else
  const auto round = [](uint32_t bits) {
    return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
  };
  return round(float_bits(low)) | round(float_bits(high)) << 16;
#endif
}

// --- D += A B --------------------------------------------------------------------------------------------------------

__device__ __forceinline__ float lower_bf16(uint32_t pair) { return float_of(pair << 16); }
__device__ __forceinline__ float upper_bf16(uint32_t pair) { return float_of(pair & 0xffff0000u); }

// The matrix instructions where there are none. The emulator reads the rows and columns of a lane's d from the lanes that
// hold them; multiply(a, b) is the sum of products of two registers. The backend never comes here on chips before
// sm_80: it computes in fp32 on them.
template <class Multiply>
__device__ __forceinline__ void multiply_plainly(float d[4], const uint32_t a[4], const uint32_t b[2],
                                                 const Multiply &multiply) {
#ifdef COOPNETS_CUDA_EMULATED
  const auto *all = cuda_emulator::warp_exchange(whole_warp, {{a[0], a[1], a[2], a[3], b[0], b[1]}});
  const int lane = threadIdx.x % warp_size, g = lane / 4, t = lane % 4;
  for (int k = 0; k < 4; ++k) {
    const uint32_t *const rows = all[g * 4 + k].values, *const left = all[2 * t * 4 + k].values + 4,
                          *const right = all[(2 * t + 1) * 4 + k].values + 4;
    d[0] += multiply(rows[0], left[0]) + multiply(rows[2], left[1]);
    d[1] += multiply(rows[0], right[0]) + multiply(rows[2], right[1]);
    d[2] += multiply(rows[1], left[0]) + multiply(rows[3], left[1]);
    d[3] += multiply(rows[1], right[0]) + multiply(rows[3], right[1]);
  }
#else
  __trap();
#endif
}

__device__ __forceinline__ void mma_tf32(float d[4], const uint32_t a[4], const uint32_t b[2]) {
#if COOPNETS_SM80
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  multiply_plainly(d, a, b, [](uint32_t x, uint32_t y) { return float_of(x) * float_of(y); });
#endif
}

__device__ __forceinline__ void mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
#if COOPNETS_SM80
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  multiply_plainly(
      d, a, b, [](uint32_t x, uint32_t y) { return lower_bf16(x) * lower_bf16(y) + upper_bf16(x) * upper_bf16(y); });
#endif
}

}  // namespace coopnets
