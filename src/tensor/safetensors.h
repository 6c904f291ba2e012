// Named tensors in a file, in the safetensors format (https://github.com/huggingface/safetensors), which the ecosystem
// reads: an 8-byte little-endian length of the header; the header, JSON padded by spaces to a multiple of 8,
//   {"__metadata__":{"key":"text"},"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, ...};
// then the data, little-endian, without gaps, offsets counted from the header's end.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "tensor/file.h"
#include "tensor/shape.h"

namespace coopnets {

enum class ElementType { BOOL, U8, I8, F8_E5M2, F8_E4M3, I16, U16, F16, BF16, I32, U32, F32, I64, U64, F64 };

int64_t bytes_of(ElementType);
const char *name_of(ElementType);  // as in the header: "F32"

// What the header says of one tensor. shape {} is a scalar.
struct StoredTensor {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  int64_t offset = 0, bytes = 0;  // within the data
  int64_t size() const { return bytes / bytes_of(type); }
};

using Metadata = std::map<std::string, std::string>;

// A tensor on its way into a file. `data` is called once, when its turn comes, and passes the elements on in as many
// pieces as it likes, so that a large model on a device never has a second copy on the host.
struct TensorToStore {
  using Sink = std::function<void(const void *data, size_t bytes)>;
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  std::function<void(const Sink &)> data;
};

// Writes atomically (see AtomicFile). Data is laid out by element size, largest first, so that every tensor is aligned,
// and otherwise in the order given; the same input gives the same bytes. Names and metadata are UTF-8; a byte that is
// not becomes U+FFFD. Throws std::invalid_argument for a repeated or reserved name, a negative side, or data whose size
// is not the shape's.
void write_safetensors(const std::string &path, const std::vector<TensorToStore> &tensors, const Metadata &metadata,
                       Previous previous = Previous::replaced);

// A file open for reading. The constructor reads the header alone and checks all of it: bounds, JSON, types, shapes
// against offsets, gaps, overlaps, repeated names, the length of the file. Tensors are then read one at a time, so
// memory stays bounded. Whatever is wrong throws std::runtime_error, one sentence that begins with the path.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string &path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile &) = delete;
  SafetensorsFile &operator=(const SafetensorsFile &) = delete;

  const std::string &path() const { return path_; }
  const Metadata &metadata() const { return metadata_; }
  const std::vector<StoredTensor> &tensors() const { return tensors_; }  // in the order of their data
  const StoredTensor *find(const std::string &name) const;               // null when there is none
  const StoredTensor &at(const std::string &name) const;                 // throws std::runtime_error when there is none

  // Copies all of a tensor's bytes, or a part of them. Throws std::invalid_argument when the part is not inside.
  void read(const StoredTensor &, void *to) const;
  void read(const StoredTensor &, int64_t first_byte, int64_t bytes, void *to) const;
  // Elements [first, first + count) of a tensor of F16, BF16, F32 or F64 as the program's own type. Throws
  // std::runtime_error for other types and for a finite number that is too large for it.
  void read_reals(const StoredTensor &, int64_t first, int64_t count, real *to) const;

 private:
  void open_and_parse();
  std::string path_;
  int descriptor_ = -1;
  int64_t data_begin_ = 0;
  Metadata metadata_;
  std::vector<StoredTensor> tensors_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace coopnets
