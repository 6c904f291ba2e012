// Tables of measures, as a person reads them and as a program does.
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "app/options.h"

namespace coopnets {

// A cell that is not finite is a measure that there is not: "-" in text, null in JSON.
struct Table {
  struct Row {
    std::string name;
    std::vector<double> cells;
    bool shared = false;  // of no one system
  };
  std::string title;
  std::vector<std::string> columns;  // the names' column apart
  std::vector<Row> rows;
  std::vector<std::string> notes;  // what must be known to compare the numbers
};

// Title, aligned columns, notes; cells with four significant digits or two decimals, whichever are more, but whole numbers
// from 1000 on without decimals.
std::string table_text(const Table &);

// What must be known to make the tables again.
struct Fact {
  std::string name;
  std::variant<std::string, int64_t> value;
};

// {"name": "text" or number, ..., "tables": [{"title": ..., "rows": [{"name": ..., "COLUMN": number, ...}], "notes":
// [...]}]} with numbers that read back exactly. Throws std::invalid_argument when a row has not one cell a column.
std::string report_json(const std::vector<Fact> &facts, const std::vector<Table> &);

struct Report {
  std::vector<Fact> facts;
  std::vector<Table> tables;
};

// On standard output: the tables as text, or with --json all of it; tables go to standard error where --log json has the
// other for itself. Throws std::runtime_error when it cannot be written.
void print_report(const Report &, const Options &);

// What a closing sentence says of pictures that could not be read: "; 3 pictures ...", nothing of none.
std::string unreadable(int64_t count);

}  // namespace coopnets
