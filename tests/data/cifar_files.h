// CIFAR as Python pickles it, and tar archives, made in code.
#pragma once
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "data/picture_files.h"

namespace coopnets {

// Writes what Python's pickle module does; `python` is 2 or 3, and text keys may have been bytes.
class PickleWriter {
 public:
  PickleWriter(int protocol, int python, bool bytes_as_keys = false)
      : protocol_(protocol), python_(python), bytes_as_keys_(bytes_as_keys) {
    out = {0x80, uint8_t(protocol)};
    if (protocol >= 4) put(0x95), little_endian(0, 8);  // a frame, whose length nobody needs
  }
  void put(int byte) { out.push_back(uint8_t(byte)); }
  void raw(const std::string &text) { out.insert(out.end(), text.begin(), text.end()); }
  void little_endian(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) put(int(value >> (8 * i) & 255));
  }
  void memo() {
    if (protocol_ >= 4)
      put(0x94);
    else if (count_ < 256)
      put('q'), put(int(count_));
    else
      put('r'), little_endian(count_, 4);
    ++count_;
  }
  void text(const std::string &text) {
    if (python_ == 2 || protocol_ >= 4)
      put(python_ == 2 ? 'U' : 0x8C), put(int(text.size()));
    else
      put('X'), little_endian(text.size(), 4);
    raw(text);
    memo();
  }
  void key(const std::string &name) {
    if (!bytes_as_keys_) return text(name);
    put('C'), put(int(name.size()));
    raw(name);
    memo();
  }
  void name(const std::string &module, const std::string &name) {
    if (protocol_ >= 4)
      text(module), text(name), put(0x93);
    else
      put('c'), raw(module + '\n' + name + '\n');
    memo();
  }
  void integer(int64_t value) {
    if (value >= 0 && value < 256)
      put('K'), put(int(value));
    else if (value >= 0 && value < 65536)
      put('M'), little_endian(uint64_t(value), 2);
    else
      put('J'), little_endian(uint64_t(value), 4);
  }
  void bytes(const std::vector<uint8_t> &data) {
    if (python_ == 2 || protocol_ == 3 || protocol_ == 4) {
      put(python_ == 2 ? 'T' : 'B'), little_endian(data.size(), 4);
      out.insert(out.end(), data.begin(), data.end());
    } else if (protocol_ == 5) {
      put(0x96), little_endian(data.size(), 8);
      out.insert(out.end(), data.begin(), data.end());
    } else {
      std::string utf8;
      for (const uint8_t byte : data)
        utf8 += byte < 128 ? std::string(1, char(byte)) : std::string{char(0xC0 | byte >> 6), char(0x80 | (byte & 63))};
      name("_codecs", "encode");
      put('X'), little_endian(utf8.size(), 4);
      raw(utf8);
      memo();
      text("latin1");
      put(0x86), memo(), put('R');
    }
    memo();
  }
  void type(const std::string &type) {
    name("numpy", "dtype");
    text(type);
    integer(0), integer(1);
    put(0x87), memo(), put('R'), memo(), put('(');
    integer(3);
    text("|");
    for (int i = 0; i < 3; ++i) put('N');
    integer(-1), integer(-1), integer(0);
    put('t'), memo(), put('b');
  }
  void sizes(const std::vector<int64_t> &sizes) {
    for (const int64_t size : sizes) integer(size);
    put(0x84 + int(sizes.size())), memo();
  }
  void array(const std::vector<int64_t> &shape, const std::vector<uint8_t> &data, const std::string &of = "u1") {
    const std::string numpy = python_ == 3 && bytes_as_keys_ ? "numpy._core." : "numpy.core.";  // of NumPy 2, and 1
    if (protocol_ == 5) {
      name(numpy + "numeric", "_frombuffer");
      put('(');
      bytes(data), type(of), sizes(shape), text("C");
      put('t'), memo(), put('R'), memo();
      return;
    }
    name(numpy + "multiarray", "_reconstruct");
    name("numpy", "ndarray");
    sizes({0}), text("b");
    put(0x87), memo(), put('R'), memo(), put('(');
    integer(1), sizes(shape), type(of), put(0x89), bytes(data);
    put('t'), memo(), put('b');
  }
  void texts(const std::vector<std::string> &all) {
    put(']'), memo(), put('(');
    for (const std::string &one : all) text(one);
    put('e');
  }
  std::vector<uint8_t> out;

 private:
  int protocol_, python_;
  bool bytes_as_keys_;
  uint64_t count_ = 0;
};

// What data_batch_N holds: the pictures of cifar_records().
inline std::vector<uint8_t> cifar_pickle(const std::vector<uint8_t> &labels, PickleWriter w,
                                         const std::string &label_key = "labels", const std::string &type = "u1") {
  w.put('}'), w.memo(), w.put('(');
  w.key("batch_label"), w.text("training batch 1 of 5");
  w.key(label_key), w.put(']'), w.memo(), w.put('(');
  for (const uint8_t label : labels) w.integer(label);
  w.put('e'), w.key("data");
  std::vector<uint8_t> pixels;
  for (size_t example = 0; example < labels.size(); ++example)
    for (size_t i = 0; i < 3072; ++i) pixels.push_back(cifar_value(example, i / 1024, i % 1024));
  w.array({int64_t(labels.size()), 3072}, pixels, type);
  w.key("filenames"), w.texts({"a.png", "b.png"});
  w.put('u'), w.put('.');
  return w.out;
}

inline std::vector<uint8_t> names_pickle(const std::string &key, const std::vector<std::string> &names,
                                         PickleWriter w) {
  w.put('}'), w.memo(), w.put('(');
  w.key("num_cases_per_batch"), w.integer(10000), w.key(key), w.texts(names);
  w.put('u'), w.put('.');
  return w.out;
}

inline const std::vector<std::string> ten_categories = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                        "dog",      "frog",       "horse", "ship", "truck"};

using TarMember = std::pair<std::string, std::vector<uint8_t>>;

// Makes the check sum of the header at `at` right.
inline void seal_tar(std::vector<uint8_t> &tar, size_t at) {
  std::fill_n(&tar[at + 148], 8, uint8_t{' '});
  int sum = 0;
  for (size_t i = 0; i < 512; ++i) sum += tar[at + i];
  char digits[16];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  std::copy_n(digits, 7, &tar[at + 148]);
}

// Names that end in a slash are folders.
inline std::vector<uint8_t> tar_of(const std::vector<TarMember> &members) {
  std::vector<uint8_t> out;
  for (const auto &[name, data] : members) {
    const size_t at = out.size();
    out.resize(at + 512);
    std::copy(name.begin(), name.end(), &out[at]);
    char digits[16];
    std::snprintf(digits, sizeof digits, "%011zo", data.size());
    std::copy_n(digits, 11, &out[at + 124]);
    out[at + 156] = name.back() == '/' ? '5' : '0';
    seal_tar(out, at);
    out.insert(out.end(), data.begin(), data.end());
    out.resize((out.size() + 511) / 512 * 512);
  }
  out.resize(out.size() + 1024);
  return out;
}

}  // namespace coopnets
