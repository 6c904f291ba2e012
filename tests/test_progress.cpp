#include "app/progress.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>

#include "files.h"

namespace coopnets {
namespace {

struct Fake {
  std::ostringstream lines, warnings;
  double now = 0;
  int columns = 200;
  Screen screen(bool terminal) {
    return {&lines, &warnings, terminal, [this] { return columns; }, [this] { return now; }};
  }
  std::string take() {
    const std::string text = lines.str();
    lines.str("");
    return text;
  }
};

LogRow row(int64_t iteration, double seconds = 0.5) {
  return {iteration, {1.25e7, -1e6, 1.5e7, 0.0123, 45.6}, seconds};
}

const std::vector<Column> columns = {{"energy_observed", "f"},
                                     {"energy_initial", "f"},
                                     {"energy_revised", "f"},
                                     {"gradient", ""},
                                     {"reconstruction", ""}};

TEST(Progress, a_pipe_gets_plain_lines_log_spaced_and_every_ten_seconds) {
  Fake fake;
  Progress progress(false, fake.screen(false));
  progress.begin(100, columns);
  std::string shown;
  for (int64_t i = 1; i <= 100; ++i) {
    fake.now += i > 30 && i <= 50 ? 4 : 0.5;
    progress.update(row(i));
    if (!fake.take().empty()) shown += std::to_string(i) + ' ';
  }
  EXPECT_EQ(shown, "1 2 5 10 20 32 35 38 41 44 47 50 70 90 100 ");
  progress.update(row(100));
  const std::string text = fake.take();
  EXPECT_EQ(text,
            "100/100 100.0 %  energy observed 1.25e+07 initial -1e+06 revised 1.5e+07  gradient 0.0123  reconstruction "
            "45.6  0.5 s/iteration  0 s left\n");
}

TEST(Progress, a_terminal_gets_one_line_that_renews_itself_and_fits) {
  Fake fake;
  Progress progress(false, fake.screen(true));
  progress.begin(1000, columns);
  for (int columns = 0; columns < 160; ++columns) {
    fake.columns = columns;
    fake.now += 1;
    progress.update(row(3));
    const std::string text = fake.take();
    ASSERT_EQ(text.front(), '\r');
    ASSERT_EQ(text.substr(text.size() - 3), "\033[K");
    ASSERT_LE(int(text.size()) - 4, std::max(columns - 1, 0));
    ASSERT_EQ(text.find('\n'), std::string::npos);
    if (columns != 80) continue;
    EXPECT_EQ(text, "\r3/1000 [>             ]  observed 1.25e7 initial -1e6 revised 1.5e7  8 min left\033[K");
  }
  progress.update(row(4));  // less than a tenth of a second later
  EXPECT_EQ(fake.take(), "");
  progress.update(row(1000));  // the last one is always shown, and stays
  const std::string last = fake.take();
  EXPECT_EQ(last.find("\r1000/1000 [====="), 0u) << last;
  EXPECT_EQ(last.back(), '\n');
  progress.finish();
  progress.note("done");
  EXPECT_EQ(fake.take(), "done\n");
}

TEST(Progress, a_narrow_terminal_has_fewer_numbers_each_with_its_name) {
  Fake fake;
  Progress progress(false, fake.screen(true));
  progress.begin(1000, columns);
  const auto at = [&](int width) {
    fake.columns = width;
    fake.now += 1;
    progress.update(row(500));
    return fake.take();
  };
  EXPECT_EQ(at(160).find(
                "\r500/1000 [=========>         ]  energy observed 1.25e+07 initial -1e+06 revised 1.5e+07  gradient"),
            0u);
  EXPECT_EQ(at(70), "\r500/1000 [========>       ]  observed 1.25e7 initial -1e6  4 min left\033[K");
  EXPECT_EQ(at(50), "\r500/1000 [====>    ]  observed 1.25e7  4 min left\033[K");
  EXPECT_EQ(at(34), "\r500/1000 [=====>    ]  4 min left\033[K");
  EXPECT_EQ(at(24), "\r500/1000  4 min left\033[K");
  EXPECT_EQ(at(9), "\r500/1000\033[K");
}

TEST(Progress, has_the_verdict_on_learning_once_there_is_one) {
  Fake fake;
  Progress pipe(false, fake.screen(false)), machine(false, fake.screen(false), LogKind::json),
      terminal(false, fake.screen(true));
  for (Progress *progress : {&pipe, &machine, &terminal}) progress->begin(1000, columns);
  const auto shown = [&](Progress &progress, int width = 200) {
    fake.columns = width;
    fake.now += 20;
    progress.update(row(500));
    return fake.take();
  };
  EXPECT_FALSE(contains(shown(machine), "verdict"));
  for (Progress *progress : {&pipe, &machine, &terminal}) progress->judge("swinging");
  EXPECT_CONTAINS(shown(pipe), "  reconstruction 45.6  swinging  0.5 s/iteration  4 min 10 s left\n");
  EXPECT_CONTAINS(shown(machine), "\"reconstruction\": 45.6, \"verdict\": \"swinging\", \"seconds\": 0.5, ");
  EXPECT_CONTAINS(shown(terminal), "  reconstruction 45.6  swinging  0.5 s/iteration  4 min 10 s left\033[K");
  EXPECT_EQ(shown(terminal, 80),
            "\r500/1000 [========>       ]  observed 1.25e7 initial -1e6  swinging  4 min left\033[K");
  EXPECT_EQ(shown(terminal, 34), "\r500/1000 [=====>    ]  4 min left\033[K");
  EXPECT_EQ(shown(terminal, 24), "\r500/1000  4 min left\033[K");
  terminal.judge("");
  EXPECT_FALSE(contains(shown(terminal), "swinging"));
}

TEST(Progress, colours_are_for_screens_that_have_them) {
  Fake fake;
  Screen screen = fake.screen(true);
  screen.coloured = screen.coloured_warnings = true;
  fake.columns = 34;
  Progress progress(false, screen);
  progress.begin(1000, columns);
  progress.update(row(500));
  EXPECT_EQ(fake.take(), "\r500/1000 [\033[32m=====>\033[0m    ]  4 min left\033[K");
  progress.warn("heed");
  EXPECT_EQ(fake.warnings.str(), "\033[33mwarning:\033[0m heed\n");
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(standard_screen().coloured || standard_screen(true).coloured_warnings);
  unsetenv("NO_COLOR");
}

TEST(Progress, what_an_algorithm_does_not_have_is_left_out) {
  Fake fake;
  Progress progress(false, fake.screen(false));
  progress.begin(10, columns);
  const double none = std::nan("");
  progress.update({1, {none, none, none, none, 0.5}, 1});
  EXPECT_EQ(fake.take(), "1/10  10.0 %  reconstruction 0.5  1 s/iteration  9 s left\n");
  progress.update({2, {3, 4, 5, 6, none}, 1});
  EXPECT_EQ(fake.take(), "2/10  20.0 %  energy observed 3 initial 4 revised 5  gradient 6  1 s/iteration  8 s left\n");
}

TEST(Progress, notes_and_warnings_do_not_tear_the_line) {
  Fake fake;
  Progress progress(false, fake.screen(true));
  progress.begin(10, columns);
  progress.note("first");
  EXPECT_EQ(fake.take(), "first\n");
  progress.update(row(1));
  fake.take();
  progress.warn("all units of a layer have died");
  EXPECT_EQ(fake.take(), "\r\033[K");
  EXPECT_EQ(fake.warnings.str(), "warning: all units of a layer have died\n");
}

TEST(Progress, quiet_leaves_warnings_alone) {
  for (const bool terminal : {false, true}) {
    Fake fake;
    {
      Progress progress(true, fake.screen(terminal));
      progress.begin(10, columns);
      for (int64_t i = 1; i <= 10; ++i) progress.update(row(i));
      progress.note("note");
      progress.warn("heed");
    }
    EXPECT_EQ(fake.take(), "");
    EXPECT_EQ(fake.warnings.str(), "warning: heed\n");
  }
}

TEST(Progress, readings_for_machines_are_an_object_a_line_and_notes_go_elsewhere) {
  Fake fake;
  Progress progress(false, fake.screen(true), LogKind::json);  // a terminal changes nothing
  progress.begin(10, columns);
  progress.update({2, {3, 4, 5, 6, std::nan("")}, 0.5});
  EXPECT_EQ(fake.take(),
            "{\"iteration\": 2, \"of\": 10, \"energy_observed\": 3, \"energy_initial\": 4, \"energy_revised\": 5, "
            "\"gradient\": 6, \"reconstruction\": null, \"seconds\": 0.5, \"seconds_left\": 4}\n");
  progress.note("said");
  EXPECT_EQ(fake.take(), "");
  EXPECT_EQ(fake.warnings.str(), "said\n");
  Task task(progress, "samples", 300);
  fake.now = 4;
  task.reached(100);
  EXPECT_EQ(fake.take(), "{\"task\": \"samples\", \"done\": 100, \"of\": 300, \"seconds_left\": 8}\n");
}

TEST(Progress, the_time_left_follows_the_recent_pace) {
  Fake fake;
  Progress progress(false, fake.screen(false));
  progress.begin(1000, columns);
  for (int64_t i = 1; i <= 100; ++i) progress.update(row(i, 10));
  for (int64_t i = 101; i <= 300; ++i) progress.update(row(i, 1));
  fake.take();
  progress.update(row(500, 1));
  EXPECT_NE(fake.take().find("1 s/iteration  8 min 20 s left"), std::string::npos);
  progress.update(row(1000, std::numeric_limits<double>::infinity()));
  EXPECT_NE(fake.take().find("left"), std::string::npos);
}

TEST(Progress, durations) {
  EXPECT_EQ(duration(0.4), "0 s");
  EXPECT_EQ(duration(59.4), "59 s");
  EXPECT_EQ(duration(59.6), "1 min 00 s");
  EXPECT_EQ(duration(312), "5 min 12 s");
  EXPECT_EQ(duration(3 * 3600 + 5 * 60), "3 h 05 min");
  EXPECT_EQ(duration(51 * 3600), "2 d 3 h");
  EXPECT_EQ(duration(-1), "0 s");
  EXPECT_EQ(duration(std::nan("")), "ages");
  EXPECT_EQ(duration(std::numeric_limits<double>::infinity()), "ages");
}

TEST(Progress, a_forecast_has_few_digits) {
  EXPECT_EQ(roughly(0.1), "0 s");
  EXPECT_EQ(roughly(40.4), "40 s");
  EXPECT_EQ(roughly(119), "119 s");
  EXPECT_EQ(roughly(255), "4 min");
  EXPECT_EQ(roughly(3 * 3600 + 60), "3 h");
  EXPECT_EQ(roughly(50 * 3600), "2 d");
  EXPECT_EQ(roughly(std::numeric_limits<double>::infinity()), "ages");
}

TEST(Task, short_ones_say_nothing_and_long_ones_speak_every_ten_seconds) {
  Fake fake;
  Progress progress(false, fake.screen(false));
  Task quick(progress, "quick", 1000);
  for (int64_t i = 1; i <= 1000; ++i) {
    fake.now += 0.0019;
    quick.reached(i);
  }
  EXPECT_EQ(fake.take(), "");
  fake.now = 100;
  Task slow(progress, "samples", 300);
  std::string shown;
  for (int64_t i = 1; i <= 300; ++i) {
    fake.now += 0.125;
    slow.reached(i);
    shown += fake.take();
  }
  EXPECT_EQ(shown,
            "samples: 16 of 300, 36 s left\nsamples: 96 of 300, 26 s left\n"
            "samples: 176 of 300, 16 s left\nsamples: 256 of 300, 6 s left\n");
  Progress terminal(false, fake.screen(true));
  fake.columns = 60;
  Task renewed(terminal, "samples", 4);
  renewed.reached(0.5);  // of the first
  EXPECT_EQ(fake.take(), "");
  fake.now += 3;
  renewed.reached(1.5);
  EXPECT_EQ(fake.take(), "\rsamples: 1 of 4 [=======>             ]  5 s left\033[K");
  fake.now += 4;
  renewed.reached(4);
  EXPECT_EQ(fake.take(), "\r\033[Ksamples: 4 in 7 s\n");
  renewed.reached(4);
  EXPECT_EQ(fake.take(), "");
  Progress quiet(true, fake.screen(false));
  Task unheard(quiet, "samples", 300);
  fake.now += 5;
  unheard.reached(1);
  EXPECT_EQ(fake.take(), "");
}

}  // namespace
}  // namespace coopnets
