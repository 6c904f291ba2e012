// log.csv: one row a learning iteration.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>

namespace coopnets {

// What is monitored, as means over the examples or chains of iteration `iteration`, counted from 1.
struct LogRow {
  int64_t iteration = 0;
  double energy_observed = 0, energy_initial = 0, energy_revised = 0;  // f of the observed, x0 and revised samples
  double gradient = 0;                                                 // |df/dx| an element, at the last Langevin step
  double reconstruction = 0;                                           // root mean square of x - g(z)
  double seconds = 0;                                                  // that the iteration took
};

class Log {
 public:
  // Opens the log to append to it. The rows of iterations after `kept` are dropped first, and a last row that a killed
  // program left unfinished, atomically; with kept = 0 the log begins anew. Throws std::runtime_error when the file
  // cannot be read or written, or is not such a log.
  Log(const std::string &path, int64_t kept);
  ~Log();
  Log(const Log &) = delete;
  Log &operator=(const Log &) = delete;

  // Appends and flushes; numbers read back exactly. Throws std::runtime_error when the disk is full.
  void add(const LogRow &);

 private:
  std::string path_;
  std::FILE *file_ = nullptr;
};

}  // namespace coopnets
