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

// https://no-color.org
bool has_colours(int descriptor) {
  const char *refused = std::getenv("NO_COLOR");
  return is_terminal(descriptor) && !(refused && *refused);
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
  return {to_errors ? &std::cerr : &std::cout,
          &std::cerr,
          is_terminal(descriptor),
          [descriptor] { return terminal_columns(descriptor); },
          steady_seconds,
          has_colours(descriptor),
          has_colours(STDERR_FILENO)};
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
  const bool always = screen_.terminal ? row.iteration == last_ : writes_pictures(row.iteration, last_);
  if (!always && now - shown_at_ < pause()) return;
  shown_at_ = now;
  if (!screen_.terminal) {
    *screen_.lines << (log_ == LogKind::json ? json(row) : line(row)) << std::endl;
    return;
  }
  renew(terminal_line(row, screen_.columns() - 1));
  if (row.iteration == last_) finish();
}

void Progress::renew(const std::string &line) {
  *screen_.lines << '\r' << line << "\033[K" << std::flush;
  line_open_ = true;
}

double Progress::seconds_left(const LogRow &row) const {
  return mean_seconds_ * double(std::max<int64_t>(last_ - row.iteration, 0));
}

// {"iteration": 3, "of": 10, "energy_observed": 3, ..., "verdict": "approaching", "seconds": 0.5, "seconds_left": 3.5}
std::string Progress::json(const LogRow &row) const {
  JsonObject object;
  object.whole("iteration", row.iteration).whole("of", last_);
  for (size_t i = 0; i < columns_.size() && i < row.values.size(); ++i) object.number(columns_[i].name, row.values[i]);
  if (!verdict_.empty()) object.text("verdict", verdict_);
  return object.number("seconds", row.seconds).number("seconds_left", seconds_left(row)).str();
}

// "  energy observed 3 initial 4 revised 5  gradient 6". What an algorithm does not have (NaN) is left out.
std::string Progress::values_text(const LogRow &row) const {
  std::string text, last_word;
  for (size_t i = 0; i < columns_.size() && i < row.values.size(); ++i) {
    const Column &column = columns_[i];
    if (std::isnan(row.values[i])) continue;
    const size_t split = column.name.find('_');
    const std::string word = column.name.substr(0, split);
    const std::string rest = split == std::string::npos ? "" : ' ' + column.name.substr(split + 1);
    text += (word == last_word ? "" : "  " + word) + rest +
            format(column.symbol.empty() ? " %.3g" : " %.4g", row.values[i]);
    last_word = word;
  }
  return text;
}

// " observed 3", " initial 4", ... of the columns with a symbol: their own words, and exponents as "1.5e7".
std::vector<std::string> Progress::short_values(const LogRow &row) const {
  std::vector<std::string> texts;
  for (size_t i = 0; i < columns_.size() && i < row.values.size(); ++i) {
    if (std::isnan(row.values[i]) || columns_[i].symbol.empty()) continue;
    std::string name = columns_[i].name, number = format("%.3g", row.values[i]);
    name = name.substr(name.find('_') + 1);  // all of it where there is no such letter
    std::replace(name.begin(), name.end(), '_', ' ');
    const size_t exponent = number.find('e');
    if (exponent != std::string::npos)
      number = number.substr(0, exponent + 1) + std::to_string(std::atoi(number.c_str() + exponent + 1));
    texts.push_back(' ' + name + ' ' + number);
  }
  return texts;
}

// A line of its own, on a pipe.
std::string Progress::line(const LogRow &row) const {
  return format("%lld/%lld %5.1f %%", static_cast<long long>(row.iteration), static_cast<long long>(last_),
                100. * double(row.iteration) / double(std::max<int64_t>(last_, 1))) +
         values_text(row) + judged() + format("  %.3g s/iteration", mean_seconds_) + "  " +
         duration(seconds_left(row)) + " left";
}

// " [=====>    ]": what `columns` have room for, 24 at most, coloured on a terminal that has colours; "" where fewer
// than 10 are left.
std::string Progress::bar(double share, int columns) const {
  const int width = std::min(columns, 24) - 3;
  if (width < 7) return "";
  const int full = int(std::clamp(share, 0., 1.) * width);
  std::string done(size_t(full), '=');
  if (full < width) done += '>';
  const std::string rest(size_t(width) - done.size(), ' ');
  return screen_.coloured ? " [\033[32m" + done + "\033[0m" + rest + ']' : " [" + done + rest + ']';
}

// The longest wording that fits beside the bar: all numbers; those with a symbol, one after the other from the last
// left out; the verdict and the time left; the time left; at last without a bar.
std::string Progress::terminal_line(const LogRow &row, int columns) const {
  const std::string where = format("%lld/%lld", static_cast<long long>(row.iteration), static_cast<long long>(last_));
  const std::string pace = format("  %.3g s/iteration", mean_seconds_);
  std::vector<std::string> wordings = {values_text(row) + judged() + pace + "  " + duration(seconds_left(row)) +
                                       " left"};
  const std::vector<std::string> values = short_values(row);
  for (size_t kept = values.size() + 1; kept-- > 0;) {
    std::string text = kept > 0 ? " " : "";
    for (size_t i = 0; i < kept; ++i) text += values[i];
    wordings.push_back(text + judged() + "  " + roughly(seconds_left(row)) + " left");
  }
  if (!verdict_.empty()) wordings.push_back("  " + roughly(seconds_left(row)) + " left");
  const double share = double(row.iteration) / double(std::max<int64_t>(last_, 1));
  for (const std::string &wording : wordings) {
    const std::string shown = bar(share, columns - int(where.size() + wording.size()));
    if (!shown.empty()) return where + shown + wording;
  }
  const std::string plain = where + wordings.back();
  return int64_t(plain.size()) <= columns ? plain : where.substr(0, size_t(std::max(columns, 0)));
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
  *screen_.warnings << (screen_.coloured_warnings ? "\033[33mwarning:\033[0m " : "warning: ") << text << std::endl;
}

void Progress::reached(const std::string &task, int64_t done, int64_t total, double share, double left) {
  if (quiet_) return;
  if (log_ == LogKind::json) {
    JsonObject object;
    object.text("task", task).whole("done", done).whole("of", total).number("seconds_left", left);
    *screen_.lines << object.str() << std::endl;
    return;
  }
  const std::string what = task + ": " + std::to_string(done) + " of " + std::to_string(total);
  if (!screen_.terminal) return note(what + ", " + duration(left) + " left");
  const std::string rest = "  " + duration(left) + " left";
  const int columns = screen_.columns() - 1;
  const std::string line = what + bar(share, columns - int(what.size() + rest.size())) + rest;
  renew(int64_t(what.size() + rest.size()) > columns ? line.substr(0, size_t(std::max(columns, 0))) : line);
}

void Progress::finish() {
  if (line_open_) *screen_.lines << std::endl;
  line_open_ = false;
}

void Task::reached(double done) {
  const double now = progress_.seconds();
  if (!(done > 0) || shown_end_) return;
  if (done >= double(total_)) {
    shown_end_ = true;
    if (shown_ && progress_.renews())
      progress_.note(what_ + ": " + std::to_string(total_) + " in " + duration(now - begin_));
    return;
  }
  if (now < next_) return;
  next_ = now + progress_.pause();
  shown_ = true;
  progress_.reached(what_, int64_t(done), total_, done / double(total_),
                    (now - begin_) / done * (double(total_) - done));
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

std::string roughly(double seconds) {
  const struct {
    double seconds;
    const char *name;
  } units[] = {{86400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}};
  if (!(seconds < 1e9)) return "ages";
  for (const auto &unit : units)
    if (seconds >= 2 * unit.seconds || unit.seconds == 1)
      return std::to_string(std::max<int64_t>(std::llround(seconds / unit.seconds), 0)) + unit.name;
  return "";
}

}  // namespace coopnets
