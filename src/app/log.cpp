#include "app/log.h"

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

// Copies the header and the whole rows up to iteration `kept`.
void copy_rows(const std::string &path, const std::string &header, int64_t kept, AtomicFile &to) {
  std::ifstream from(path, std::ios::binary);
  std::string line;
  if (!std::getline(from, line) || line != header)
    throw std::runtime_error(path + " is not a log of such a run; move it away to go on");
  while (std::getline(from, line) && !from.eof()) {  // eof: no newline, so the row was not finished
    const std::optional<int64_t> iteration = parse_integer(line.substr(0, line.find(',')));
    if (!iteration || *iteration <= kept) to.write(line + '\n');
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
