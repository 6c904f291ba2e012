#include "app/log.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "experiments/text.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

std::string header_of(const std::vector<Column> &columns) {
  std::string header = "iteration";
  for (const Column &column : columns) header += ',' + column.name;
  return header + ",seconds";
}

std::vector<std::string> cells_of(const std::string &row) {
  std::vector<std::string> cells;
  for (size_t begin = 0; begin <= row.size();) {
    const size_t end = std::min(row.find(',', begin), row.size());
    cells.push_back(row.substr(begin, end - begin));
    begin = end + 1;
  }
  return cells;
}

// Copies the whole rows up to iteration `kept`. Columns that the log of an older program lacks are nan.
void copy_rows(const std::string &path, const std::string &header, int64_t kept, AtomicFile &to) {
  std::ifstream from(path, std::ios::binary);
  std::string line;
  std::getline(from, line);
  const std::vector<std::string> before = cells_of(line), now = cells_of(header);
  const bool known = std::all_of(before.begin(), before.end(), [&](const std::string &name) {
    return std::count(now.begin(), now.end(), name) == 1 && std::count(before.begin(), before.end(), name) == 1;
  });
  if (!known || before.front() != now.front() || before.back() != now.back())
    throw std::runtime_error(path + " is not a log of such a run; move it away to go on");
  while (std::getline(from, line) && !from.eof()) {  // eof: no newline, so the row was not finished
    std::vector<std::string> cells = cells_of(line);
    const std::optional<int64_t> iteration = parse_integer(cells.front());
    if (iteration && *iteration > kept) continue;
    cells.resize(before.size(), "nan");
    std::string row;
    for (const std::string &name : now) {
      const size_t at = size_t(std::find(before.begin(), before.end(), name) - before.begin());
      row += (row.empty() ? "" : ",") + (at < before.size() ? cells[at] : "nan");
    }
    to.write(row + '\n');
  }
  if (from.bad()) throw std::runtime_error("could not read " + path);
}

}  // namespace

Log::Log(const std::string &path, int64_t kept, const std::vector<Column> &columns)
    : path_(path), header_(header_of(columns)) {
  write_atomically(path, [&](AtomicFile &file) {
    file.write(header_ + '\n');
    if (kept > 0 && std::filesystem::exists(path)) copy_rows(path, header_, kept, file);
  });
  file_ = std::fopen(path.c_str(), "abe");
  if (!file_) throw std::runtime_error("could not write " + path + ": " + cause_of(errno));
}

Log::~Log() { std::fclose(file_); }

void Log::add(const LogRow &row) {
  std::string line = std::to_string(row.iteration);
  for (const double value : row.values) line += ',' + print_number(value);
  line += ',' + print_number(row.seconds);
  line += '\n';
  if (std::fwrite(line.data(), 1, line.size(), file_) != line.size() || std::fflush(file_) != 0)
    throw std::runtime_error("could not write " + path_ + ": " + cause_of(errno));
}

}  // namespace coopnets
