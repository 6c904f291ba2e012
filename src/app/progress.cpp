#include "app/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "app/run_folder.h"

namespace coopnets {

namespace {

template <class... Values>
std::string format(const char *pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

bool is_terminal() {
  const char *kind = std::getenv("TERM");
  return isatty(STDOUT_FILENO) && kind && std::string(kind) != "dumb";
}

int terminal_columns() {
  winsize size = {};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Screen standard_screen() { return {&std::cout, &std::cerr, is_terminal(), terminal_columns, steady_seconds}; }

Progress::Progress(bool quiet, Screen screen) : quiet_(quiet), screen_(std::move(screen)) {}

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
    *screen_.lines << line(row, 1 << 20) << std::endl;
  }
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
  const std::string left =
      "  " + duration(mean_seconds_ * double(std::max<int64_t>(last_ - row.iteration, 0))) + " left";
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
  *screen_.lines << text << std::endl;
}

void Progress::warn(const std::string &text) {
  clear_line();
  *screen_.warnings << "warning: " << text << std::endl;
}

void Progress::finish() {
  if (line_open_) *screen_.lines << std::endl;
  line_open_ = false;
}

void Task::reached(int64_t done) {
  const double now = progress_.seconds();
  if (now < next_ || done <= 0 || done >= total_) return;
  next_ = now + 10;
  progress_.note(what_ + ": " + std::to_string(done) + " of " + std::to_string(total_) + ", " +
                 duration((now - begin_) / double(done) * double(total_ - done)) + " left");
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
