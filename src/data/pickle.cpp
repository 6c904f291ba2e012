#include "data/pickle.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "tensor/file.h"

namespace coopnets {

namespace {

// CIFAR-100 has 150,000 labels and file names; a hostile pickle makes a value of each of its bytes.
constexpr size_t most_values = size_t{1} << 20, most_marks = 1000;

[[noreturn]] void fail(const std::string &why) { throw std::runtime_error(why); }
[[noreturn]] void corrupt() { fail("it is corrupt"); }

// What may be named, in the words of NumPy 1 and 2.
constexpr const char *arrays[] = {"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"};
constexpr const char *buffers[] = {"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"};
constexpr const char *types[] = {"numpy.dtype"}, *encoders[] = {"_codecs.encode"}, *classes[] = {"numpy.ndarray"};

template <size_t n>
bool is_one_of(std::string_view name, const char *const (&names)[n]) {
  return std::find(names, names + n, name) != names + n;
}

}  // namespace

bool is_pickle(const std::vector<uint8_t> &bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}

Pickle::Pickle(const std::vector<uint8_t> &bytes) : left_(reinterpret_cast<const char *>(bytes.data()), bytes.size()) {
  if (!is_pickle(bytes)) fail("it is no pickle of protocol 2 to 5");
  while (step()) continue;
  if (stack_.size() != 1 || !marks_.empty()) corrupt();
  root_ = stack_[0];
  if (values_[root_].kind != Kind::dictionary) fail("it holds no dictionary");
}

std::string_view Pickle::take(uint64_t count) {
  if (count > left_.size()) fail("it ends early");
  const std::string_view taken = left_.substr(0, count);
  left_.remove_prefix(count);
  return taken;
}

// Little-endian.
uint64_t Pickle::number(size_t bytes) {
  uint64_t value = 0;
  const std::string_view taken = take(bytes);
  for (size_t i = 0; i < bytes; ++i) value |= uint64_t(uint8_t(taken[i])) << (8 * i);
  return value;
}

std::string_view Pickle::line() {
  const size_t end = left_.find('\n');
  if (end == std::string_view::npos) fail("it ends early");
  const std::string_view text = take(end);
  take(1);
  return text;
}

uint32_t Pickle::push(Value value) {
  if (values_.size() >= most_values) fail("it holds more values than pictures need");
  values_.push_back(std::move(value));
  stack_.push_back(uint32_t(values_.size() - 1));
  return stack_.back();
}

// What lies below a mark is out of reach until the mark is gone.
uint32_t Pickle::pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) corrupt();
  const uint32_t value = stack_.back();
  stack_.pop_back();
  return value;
}

std::vector<uint32_t> Pickle::pop_to_mark() {
  if (marks_.empty()) corrupt();
  const auto first = stack_.begin() + int64_t(marks_.back());
  const std::vector<uint32_t> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

Pickle::Value &Pickle::top() {
  const uint32_t value = pop();
  stack_.push_back(value);
  return values_[value];
}

void Pickle::remember(uint64_t place) {
  top();
  memory_[place] = stack_.back();
  if (memory_.size() > most_values) fail("it holds more values than pictures need");
}

void Pickle::recall(uint64_t place) {
  const auto found = memory_.find(place);
  if (found == memory_.end()) corrupt();
  if (stack_.size() >= most_values) fail("it holds more values than pictures need");
  stack_.push_back(found->second);
}

void Pickle::sequence(std::vector<uint32_t> items) { push({Kind::sequence, 0, {}, std::move(items)}); }

void Pickle::extend(Kind kind, const std::vector<uint32_t> &items) {
  Value &whole = top();
  if (whole.kind != kind || (kind == Kind::dictionary && items.size() % 2 != 0)) corrupt();
  whole.items.insert(whole.items.end(), items.begin(), items.end());
}

const Pickle::Value &Pickle::item(const Value &of, size_t index) const {
  if (of.kind != Kind::sequence || index >= of.items.size()) corrupt();
  return values_[of.items[index]];
}

void Pickle::name(std::string_view module, std::string_view name) {
  const std::string whole = std::string(module) + "." + std::string(name);
  for (const auto &known : {arrays[0], arrays[1], buffers[0], buffers[1], types[0], encoders[0], classes[0]})
    if (whole == known) {
      push({Kind::name, 0, known, {}});
      return;
    }
  fail("it names " + quoted(whole) + ", and only numbers, texts, lists, dictionaries and arrays of bytes are read");
}

Pickle::Value Pickle::array_of(uint32_t sizes, uint32_t type, uint32_t data) const {
  if (values_[type].kind != Kind::byte_type || values_[sizes].kind != Kind::sequence) corrupt();
  return {Kind::array, 0, {}, {sizes, data}};
}

// What the names stand for is done here, as far as it is known; nothing else is.
void Pickle::call() {
  const uint32_t given = pop(), called = pop();
  const auto argument = [&](size_t i) -> const Value & { return item(values_[given], i); };
  const std::string_view name = values_[called].text;
  if (values_[called].kind != Kind::name) corrupt();
  if (is_one_of(name, arrays)) {
    push({Kind::array, 0, {}, {}});  // build() fills it
  } else if (is_one_of(name, buffers)) {
    if (argument(3).text != "C") fail("the last axis of an array is not the innermost");
    const std::vector<uint32_t> &items = values_[given].items;
    push(array_of(items[2], items[1], items[0]));
  } else if (is_one_of(name, types)) {
    const std::string_view type = argument(0).text;
    if (type != "u1" && type != "|u1")
      fail("an array has elements of the type " + quoted(type) + ", and only bytes, 'u1', are read");
    push({Kind::byte_type, 0, {}, {}});
  } else if (is_one_of(name, encoders)) {
    if (argument(0).kind != Kind::text || argument(1).text != "latin1") corrupt();
    push({Kind::latin1, 0, argument(0).text, {}});
  } else {
    corrupt();
  }
}

void Pickle::build() {
  const uint32_t state = pop();
  Value &built = top();
  if (built.kind == Kind::byte_type) return;  // its order of bytes and the like
  if (built.kind != Kind::array || !built.items.empty()) corrupt();
  item(values_[state], 4);  // version, sizes, type, whether the first axis is the innermost, data
  const std::vector<uint32_t> &items = values_[state].items;
  if (values_[items[3]].number != 0) fail("the last axis of an array is not the innermost");
  built = array_of(items[1], items[2], items[4]);
}

// Operations by the names that Python's pickletools gives them. Numbers are little-endian, and texts have their length
// ahead: one, four or eight bytes.
bool Pickle::read_scalar(uint8_t operation) {
  const auto text = [&](uint64_t length) { push({Kind::text, 0, take(length), {}}); };
  const auto integer = [&](int64_t value) { push({Kind::integer, value, {}, {}}); };
  switch (operation) {
    case 'N':  // NONE
      push({});
      return true;
    case 0x88:  // NEWTRUE
      integer(1);
      return true;
    case 0x89:  // NEWFALSE
      integer(0);
      return true;
    case 'K':  // BININT1
      integer(int64_t(number(1)));
      return true;
    case 'M':  // BININT2
      integer(int64_t(number(2)));
      return true;
    case 'J':  // BININT
      integer(int32_t(number(4)));
      return true;
    case 'U':   // SHORT_BINSTRING
    case 'C':   // SHORT_BINBYTES
    case 0x8C:  // SHORT_BINUNICODE
      text(number(1));
      return true;
    case 'T':  // BINSTRING
    case 'B':  // BINBYTES
    case 'X':  // BINUNICODE
      text(number(4));
      return true;
    case 0x8E:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
    case 0x8D:  // BINUNICODE8
      text(number(8));
      return true;
    default:
      return false;
  }
}

bool Pickle::read_container(uint8_t operation) {
  const auto last = [&](size_t count) {
    std::vector<uint32_t> items(count);
    for (size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  };
  switch (operation) {
    case ']':  // EMPTY_LIST
    case ')':  // EMPTY_TUPLE
      sequence({});
      return true;
    case '}':  // EMPTY_DICT
      push({Kind::dictionary, 0, {}, {}});
      return true;
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      sequence(last(operation - 0x84u));
      return true;
    case 't':  // TUPLE
      sequence(pop_to_mark());
      return true;
    case 'a':  // APPEND
      extend(Kind::sequence, last(1));
      return true;
    case 'e':  // APPENDS
      extend(Kind::sequence, pop_to_mark());
      return true;
    case 's':  // SETITEM
      extend(Kind::dictionary, last(2));
      return true;
    case 'u':  // SETITEMS
      extend(Kind::dictionary, pop_to_mark());
      return true;
    default:
      return false;
  }
}

// One operation; false at the end.
bool Pickle::step() {
  const uint8_t operation = uint8_t(number(1));
  if (read_scalar(operation) || read_container(operation)) return true;
  switch (operation) {
    case 0x80:  // PROTO
      number(1);
      break;
    case 0x95:    // FRAME
      number(8);  // its length, which nothing needs
      break;
    case '(':  // MARK
      if (marks_.size() >= most_marks) corrupt();
      marks_.push_back(stack_.size());
      break;
    case 'q':  // BINPUT
      remember(number(1));
      break;
    case 'r':  // LONG_BINPUT
      remember(number(4));
      break;
    case 0x94:  // MEMOIZE
      remember(memory_.size());
      break;
    case 'h':  // BINGET
      recall(number(1));
      break;
    case 'j':  // LONG_BINGET
      recall(number(4));
      break;
    case 'c': {  // GLOBAL
      const std::string_view module = line();
      name(module, line());
      break;
    }
    case 0x93: {  // STACK_GLOBAL
      const std::string_view last = values_[pop()].text;
      name(values_[pop()].text, last);
      break;
    }
    case 'R':  // REDUCE
      call();
      break;
    case 'b':  // BUILD
      build();
      break;
    case '.':  // STOP
      return false;
    default: {
      char code[8];
      std::snprintf(code, sizeof code, "%02x", operation);
      fail(std::string("it holds the operation ") + code +
           ", and only numbers, texts, lists, dictionaries and arrays of bytes are read");
    }
  }
  return true;
}

bool Pickle::has(const std::string &key) const {
  const std::vector<uint32_t> &items = values_[root_].items;
  for (size_t i = 0; i < items.size(); i += 2)
    if (values_[items[i]].kind == Kind::text && values_[items[i]].text == key) return true;
  return false;
}

// Of a key that is set twice the last counts, as in Python.
const Pickle::Value &Pickle::entry(const std::string &key) const {
  const std::vector<uint32_t> &items = values_[root_].items;
  for (size_t i = items.size(); i >= 2; i -= 2)
    if (values_[items[i - 2]].kind == Kind::text && values_[items[i - 2]].text == key) return values_[items[i - 1]];
  fail("it has no " + quoted(key));
}

std::vector<const Pickle::Value *> Pickle::list(const std::string &key, Kind kind, const std::string &what) const {
  const Value &whole = entry(key);
  if (whole.kind != Kind::sequence) fail("its " + quoted(key) + " is no list");
  std::vector<const Value *> all;
  for (size_t i = 0; i < whole.items.size(); ++i) {
    all.push_back(&item(whole, i));
    if (all.back()->kind != kind) fail("its " + quoted(key) + " holds something else than " + what);
  }
  return all;
}

std::vector<int64_t> Pickle::integers(const std::string &key) const {
  std::vector<int64_t> all;
  for (const Value *value : list(key, Kind::integer, "whole numbers")) all.push_back(value->number);
  return all;
}

std::vector<std::string> Pickle::texts(const std::string &key) const {
  std::vector<std::string> all;
  for (const Value *value : list(key, Kind::text, "texts")) all.emplace_back(value->text);
  return all;
}

// Python 3 writes bytes in protocol 2 as the text, in UTF-8, whose characters have their numbers.
std::vector<uint8_t> Pickle::bytes_of(const Value &value) const {
  if (value.kind != Kind::text && value.kind != Kind::latin1) corrupt();
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < value.text.size(); ++i) {
    const uint8_t byte = uint8_t(value.text[i]);
    if (value.kind == Kind::text || byte < 0x80) {
      bytes.push_back(byte);
      continue;
    }
    const uint8_t next = i + 1 < value.text.size() ? uint8_t(value.text[++i]) : 0;
    if ((byte != 0xC2 && byte != 0xC3) || (next & 0xC0) != 0x80) corrupt();
    bytes.push_back(uint8_t(byte << 6 | (next & 0x3F)));
  }
  return bytes;
}

std::vector<uint8_t> Pickle::array(const std::string &key, std::vector<int64_t> &sizes) const {
  const Value &array = entry(key);
  if (array.kind != Kind::array || array.items.empty()) fail("its " + quoted(key) + " is no array");
  std::vector<uint8_t> bytes = bytes_of(values_[array.items[1]]);
  const Value &shape = values_[array.items[0]];
  int64_t expected = 1;
  const int64_t length = int64_t(bytes.size());
  sizes.clear();
  for (size_t axis = 0; axis < shape.items.size(); ++axis) {
    const int64_t size = item(shape, axis).number;
    sizes.push_back(size);
    // Never more than length + 1, so that no product of hostile sizes overflows.
    expected = size < 0 || (size != 0 && expected > length / size) ? length + 1 : expected * size;
  }
  if (expected != length) fail("its " + quoted(key) + " has not as many bytes as its sizes say");
  return bytes;
}

}  // namespace coopnets
