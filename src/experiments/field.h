// A struct's members as one table: by name, with range and help. Settings and command-line options are such tables, so
// that parsing, printing, config.txt, --list and --help all say the same.
#pragma once
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "experiments/text.h"
#include "tensor/file.h"

namespace coopnets {

// A whole number or a number from `least` to `most`; a text that is one of `choices`, any where there are none.
template <class Owner>
struct Field {
  using Member = std::variant<int64_t Owner::*, double Owner::*, bool Owner::*, std::string Owner::*>;
  std::string name;
  Member member;
  std::string help;
  double least = 0, most = 0;
  std::vector<std::string> choices;
};

// The value as text that assign() reads back exactly.
template <class Owner>
std::string print(const Field<Owner> &field, const Owner &owner) {
  if (const auto member = std::get_if<int64_t Owner::*>(&field.member)) return std::to_string(owner.**member);
  if (const auto member = std::get_if<double Owner::*>(&field.member)) return print_number(owner.**member);
  if (const auto member = std::get_if<bool Owner::*>(&field.member)) return owner.**member ? "true" : "false";
  return owner.*std::get<std::string Owner::*>(field.member);
}

// What the field takes, as an error or a help text says it: "a whole number from 1 to 100".
template <class Owner>
std::string expectation(const Field<Owner> &field) {
  if (!field.choices.empty()) return either(field.choices);
  if (std::holds_alternative<bool Owner::*>(field.member)) return "true or false";
  if (std::holds_alternative<std::string Owner::*>(field.member)) return "a text without control characters";
  const bool whole = std::holds_alternative<int64_t Owner::*>(field.member);
  const auto bound = [whole](double x) { return whole ? std::to_string(int64_t(x)) : print_number(x); };
  const std::string kind = whole ? "a whole number" : "a number";
  return field.most >= 9e18 ? kind + " from " + bound(field.least) + " on"
                            : kind + " from " + bound(field.least) + " to " + bound(field.most);
}

// Throws std::invalid_argument, a sentence that begins with `shown_name`, and leaves the owner alone, for a bad value.
template <class Owner>
void assign(const Field<Owner> &field, Owner &owner, const std::string &value, const std::string &shown_name) {
  const auto refuse = [&](const std::string &hint = "") {
    throw std::invalid_argument(shown_name + " takes " + expectation(field) + ", not " + coopnets::quoted(value) +
                                hint);
  };
  const auto inside = [&field](double x) { return field.least <= x && x <= field.most; };
  if (const auto member = std::get_if<int64_t Owner::*>(&field.member)) {
    const std::optional<int64_t> number = parse_integer(value);
    if (!number || !inside(double(*number))) refuse();
    owner.**member = *number;
  } else if (const auto member = std::get_if<double Owner::*>(&field.member)) {
    const std::optional<double> number = parse_number(value);
    if (!number || !inside(*number)) refuse();
    owner.**member = *number;
  } else if (const auto member = std::get_if<bool Owner::*>(&field.member)) {
    const bool yes = value == "true" || value == "1", no = value == "false" || value == "0";
    if (!yes && !no) refuse();
    owner.**member = yes;
  } else {
    bool allowed = field.choices.empty();
    for (const std::string &choice : field.choices) allowed = allowed || value == choice;
    if (!allowed) refuse(did_you_mean(value, field.choices));
    for (const char c : value)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
        throw std::invalid_argument(shown_name + " takes " + expectation(field));  // which a config file could not hold
    if (trim(value).size() != value.size())
      throw std::invalid_argument(shown_name + " takes a text that neither begins nor ends by a blank, not " +
                                  coopnets::quoted(value));
    owner.*std::get<std::string Owner::*>(field.member) = value;
  }
}

// Throws std::invalid_argument naming the nearest one when there is none of that name.
template <class Owner>
const Field<Owner> &find_field(const std::vector<Field<Owner>> &fields, const std::string &name,
                               const std::string &kind) {
  std::vector<std::string> names;
  for (const Field<Owner> &field : fields) {
    if (field.name == name) return field;
    names.push_back(field.name);
  }
  throw std::invalid_argument("there is no " + kind + " " + coopnets::quoted(name) + did_you_mean(name, names));
}

}  // namespace coopnets
