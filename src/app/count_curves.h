// What --table with --counts draws: each measure over the number of training pictures, as Figure 3 of the paper.
#pragma once
#include <string>
#include <vector>

#include "app/report.h"

namespace coopnets {

// The tables of a run that learned so many pictures. Rows of one name are points of one line.
struct CountedTables {
  int64_t count;
  std::vector<Table> tables;
};

// An SVG file with a chart for each column of each table, below one another, and a line for each row. Its value at a
// number of pictures is the mean over the runs of that number. "" where there are fewer than two numbers.
std::string count_curves(const std::vector<CountedTables> &runs);

}  // namespace coopnets
