// log.csv: one row per learning iteration.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "learning/learner.h"

namespace coopnets {

struct LogRow {
  int64_t iteration = 0;       // from 1
  std::vector<double> values;  // of the learner's columns
  double seconds = 0;          // that the iteration took
};

class Log {
 public:
  // Opens the log to append to it. The rows of iterations after `kept` are dropped first, and a last row that a killed
  // program left unfinished, atomically; columns that an older program did not measure are nan. With kept = 0 the log
  // begins anew. Throws std::runtime_error when the file cannot be read or written, or is not such a log.
  Log(const std::string &path, int64_t kept, const std::vector<Column> &);
  ~Log();
  Log(const Log &) = delete;
  Log &operator=(const Log &) = delete;

  // Appends and flushes; numbers read back exactly. Throws std::runtime_error when the disk is full.
  void add(const LogRow &);

 private:
  std::string path_, header_;
  std::FILE *file_ = nullptr;
};

}  // namespace coopnets
