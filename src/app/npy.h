// Arrays in NumPy's .npy format: written in version 1.0, which numpy.load opens, and read.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/file.h"
#include "tensor/shape.h"

namespace coopnets {

// A float32 array [N,H,W,C] (of videos [N,T,H,W,C]) written piece by piece; atomic, as AtomicFile.
class NpyFile {
 public:
  NpyFile(const std::string &path, const Shape &);
  void add(const std::vector<real> &values);
  void commit();  // throws std::logic_error unless all of the array has been added

 private:
  AtomicFile file_;
  int64_t missing_;
};

// An array of numbers of any shape, in row-major order.
struct NpyArray {
  std::vector<int64_t> shape;
  std::vector<double> values;
};

// From the bytes of a .npy file (version 1, 2 or 3) of float64 or float32, little-endian, in either order; `name` stands
// for the file in errors. Throws std::runtime_error when it holds anything else, is truncated or damaged.
NpyArray parse_npy(const std::vector<uint8_t> &bytes, const std::string &name);

}  // namespace coopnets
