#include "tensor/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <set>
#include <stdexcept>

#include "tensor/safetensors_header.h"

namespace coopnets {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors files are little-endian, and so are we");

namespace {

constexpr int64_t largest_header = 100'000'000;  // bytes; the bound that the format's own library sets

struct TypeRow {
  const char *name;
  int bytes;
};
constexpr TypeRow type_rows[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
                                 {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                                 {"U32", 4},  {"F32", 4}, {"I64", 8}, {"U64", 8},     {"F64", 8}};

std::string dimensions(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (const int64_t side : shape) text += (text.size() > 1 ? "," : "") + std::to_string(side);
  return text + "]";
}

// The sources in the order of their data, beside the header that describes them.
std::vector<const TensorToStore *> lay_out(const std::vector<TensorToStore> &tensors, SafetensorsHeader &header) {
  std::vector<const TensorToStore *> order;
  std::set<std::string> names = {"__metadata__"};
  for (const TensorToStore &tensor : tensors) {
    if (!names.insert(tensor.name).second)
      throw std::invalid_argument("two tensors to store have the name '" + tensor.name + "', or it is reserved");
    order.push_back(&tensor);
  }
  std::stable_sort(order.begin(), order.end(), [](const TensorToStore *a, const TensorToStore *b) {
    return bytes_of(a->type) > bytes_of(b->type);
  });
  for (const TensorToStore *tensor : order) {
    const int64_t begin = header.data_bytes;
    int64_t bytes = bytes_of(tensor->type);
    bool possible = true;
    for (const int64_t side : tensor->shape)
      possible = possible && side >= 0 && !__builtin_mul_overflow(bytes, side, &bytes);
    if (!possible || __builtin_add_overflow(begin, bytes, &header.data_bytes))
      throw std::invalid_argument("the tensor '" + tensor->name + "' to store has an impossible shape " +
                                  dimensions(tensor->shape));
    header.tensors.push_back({tensor->name, tensor->type, tensor->shape, begin, bytes});
  }
  return order;
}

}  // namespace

int64_t bytes_of(ElementType type) { return type_rows[int(type)].bytes; }
const char *name_of(ElementType type) { return type_rows[int(type)].name; }

void write_safetensors(const std::string &path, const std::vector<TensorToStore> &tensors, const Metadata &metadata,
                       Previous previous) {
  SafetensorsHeader header;
  header.metadata = metadata;
  const std::vector<const TensorToStore *> order = lay_out(tensors, header);
  std::string text = print_safetensors_header(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (int64_t(text.size()) > largest_header)
    throw std::invalid_argument("the header of " + path + " would be larger than the format allows");

  write_atomically(
      path,
      [&](AtomicFile &file) {
        const uint64_t length = text.size();
        file.write(&length, sizeof length);
        file.write(text);
        for (size_t i = 0; i < order.size(); ++i) {
          int64_t written = 0;
          order[i]->data([&](const void *data, size_t bytes) {
            file.write(data, bytes);
            written += int64_t(bytes);
          });
          if (written != header.tensors[i].bytes)
            throw std::invalid_argument("the tensor '" + order[i]->name + "' of " +
                                        std::to_string(header.tensors[i].bytes) + " bytes gave " +
                                        std::to_string(written) + " bytes to store");
        }
      },
      previous);
}

SafetensorsFile::SafetensorsFile(const std::string &path) : path_(path) {
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) throw std::runtime_error("could not read " + path + ": " + cause_of(errno));
  try {
    open_and_parse();
  } catch (const std::exception &error) {
    close(descriptor_);
    throw std::runtime_error(path + " is not a readable safetensors file: " + error.what());
  }
}

SafetensorsFile::~SafetensorsFile() { close(descriptor_); }

namespace {

void read_at(int descriptor, int64_t offset, void *to, int64_t bytes) {
  char *out = static_cast<char *>(to);
  while (bytes > 0) {
    const ssize_t count = pread(descriptor, out, size_t(std::min<int64_t>(bytes, 1 << 30)), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw std::runtime_error(cause_of(errno));
    if (count == 0) throw std::runtime_error("it ends early, at byte " + std::to_string(offset));
    out += count, offset += count, bytes -= count;
  }
}

}  // namespace

void SafetensorsFile::open_and_parse() {
  struct stat status;
  if (fstat(descriptor_, &status) != 0) throw std::runtime_error(cause_of(errno));
  if (!S_ISREG(status.st_mode)) throw std::runtime_error("it is not a regular file");
  const int64_t file_bytes = status.st_size;
  if (file_bytes < 10)
    throw std::runtime_error("it has " + std::to_string(file_bytes) + " bytes, too few for a header");
  uint64_t length;
  read_at(descriptor_, 0, &length, sizeof length);
  if (length > uint64_t(std::min(largest_header, file_bytes - 8)))
    throw std::runtime_error("it is no safetensors file: its header would have " + std::to_string(length) +
                             " bytes, the file has " + std::to_string(file_bytes));
  std::string text(length, '\0');
  read_at(descriptor_, 8, text.data(), int64_t(length));

  SafetensorsHeader header = parse_safetensors_header(text);
  data_begin_ = 8 + int64_t(length);
  if (header.data_bytes != file_bytes - data_begin_)
    throw std::runtime_error("the header says " + std::to_string(header.data_bytes) + " bytes of data, the file has " +
                             std::to_string(file_bytes - data_begin_));
  metadata_ = std::move(header.metadata);
  tensors_ = std::move(header.tensors);
  for (size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
}

const StoredTensor *SafetensorsFile::find(const std::string &name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const StoredTensor &SafetensorsFile::at(const std::string &name) const {
  if (const StoredTensor *tensor = find(name)) return *tensor;
  throw std::runtime_error(path_ + " has no tensor '" + name + "'");
}

void SafetensorsFile::read(const StoredTensor &tensor, void *to) const { read(tensor, 0, tensor.bytes, to); }

void SafetensorsFile::read(const StoredTensor &tensor, int64_t first_byte, int64_t bytes, void *to) const {
  if (first_byte < 0 || bytes < 0 || first_byte > tensor.bytes - bytes)
    throw std::invalid_argument("bytes outside of the tensor '" + tensor.name + "' were asked for");
  try {
    read_at(descriptor_, data_begin_ + tensor.offset + first_byte, to, bytes);
  } catch (const std::exception &error) {
    throw std::runtime_error("could not read '" + tensor.name + "' from " + path_ + ": " + error.what());
  }
}

namespace {

float float_of_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// IEEE 754 half precision: sign, 5 bits of exponent (bias 15; a float's is 127), 10 of fraction.
float float_of_half(uint16_t half) {
  const uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
  if (exponent == 0) return std::copysign(std::ldexp(float(fraction), -24), sign ? -1.f : 1.f);
  return float_of_bits(sign | (exponent == 31 ? 255 : exponent + 127 - 15) << 23 | fraction << 13);
}

double element(ElementType type, const uint8_t *bytes) {
  uint16_t half;
  float single;
  double number;
  switch (type) {
    case ElementType::F32:
      return std::memcpy(&single, bytes, 4), single;
    case ElementType::F64:
      return std::memcpy(&number, bytes, 8), number;
    default:
      std::memcpy(&half, bytes, 2);
  }
  return type == ElementType::F16 ? float_of_half(half) : float_of_bits(uint32_t(half) << 16);
}

}  // namespace

void SafetensorsFile::read_reals(const StoredTensor &tensor, int64_t first, int64_t count, real *to) const {
  const ElementType type = tensor.type, own = sizeof(real) == 8 ? ElementType::F64 : ElementType::F32;
  const int64_t bytes = bytes_of(type);
  if (first < 0 || count < 0 || first > tensor.size() - count)
    throw std::invalid_argument("elements outside of the tensor '" + tensor.name + "' were asked for");
  if (type == own) return read(tensor, first * bytes, count * bytes, to);
  if (type != ElementType::F16 && type != ElementType::BF16 && type != ElementType::F32 && type != ElementType::F64)
    throw std::runtime_error(path_ + ": the tensor '" + tensor.name + "' has the type " + name_of(type) +
                             ", which is not read (F16, BF16, F32 and F64 are)");
  const int64_t piece = int64_t{1} << 16;  // elements, so that a large tensor has no second copy
  std::vector<uint8_t> stored(size_t(std::min(piece, count) * bytes));
  for (int64_t done = 0; done < count; done += piece) {
    const int64_t now = std::min(piece, count - done);
    read(tensor, (first + done) * bytes, now * bytes, stored.data());
    for (int64_t i = 0; i < now; ++i) {
      const double value = element(type, stored.data() + i * bytes);
      to[done + i] = real(value);
      if (std::isfinite(value) && !std::isfinite(to[done + i]))
        throw std::runtime_error(path_ + ": the tensor '" + tensor.name + "' holds " + std::to_string(value) +
                                 ", which is too large for a 32-bit number");
    }
  }
}

}  // namespace coopnets
