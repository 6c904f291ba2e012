// The stb libraries as this project uses them: stb_image reads, stb_image_write writes; stb.cpp holds their code.
#pragma once
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>

#include <cstddef>

namespace coopnets {

// While it lives, stb_image in this thread refuses any single allocation of more than `bytes` ("outofmem"): what a
// small hostile file can make a decoder inflate is bounded by what the picture that it declares needs.
class AllocationLimit {
 public:
  explicit AllocationLimit(size_t bytes);
  ~AllocationLimit();
  AllocationLimit(const AllocationLimit &) = delete;
  AllocationLimit &operator=(const AllocationLimit &) = delete;

 private:
  size_t before_;
};

}  // namespace coopnets
