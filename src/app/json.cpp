#include "app/json.h"

#include <cmath>
#include <cstdio>

#include "experiments/text.h"

namespace coopnets {

std::string json_text(const std::string &text) {
  std::string out = "\"";
  for (const char c : text) {
    char escaped[8];
    if (c == '"' || c == '\\')
      out += '\\', out += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c), out += escaped;
    else
      out += c;
  }
  return out + '"';
}

std::string json_number(double value) { return std::isfinite(value) ? print_number(value) : "null"; }

std::string json_list(const std::vector<std::string> &values) {
  std::string out = "[";
  for (const std::string &value : values) out += (out.size() > 1 ? ", " : "") + value;
  return out + ']';
}

JsonObject &JsonObject::json(const std::string &name, const std::string &value) {
  members_ += (members_.empty() ? "" : ", ") + json_text(name) + ": " + value;
  return *this;
}

}  // namespace coopnets
