// Python's pickles, as far as tables of pictures need them: dictionaries, lists, whole numbers, texts and NumPy's
// arrays of bytes, in protocols 2 to 5, as Python 2 and 3 write them. Nothing that a pickle names is ever called.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace coopnets {

// Whether the bytes begin as a pickle of protocol 2 to 5 does.
bool is_pickle(const std::vector<uint8_t> &bytes);

// The dictionary that a pickle holds. Throws std::runtime_error, the cause alone, when it is truncated or corrupt,
// holds anything else or needs more than a bounded number of values; so do the readers of entries.
class Pickle {
 public:
  // The bytes must outlive it.
  explicit Pickle(const std::vector<uint8_t> &bytes);

  bool has(const std::string &key) const;
  std::vector<int64_t> integers(const std::string &key) const;
  std::vector<std::string> texts(const std::string &key) const;
  // An array of bytes, last axis innermost.
  std::vector<uint8_t> array(const std::string &key, std::vector<int64_t> &sizes) const;

 private:
  enum class Kind { none, integer, text, latin1, sequence, dictionary, name, byte_type, array };
  struct Value {
    Kind kind = Kind::none;
    int64_t number = 0;
    std::string_view text;  // in the bytes
    // Of values_: elements; keys and what they stand for in turn; sizes and data of an array.
    std::vector<uint32_t> items;
  };
  uint64_t number(size_t bytes);
  std::string_view take(uint64_t count);
  std::string_view line();
  uint32_t push(Value);
  uint32_t pop();
  std::vector<uint32_t> pop_to_mark();
  Value &top();
  void remember(uint64_t place);
  void recall(uint64_t place);
  void sequence(std::vector<uint32_t> items);
  void extend(Kind, const std::vector<uint32_t> &items);
  void name(std::string_view module, std::string_view name);
  void call();
  void build();
  bool step();
  bool read_scalar(uint8_t operation);
  bool read_container(uint8_t operation);
  Value array_of(uint32_t sizes, uint32_t type, uint32_t data) const;
  const Value &item(const Value &, size_t) const;
  const Value &entry(const std::string &key) const;
  std::vector<const Value *> list(const std::string &key, Kind, const std::string &what) const;
  std::vector<uint8_t> bytes_of(const Value &) const;

  std::string_view left_;  // what is not read yet
  std::vector<Value> values_;
  std::vector<uint32_t> stack_;
  std::vector<size_t> marks_;
  std::map<uint64_t, uint32_t> memory_;
  uint32_t root_ = 0;
};

}  // namespace coopnets
