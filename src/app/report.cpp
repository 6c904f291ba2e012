#include "app/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "app/json.h"

namespace coopnets {

namespace {

std::string cell_text(double value) {
  if (!std::isfinite(value)) return "-";
  const int before = value == 0 ? 1 : int(std::floor(std::log10(std::abs(value)))) + 1;
  const bool whole = std::abs(value) >= 1000 && value == std::floor(value);  // a number of things
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", whole ? 0 : std::clamp(4 - before, 2, 6), value);
  return text;
}

void require_cells(const Table &table) {
  for (const Table::Row &row : table.rows)
    if (row.cells.size() != table.columns.size())
      throw std::invalid_argument("the row " + row.name + " of the table " + table.title + " has " +
                                  std::to_string(row.cells.size()) + " cells for " +
                                  std::to_string(table.columns.size()) + " columns");
}

}  // namespace

std::string unreadable(int64_t count) {
  if (count == 0) return "";
  return "; " + std::to_string(count) +
         (count == 1 ? " picture could not be read, another took its place"
                     : " pictures could not be read, others took their places");
}

std::string table_text(const Table &table) {
  require_cells(table);
  std::vector<std::vector<std::string>> lines = {{""}};
  lines[0].insert(lines[0].end(), table.columns.begin(), table.columns.end());
  for (const Table::Row &row : table.rows) {
    lines.push_back({row.name});
    for (const double cell : row.cells) lines.back().push_back(cell_text(cell));
  }
  std::vector<size_t> widths(lines[0].size());
  for (const auto &line : lines)
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string text = table.title + '\n';
  for (const auto &line : lines) {
    std::string row = "  " + line[0] + std::string(widths[0] - line[0].size(), ' ');
    for (size_t i = 1; i < line.size(); ++i) row += "  " + std::string(widths[i] - line[i].size(), ' ') + line[i];
    text += row + '\n';
  }
  for (const std::string &note : table.notes) text += "  (" + note + ")\n";
  return text;
}

std::string report_json(const std::vector<Fact> &facts, const std::vector<Table> &tables) {
  std::string text = "{\n";
  for (const Fact &fact : facts) {
    const std::string *words = std::get_if<std::string>(&fact.value);
    text += "  " + json_text(fact.name) + ": " +
            (words ? json_text(*words) : std::to_string(std::get<int64_t>(fact.value))) + ",\n";
  }
  text += "  \"tables\": [";
  for (size_t t = 0; t < tables.size(); ++t) {
    const Table &table = tables[t];
    require_cells(table);
    text += std::string(t ? ",\n" : "\n") + "    {\"title\": " + json_text(table.title) + ",\n     \"rows\": [";
    for (size_t r = 0; r < table.rows.size(); ++r) {
      JsonObject row;
      row.text("name", table.rows[r].name);
      for (size_t c = 0; c < table.columns.size(); ++c) row.number(table.columns[c], table.rows[r].cells[c]);
      text += std::string(r ? ",\n" : "\n") + "       " + row.str();
    }
    std::vector<std::string> notes;
    for (const std::string &note : table.notes) notes.push_back(json_text(note));
    text += "],\n     \"notes\": " + json_list(notes) + "}";
  }
  return text + "]\n}\n";
}

void print_report(const Report &report, const Options &options) {
  std::string text = options.json ? report_json(report.facts, report.tables) : "";
  for (size_t t = 0; !options.json && t < report.tables.size(); ++t) text += table_text(report.tables[t]) + '\n';
  const bool beside = !options.json && options.log == "json";  // standard output is the log's alone
  if (std::fputs(text.c_str(), beside ? stderr : stdout) == EOF || std::fflush(beside ? stderr : stdout) != 0)
    throw std::runtime_error(beside ? "standard error cannot be written" : "standard output cannot be written");
}

}  // namespace coopnets
