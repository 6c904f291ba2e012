#include "app/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "app/json.h"
#include "app/options.h"
#include "app/run_folder.h"

namespace coopnets {

namespace {

template <class... Values>
std::string format(const char *pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

bool is_terminal(int descriptor) {
  const char *kind = std::getenv("TERM");
  return isatty(descriptor) && kind && std::string(kind) != "dumb";
}

int terminal_columns(int descriptor) {
  winsize size = {};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Screen standard_screen(bool to_errors) {
  const int descriptor = to_errors ? STDERR_FILENO : STDOUT_FILENO;
  return {to_errors ? &std::cerr : &std::cout, &std::cerr, is_terminal(descriptor),
          [descriptor] { return terminal_columns(descriptor); }, steady_seconds};
}

Progress::Progress(const Options &options)
    : Progress(options.quiet, standard_screen(options.json), options.log == "json" ? LogKind::json : LogKind::text) {}

Progress::Progress(bool quiet, Screen screen, LogKind log) : quiet_(quiet), screen_(std::move(screen)), log_(log) {
  screen_.terminal = screen_.terminal && log == LogKind::text;  // a line that renews itself is for people
}

void Progress::begin(int64_t last, std::vector<Column> columns) {
  last_ = last;
  columns_ = std::move(columns);
}

Progress::~Progress() { finish(); }

void Progress::update(const LogRow &row) {
  // Mean over about the last 20 iterations, so that the time left follows a machine that gets busy.
  mean_seconds_ += (row.seconds - mean_seconds_) / double(std::min<int64_t>(++updates_, 20));
  if (quiet_) return;
  const double now = screen_.seconds();
  const double pause = screen_.terminal ? 0.1 : 10;
  const bool always = screen_.terminal ? row.iteration == last_ : writes_pictures(row.iteration, last_);
  if (!always && now - shown_at_ < pause) return;
  shown_at_ = now;
  if (screen_.terminal) {
    *screen_.lines << '\r' << line(row, screen_.columns() - 1) << "\033[K" << std::flush;
    line_open_ = true;
  } else {
    *screen_.lines << (log_ == LogKind::json ? json(row) : line(row, 1 << 20)) << std::endl;
  }
}

double Progress::seconds_left(const LogRow &row) const {
  return mean_seconds_ * double(std::max<int64_t>(last_ - row.iteration, 0));
}

// {"iteration": 3, "of": 10, "energy_observed": 3, ..., "seconds": 0.5, "seconds_left": 3.5}
std::string Progress::json(const LogRow &row) const {
  JsonObject object;
  object.whole("iteration", row.iteration).whole("of", last_);
  for (size_t i = 0; i < columns_.size() && i < row.values.size(); ++i) object.number(columns_[i].name, row.values[i]);
  return object.number("seconds", row.seconds).number("seconds_left", seconds_left(row)).str();
}

// "  energy observed 3 initial 4 revised 5  gradient 6", or by symbols "  f 3 4 5"; of all columns or of those that have
// a symbol. What an algorithm does not have (NaN) is left out.
std::string Progress::values_text(const LogRow &row, bool symbols, bool all) const {
  std::string text, last_word;
  for (size_t i = 0; i < columns_.size() && i < row.values.size(); ++i) {
    const Column &column = columns_[i];
    if (std::isnan(row.values[i]) || (column.symbol.empty() && !all)) continue;
    const size_t split = column.name.find('_');
    const std::string word = symbols ? column.symbol : column.name.substr(0, split);
    const std::string rest = symbols || split == std::string::npos ? "" : ' ' + column.name.substr(split + 1);
    text += (word == last_word ? "" : "  " + word) + rest +
            format(!symbols && !column.symbol.empty() ? " %.4g" : " %.3g", row.values[i]);
    last_word = word;
  }
  return text;
}

// The longest wording that fits.
std::string Progress::line(const LogRow &row, int columns) const {
  const std::string where =
      format("%lld/%lld %5.1f %%", static_cast<long long>(row.iteration), static_cast<long long>(last_),
             100. * double(row.iteration) / double(std::max<int64_t>(last_, 1)));
  const std::string pace = format("  %.3g s/iteration", mean_seconds_), s = format("  %.3g s", mean_seconds_);
  const std::string left = "  " + duration(seconds_left(row)) + " left";
  const std::string everything = values_text(row, false, true), main = values_text(row, false, false),
                    symbols = values_text(row, true, false);
  const std::string wordings[] = {where + everything + pace + left, where + main + pace + left,
                                  where + symbols + pace + left, where + symbols + s + left, where + left};
  for (const std::string &wording : wordings)
    if (int64_t(wording.size()) <= columns) return wording;
  return where.substr(0, size_t(std::max(columns, 0)));
}

void Progress::clear_line() {
  if (line_open_) *screen_.lines << "\r\033[K" << std::flush;
  line_open_ = false;
}

void Progress::note(const std::string &text) {
  if (quiet_) return;
  clear_line();
  *(log_ == LogKind::json ? screen_.warnings : screen_.lines) << text << std::endl;
}

void Progress::warn(const std::string &text) {
  clear_line();
  *screen_.warnings << "warning: " << text << std::endl;
}

void Progress::reached(const std::string &task, int64_t done, int64_t total, double left) {
  if (log_ == LogKind::text)
    return note(task + ": " + std::to_string(done) + " of " + std::to_string(total) + ", " + duration(left) + " left");
  JsonObject object;
  object.text("task", task).whole("done", done).whole("of", total).number("seconds_left", left);
  if (!quiet_) *screen_.lines << object.str() << std::endl;
}

void Progress::finish() {
  if (line_open_) *screen_.lines << std::endl;
  line_open_ = false;
}

void Task::reached(int64_t done) {
  const double now = progress_.seconds();
  if (now < next_ || done <= 0 || done >= total_) return;
  next_ = now + 10;
  progress_.reached(what_, done, total_, (now - begin_) / double(done) * double(total_ - done));
}

std::string duration(double seconds) {
  if (!(seconds < 1e9)) return "ages";
  const int64_t s = std::max<int64_t>(std::llround(seconds), 0), minutes = s / 60, hours = minutes / 60,
                days = hours / 24;
  const auto pair = [](const char *pattern, int64_t a, int64_t b) {
    return format(pattern, static_cast<long long>(a), static_cast<long long>(b));
  };
  if (minutes == 0) return std::to_string(s) + " s";
  if (hours == 0) return pair("%lld min %02lld s", minutes, s % 60);
  if (days == 0) return pair("%lld h %02lld min", hours, minutes % 60);
  return pair("%lld d %lld h", days, hours % 24);
}

}  // namespace coopnets
