// Whether a text is JSON (RFC 8259), for tests of what the program writes for others.
#pragma once
#include <cstring>
#include <string>

namespace coopnets {

class JsonCheck {
 public:
  explicit JsonCheck(const std::string &text) : at_(text.c_str()), end_(at_ + text.size()) {}
  bool passes() { return value() && (blanks(), at_ == end_); }

 private:
  void blanks() {
    while (at_ < end_ && std::strchr(" \t\r\n", *at_)) ++at_;
  }
  bool takes(char c) {
    blanks();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool word(const char *text) {
    const size_t length = std::strlen(text);
    if (size_t(end_ - at_) < length || std::strncmp(at_, text, length) != 0) return false;
    at_ += length;
    return true;
  }
  bool text() {
    if (!takes('"')) return false;
    for (; at_ < end_ && *at_ != '"'; ++at_) {
      if (static_cast<unsigned char>(*at_) < 0x20) return false;
      if (*at_ == '\\' && (++at_ == end_ || !std::strchr("\"\\/bfnrtu", *at_))) return false;
    }
    return takes('"');
  }
  bool number() {
    const char *const begin = at_;
    while (at_ < end_ && std::strchr("+-.eE0123456789", *at_)) ++at_;
    return at_ > begin;
  }
  bool members(char close, bool named) {
    if (takes(close)) return true;
    do {
      if (named && !(text() && takes(':'))) return false;
      if (!value()) return false;
    } while (takes(','));
    return takes(close);
  }
  bool value() {
    blanks();
    if (at_ == end_) return false;
    if (*at_ == '"') return text();
    if (takes('{')) return members('}', true);
    if (takes('[')) return members(']', false);
    return word("true") || word("false") || word("null") || number();
  }
  const char *at_, *end_;
};

inline bool is_json(const std::string &text) { return JsonCheck(text).passes(); }

}  // namespace coopnets
