// What a run shows while it learns: one line that renews itself on a terminal, plain lines on a pipe.
#pragma once
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <utility>

#include "app/log.h"

namespace coopnets {

struct Options;

// Where progress goes and what it needs to know of it; standard_screen() is the program's own.
struct Screen {
  std::ostream *lines, *warnings;
  bool terminal;
  std::function<int()> columns;     // of the terminal, now
  std::function<double()> seconds;  // a clock that never goes back
  bool coloured = false, coloured_warnings = false;
};
// Its lines go to standard output, or to standard error. Colours are for terminals, unless NO_COLOR is set.
Screen standard_screen(bool to_errors = false);

// How readings and tasks are shown: as text, or as a JSON object a line, with notes among the warnings.
enum class LogKind { text, json };

// Columns are counted as bytes: what is printed is ASCII.
class Progress {
 public:
  // As --quiet, --log and --json say; with --json standard output is left to what is asked for.
  explicit Progress(const Options &);
  // Quiet: warnings alone.
  Progress(bool quiet, Screen screen, LogKind log = LogKind::text);
  // What update() shows: a run of `last` iterations, measured in these columns.
  void begin(int64_t last, std::vector<Column> columns);
  ~Progress();  // finishes

  // What the readings say of learning so far, in a word that further lines have; "": nothing yet.
  void judge(const std::string &word) { verdict_ = word; }

  // After each iteration. A terminal's line is renewed at most ten times a second, and stays after the last one; a pipe
  // gets the iterations 1, 2, 5, 10, 20, 50, ..., the last one, and otherwise one line every ten seconds.
  void update(const LogRow &);

  // A line of its own: what was written, or what looks unhealthy.
  void note(const std::string &);
  void warn(const std::string &);

  // How far a task has come; `share` of it, from 0 to 1, is done.
  void reached(const std::string &task, int64_t done, int64_t total, double share, double seconds_left);
  bool renews() const { return screen_.terminal; }
  double pause() const { return screen_.terminal ? 0.1 : 10; }  // seconds between two lines

  // Ends the terminal's line.
  void finish();

  double seconds() const { return screen_.seconds(); }

 private:
  std::string line(const LogRow &) const;
  std::string terminal_line(const LogRow &, int columns) const;
  std::string json(const LogRow &) const;
  double seconds_left(const LogRow &) const;
  void renew(const std::string &line);
  void clear_line();
  std::string bar(double share, int columns) const;
  std::string judged() const { return verdict_.empty() ? "" : "  " + verdict_; }
  std::string values_text(const LogRow &) const;
  std::vector<std::string> short_values(const LogRow &) const;
  int64_t last_ = 0;
  std::vector<Column> columns_;
  std::string verdict_;
  bool quiet_;
  Screen screen_;
  LogKind log_;
  bool line_open_ = false;
  double shown_at_ = -1e300, mean_seconds_ = 0;
  int64_t updates_ = 0;
};

// How far something of `total` steps has come, for a user who would wait without a word: nothing of what is done within
// two seconds, then a line every ten, on a terminal one that renews itself.
// "features of the samples: 1200 of 10000, 42 s left"
class Task {
 public:
  Task(Progress &progress, std::string what, int64_t total)
      : progress_(progress), what_(std::move(what)), total_(total), begin_(progress.seconds()), next_(begin_ + 2) {}
  void reached(double done);  // steps in all; a step that takes long counts by its share

 private:
  Progress &progress_;
  std::string what_;
  int64_t total_;
  double begin_, next_;  // seconds: when it began, when to speak
  bool shown_ = false, shown_end_ = false;
};

// "42 s", "5 min 12 s", "3 h 05 min", "2 d 3 h".
std::string duration(double seconds);

// "40 s", "4 min", "3 h", "2 d": a forecast has no more digits.
std::string roughly(double seconds);

}  // namespace coopnets
