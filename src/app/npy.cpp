#include "app/npy.h"

#include <stdexcept>

namespace coopnets {

// "\x93NUMPY", version, the header's length in two bytes, little-endian, and a Python dictionary padded by spaces so
// that the data begins at a multiple of 64 (numpy.lib.format).
NpyFile::NpyFile(const std::string &path, const Shape &s) : file_(path), missing_(s.size()) {
  std::string shape = std::to_string(s.n) + ", ";
  if (s.t > 1) shape += std::to_string(s.t) + ", ";
  shape += std::to_string(s.h) + ", " + std::to_string(s.w) + ", " + std::to_string(s.c);
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }";
  header += std::string(63 - (10 + header.size()) % 64, ' ') + '\n';
  file_.write(std::string("\x93NUMPY\x01\x00", 8));
  const unsigned char length[2] = {static_cast<unsigned char>(header.size() & 255),
                                   static_cast<unsigned char>(header.size() >> 8)};
  file_.write(length, 2);
  file_.write(header);
}

void NpyFile::add(const std::vector<real> &values) {
  const std::vector<float> singles(values.begin(), values.end());
  file_.write(singles.data(), singles.size() * sizeof(float));
  missing_ -= static_cast<int64_t>(values.size());
}

void NpyFile::commit() {
  if (missing_ != 0) throw std::logic_error("an array is written whole");
  file_.commit();
}

}  // namespace coopnets
