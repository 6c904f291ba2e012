// Arrays in NumPy's .npy format, version 1.0: numpy.load opens them.
#pragma once
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

}  // namespace coopnets
