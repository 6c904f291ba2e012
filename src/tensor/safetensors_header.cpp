#include "tensor/safetensors_header.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <set>
#include <stdexcept>

#include "tensor/utf8.h"

namespace coopnets {

namespace {

constexpr size_t most_sides = 32;               // of a shape: more would only serve to exhaust memory
constexpr char replacement[] = "\xEF\xBF\xBD";  // U+FFFD

void append_utf8(std::string &out, uint32_t code) {
  const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6), put(0x80 | (code & 63));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
  } else {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 63)), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
  }
}

void append_quoted(std::string &out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    if (length == 0) {
      out += replacement;
    } else if (text[i] == '"' || text[i] == '\\') {
      out += '\\', out += text[i];
    } else if (static_cast<unsigned char>(text[i]) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", text[i]);
      out += escape;
    } else {
      out.append(text, i, length);
    }
    i += std::max<size_t>(length, 1);
  }
  out += '"';
}

// Recursive descent without recursion: the grammar has a fixed depth.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  SafetensorsHeader parse() {
    SafetensorsHeader header;
    std::set<std::string> names;
    if (peek() != '{') fail("does not begin with '{'");
    object([&](const std::string &name) {
      if (!names.insert(name).second) fail("has " + quoted(name) + " twice");
      if (name == "__metadata__") {
        object([&](const std::string &key) {
          if (!header.metadata.emplace(key, string()).second) fail("has the metadata " + quoted(key) + " twice");
        });
      } else {
        header.tensors.push_back(tensor(name));
      }
    });
    skip_blanks();
    if (at_ < text_.size()) fail("goes on after its end");
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string &what) const {
    throw std::runtime_error("the header " + what + " (at byte " + std::to_string(at_) + ")");
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\n' || peek() == '\t' || peek() == '\r') ++at_;
  }

  bool accept(char c) {
    skip_blanks();
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail(std::string("lacks a '") + c + "'");
  }

  template <class Member>
  void object(const Member &member) {
    expect('{');
    if (accept('}')) return;
    do {
      const std::string name = string();
      expect(':');
      member(name);
    } while (accept(','));
    expect('}');
  }

  template <class Element>
  void array(const Element &element) {
    expect('[');
    if (accept(']')) return;
    do element();
    while (accept(','));
    expect(']');
  }

  // A whole number from 0 to 2^63 - 1; nothing in the format is negative or fractional.
  int64_t number() {
    skip_blanks();
    const size_t begin = at_;
    uint64_t value = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_)
      if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, uint64_t(peek() - '0'), &value) ||
          value > uint64_t(std::numeric_limits<int64_t>::max()))
        fail("has a number that is too large");
    if (at_ == begin) fail("lacks a whole number");
    if (text_[begin] == '0' && at_ > begin + 1) fail("has a number with a leading zero");
    return static_cast<int64_t>(value);
  }

  uint32_t hex4() {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("has a broken \\u escape");
      value = value * 16 + uint32_t(digit);
    }
    return value;
  }

  void escape(std::string &out) {
    static constexpr char escaped[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char c = peek();
    ++at_;
    if (const size_t i = std::string_view(escaped, 8).find(c); i != std::string_view::npos) {
      out += meant[i];
      return;
    }
    if (c != 'u') fail("has an unknown escape");
    uint32_t code = hex4();
    if (code >= 0xDC00 && code < 0xE000) fail("has half of a surrogate pair");
    if (code >= 0xD800 && code < 0xDC00) {
      if (text_.substr(at_, 2) != "\\u") fail("has half of a surrogate pair");
      at_ += 2;
      const uint32_t low = hex4();
      if (low < 0xDC00 || low >= 0xE000) fail("has half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, code);
  }

  std::string string() {
    expect('"');
    std::string out;
    for (;;) {
      if (at_ == text_.size()) fail("ends within a string");
      const unsigned char c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') break;
      if (c < 0x20) fail("has a control character in a string");
      if (c == '\\') {
        ++at_;
        escape(out);
        continue;
      }
      const size_t length = utf8_length(text_, at_);
      if (length == 0) fail("has a byte that is not UTF-8");
      out.append(text_, at_, length);
      at_ += length;
    }
    ++at_;
    return out;
  }

  ElementType element_type(const std::string &tensor_name) {
    const std::string name = string();
    for (int i = 0; i <= int(ElementType::F64); ++i)
      if (name == name_of(ElementType(i))) return ElementType(i);
    fail("gives " + quoted(tensor_name) + " the unknown type " + quoted(name));
  }

  StoredTensor tensor(const std::string &name) {
    StoredTensor tensor;
    tensor.name = name;
    std::vector<int64_t> offsets;
    std::set<std::string> seen;
    object([&](const std::string &key) {
      if (!seen.insert(key).second) fail("says the " + quoted(key) + " of " + quoted(name) + " twice");
      if (key == "dtype") {
        tensor.type = element_type(name);
      } else if (key == "shape") {
        array([&] {
          tensor.shape.push_back(number());
          if (tensor.shape.size() > most_sides) fail("gives " + quoted(name) + " too many sides");
        });
      } else if (key == "data_offsets") {
        array([&] {
          offsets.push_back(number());
          if (offsets.size() > 2) fail("has broken data_offsets for " + quoted(name));
        });
      } else {
        fail("says something unknown of " + quoted(name) + ": " + quoted(key));
      }
    });
    if (seen.size() != 3) fail("lacks the dtype, the shape or the data_offsets of " + quoted(name));
    if (offsets.size() != 2 || offsets[0] > offsets[1]) fail("has broken data_offsets for " + quoted(name));
    tensor.offset = offsets[0];
    tensor.bytes = offsets[1] - offsets[0];
    int64_t bytes = bytes_of(tensor.type);
    for (const int64_t side : tensor.shape)
      if (__builtin_mul_overflow(bytes, side, &bytes)) fail("gives " + quoted(name) + " an absurd shape");
    if (bytes != tensor.bytes)
      fail("gives " + quoted(name) + " " + std::to_string(tensor.bytes) + " bytes, its shape and type need " +
           std::to_string(bytes));
    return tensor;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text) {
  SafetensorsHeader header = Parser(text).parse();
  // Empty tensors share their offset with the next one: they come first.
  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const StoredTensor &a, const StoredTensor &b) {
    return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
  });
  for (const StoredTensor &tensor : header.tensors) {
    if (tensor.offset != header.data_bytes)
      throw std::runtime_error("the data of " + quoted(tensor.name) + " begins at byte " +
                               std::to_string(tensor.offset) + ", the one before ends at byte " +
                               std::to_string(header.data_bytes));
    header.data_bytes += tensor.bytes;
  }
  return header;
}

std::string print_safetensors_header(const SafetensorsHeader &header) {
  std::string out = "{";
  const auto comma = [&out] {
    if (out.back() != '{') out += ',';
  };
  if (!header.metadata.empty()) {
    out += "\"__metadata__\":{";
    for (const auto &[key, text] : header.metadata) {
      comma();
      append_quoted(out, key);
      out += ':';
      append_quoted(out, text);
    }
    out += '}';
  }
  for (const StoredTensor &tensor : header.tensors) {
    comma();
    append_quoted(out, tensor.name);
    out += std::string(":{\"dtype\":\"") + name_of(tensor.type) + "\",\"shape\":[";
    for (size_t i = 0; i < tensor.shape.size(); ++i) out += (i ? "," : "") + std::to_string(tensor.shape[i]);
    out += "],\"data_offsets\":[" + std::to_string(tensor.offset) + ',' + std::to_string(tensor.offset + tensor.bytes) +
           "]}";
  }
  return out + '}';
}

}  // namespace coopnets
