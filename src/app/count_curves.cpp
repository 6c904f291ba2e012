#include "app/count_curves.h"

#include <cmath>
#include <map>
#include <set>

#include "app/html.h"
#include "app/run_report.h"

namespace coopnets {

namespace {

// Sums of what the runs of each number of pictures have.
struct Mean {
  double sum = 0;
  int64_t count = 0;
};
using Line = std::map<int64_t, Mean>;  // by the number of pictures

struct Chart {
  std::string title;
  std::vector<std::pair<std::string, Line>> lines;  // in the order in which they were met
  Line &line(const std::string &name) {
    for (auto &[known, line] : lines)
      if (known == name) return line;
    return lines.emplace_back(name, Line()).second;
  }
};

Chart &chart_of(std::vector<Chart> &charts, const std::string &title) {
  for (Chart &chart : charts)
    if (chart.title == title) return chart;
  charts.push_back({title, {}});
  return charts.back();
}

std::vector<Chart> charts_of(const std::vector<CountedTables> &runs) {
  std::vector<Chart> charts;
  for (const CountedTables &run : runs)
    for (const Table &table : run.tables)
      for (size_t c = 0; c < table.columns.size(); ++c)
        for (const Table::Row &row : table.rows) {
          if (c >= row.cells.size() || !std::isfinite(row.cells[c])) continue;
          const std::string title = table.title.substr(0, table.title.find(':'));
          Mean &mean = chart_of(charts, title + ": " + table.columns[c]).line(row.name)[run.count];
          mean.sum += row.cells[c];
          ++mean.count;
        }
  return charts;
}

}  // namespace

std::string count_curves(const std::vector<CountedTables> &runs) {
  std::set<int64_t> counts;
  for (const CountedTables &run : runs) counts.insert(run.count);
  if (counts.size() < 2) return "";
  constexpr int height = 260, below_title = 24;
  std::string body;
  int at = 0;
  for (const Chart &one : charts_of(runs)) {
    Curves curves;
    curves.iterations.assign(counts.begin(), counts.end());
    for (const auto &[name, line] : one.lines) {
      curves.columns.push_back(name);
      std::vector<double> &values = curves.values.emplace_back();
      for (const int64_t count : counts) {
        const auto found = line.find(count);
        values.push_back(found == line.end() ? NAN : found->second.sum / double(found->second.count));
      }
    }
    const std::string drawn = chart(curves, 0, curves.columns.size());
    if (drawn.empty()) continue;
    // What is inside of its <svg ...> and </svg>: one drawing has one such pair.
    const size_t inside = drawn.find('>') + 1;
    body += "<text x=\"4\" y=\"" + std::to_string(at + 16) + "\" font-size=\"13\" font-weight=\"bold\">" +
            escaped(one.title) + ", by pictures learned</text>\n<g transform=\"translate(0 " +
            std::to_string(at + below_title) + ")\">" + drawn.substr(inside, drawn.rfind("</svg>") - inside) + "</g>\n";
    at += height;
  }
  if (body.empty()) return "";
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 " + std::to_string(at) +
         "\" font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n" + body + "</svg>\n";
}

}  // namespace coopnets
