#include "data/stb.h"

#include <cstdint>
#include <cstdlib>

namespace coopnets {
namespace {

thread_local size_t allocation_limit = SIZE_MAX;

// Zeroed, so that what a corrupt file leaves unwritten is the same in every run.
void *limited_allocate(size_t bytes) { return bytes <= allocation_limit ? std::calloc(1, bytes) : nullptr; }
void *limited_reallocate(void *memory, size_t bytes) {
  return bytes <= allocation_limit ? std::realloc(memory, bytes) : nullptr;
}

}  // namespace

AllocationLimit::AllocationLimit(size_t bytes) : before_(allocation_limit) { allocation_limit = bytes; }
AllocationLimit::~AllocationLimit() { allocation_limit = before_; }

}  // namespace coopnets

#define STBI_MALLOC(bytes) coopnets::limited_allocate(bytes)
#define STBI_REALLOC(memory, bytes) coopnets::limited_reallocate(memory, bytes)
#define STBI_FREE(memory) std::free(memory)
// PNM is read by image_file.cpp: stb 2.27 reads beyond its buffer when it converts 16-bit ones (CVE-2021-42716), and
// ignores their largest value.
#define STBI_NO_PNM
#define STBI_NO_STDIO
#define STBI_WRITE_NO_STDIO
#define STBI_FAILURE_USERMSG

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#pragma GCC diagnostic ignored "-Wmisleading-indentation"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#endif
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop
