#include "app/npy.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "data/bytes.h"
#include "experiments/text.h"

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

namespace {

// The header of an array, a Python dictionary: {'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }
struct Header {
  std::string descr, fortran_order;
  std::vector<int64_t> shape;
  bool has_shape = false;
};

constexpr size_t most_axes = 64;  // that NumPy has; more would only serve to take for ever

// Reads the literals of Python that such a header is made of; throws std::invalid_argument at anything else.
class Literals {
 public:
  explicit Literals(std::string_view text) : left_(text) {}

  Header header() {
    Header h;
    expect('{');
    while (!accept('}')) {
      const std::string key = text();
      expect(':');
      if (key == "descr" && h.descr.empty())
        h.descr = text();
      else if (key == "fortran_order" && h.fortran_order.empty())
        h.fortran_order = word();
      else if (key == "shape" && !h.has_shape)
        h.shape = numbers(), h.has_shape = true;
      else
        fail();
      if (accept(',')) continue;
      expect('}');
      break;
    }
    skip();
    if (!left_.empty() || h.descr.empty() || h.fortran_order.empty() || !h.has_shape) fail();
    return h;
  }

 private:
  [[noreturn]] static void fail() { throw std::invalid_argument("no header"); }
  void skip() { left_.remove_prefix(std::min(left_.find_first_not_of(" \n"), left_.size())); }
  bool accept(char c) {
    skip();
    if (left_.empty() || left_[0] != c) return false;
    left_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail();
  }
  std::string take(size_t count) {
    const std::string taken(left_.substr(0, count));
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::string text() {
    const char quote = accept('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const size_t end = left_.find(quote);
    if (end == std::string_view::npos) fail();
    const std::string inside = take(end);
    expect(quote);
    return inside;
  }
  std::string word() {
    skip();
    return take(std::min(left_.find_first_of(",} \n"), left_.size()));
  }
  std::vector<int64_t> numbers() {
    std::vector<int64_t> all;
    expect('(');
    while (!accept(')')) {
      skip();
      const std::optional<int64_t> number = parse_integer(take(std::min(left_.find_first_of(",) \n"), left_.size())));
      if (!number || *number < 0 || all.size() == most_axes) fail();
      all.push_back(*number);
      if (accept(',')) continue;
      expect(')');
      break;
    }
    return all;
  }

  std::string_view left_;
};

}  // namespace

NpyArray parse_npy(const std::vector<uint8_t> &bytes, const std::string &name) {
  const auto fail = [&](const std::string &why) { throw std::runtime_error("cannot read " + name + ": " + why); };
  const char magic[] = "\x93NUMPY";
  if (bytes.size() < 10 || std::memcmp(bytes.data(), magic, 6) != 0) fail("it is no array of NumPy's");
  const int version = bytes[6];
  if (version < 1 || version > 3) fail("its format, version " + std::to_string(version) + ", is unknown");
  const size_t prefix = version == 1 ? 10 : 12;
  if (bytes.size() < prefix) fail("it ends early");
  const size_t length = version == 1 ? size_t(bytes[8] | bytes[9] << 8) : little_endian32(&bytes[8]);
  if (length > bytes.size() - prefix) fail("it ends early");
  const std::string text(bytes.begin() + int64_t(prefix), bytes.begin() + int64_t(prefix + length));
  Header header;
  try {
    header = Literals(text).header();
  } catch (const std::invalid_argument &) {
    fail("its header is not one of an array of numbers: " + quoted(text));
  }
  const bool wide = header.descr == "<f8";
  if (!wide && header.descr != "<f4")
    fail("it holds " + quoted(header.descr) + ", not '<f8' or '<f4' (float64 or float32)");
  if (header.fortran_order != "True" && header.fortran_order != "False")
    fail("its fortran_order is " + quoted(header.fortran_order));

  NpyArray array{header.shape, {}};
  const size_t size = wide ? 8 : 4, data = prefix + length, rest = bytes.size() - data;
  const int64_t most = int64_t(rest / size);
  int64_t count = 1;
  for (const int64_t n : header.shape) count = n != 0 && count > most / n ? most + 1 : count * n;  // no overflow
  if (count > most || size_t(count) * size != rest)
    fail("its shape does not fit its " + std::to_string(rest) + " bytes of data");
  array.values.resize(size_t(count));
  // `position` in row-major order of the k-th number of the file, whose first axis may be the innermost.
  const int64_t axes = int64_t(header.shape.size());
  const bool fortran = header.fortran_order == "True";
  std::vector<int64_t> index(size_t(axes), 0);
  for (int64_t k = 0; k < count; ++k) {
    int64_t position = k;
    if (fortran) {
      position = 0;
      for (int64_t a = 0; a < axes; ++a) position = position * header.shape[a] + index[a];
      for (int64_t a = 0; a < axes && ++index[a] == header.shape[a]; ++a) index[a] = 0;
    }
    const uint8_t *from = &bytes[data + size_t(k) * size];
    if (wide) {
      std::memcpy(&array.values[size_t(position)], from, 8);
    } else {
      float value;
      std::memcpy(&value, from, 4);
      array.values[size_t(position)] = value;
    }
  }
  return array;
}

}  // namespace coopnets
