// JSON as the program writes it (RFC 8259).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace coopnets {

std::string json_text(const std::string &);               // in quotes, escaped
std::string json_number(double);                          // reads back exactly; null where it is not finite
std::string json_list(const std::vector<std::string> &);  // of values that are JSON already: "[1, 2]"

// {"name": "texture", "seed": 1}, its members in the order in which they are added.
class JsonObject {
 public:
  JsonObject &text(const std::string &name, const std::string &value) { return json(name, json_text(value)); }
  JsonObject &number(const std::string &name, double value) { return json(name, json_number(value)); }
  JsonObject &whole(const std::string &name, int64_t value) { return json(name, std::to_string(value)); }
  JsonObject &json(const std::string &name, const std::string &value);  // a value that is JSON already
  std::string str() const { return '{' + members_ + '}'; }

 private:
  std::string members_;
};

}  // namespace coopnets
