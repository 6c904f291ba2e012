// The rows of the table of options, for the files that parse, print and explain them.
#pragma once
#include <vector>

#include "app/options.h"

namespace coopnets {

struct Option {
  Field<Options> field;
  std::string group, value;  // heading in --help; what stands for the value there, "" for a switch
  bool recorded = false;     // in config.txt: part of what defines the run
};

constexpr char machine_group[] = "The machine";  // whose options choose what computes, and no result

std::vector<Option> option_table(const Vocabulary &);

// What stands behind the option where it is explained, "" for a switch.
std::string shown_value(const Option &);

}  // namespace coopnets
