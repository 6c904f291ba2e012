#include "app/log.h"

#include <cmath>
#include <limits>

#include "experiments/text.h"
#include "files.h"
#include "tensor/file.h"

namespace coopnets {
namespace {

constexpr char header[] = "iteration,energy_observed,energy_initial,energy_revised,gradient,reconstruction,seconds\n";

const std::vector<Column> columns = {{"energy_observed", "f"},
                                     {"energy_initial", "f"},
                                     {"energy_revised", "f"},
                                     {"gradient", ""},
                                     {"reconstruction", ""}};

class LogTest : public FolderTest {
 protected:
  const std::string path = folder + "/log.csv";
};

TEST_F(LogTest, one_row_an_iteration_flushed_and_exact) {
  Log log(path, 0, columns);
  EXPECT_EQ(read_file(path), header);
  log.add({1, {1.5, -2, 1. / 3, 1e-30, std::nan("")}, 0.25});
  EXPECT_EQ(read_file(path), std::string(header) + "1,1.5,-2,0.3333333333333333,1e-30,nan,0.25\n");
  EXPECT_EQ(parse_number("0.3333333333333333"), 1. / 3);
}

TEST_F(LogTest, resuming_drops_the_rows_after_the_checkpoint_and_nothing_else) {
  {
    Log log(path, 0, columns);
    for (int64_t i = 1; i <= 12; ++i) log.add({i, {double(i), 0, 0, 0, 0}, 0});
  }
  const std::string whole = read_file(path);
  { Log log(path, 12, columns); }
  EXPECT_EQ(read_file(path), whole);
  {
    Log log(path, 10, columns);
    const std::string kept = read_file(path);
    EXPECT_EQ(kept, whole.substr(0, whole.find("11,11")));
    log.add({11, {11, 0, 0, 0, 0}, 0});
    log.add({12, {12, 0, 0, 0, 0}, 0});
  }
  EXPECT_EQ(read_file(path), whole);

  // A row without its end, as a killed program leaves it, even of an iteration that is kept.
  write_atomically(path, whole.substr(0, whole.size() - 5));
  { Log log(path, 12, columns); }
  EXPECT_EQ(read_file(path), whole.substr(0, whole.find("12,12")));

  // A fresh run begins a new log; a run without a log gets one.
  { Log log(path, 0, columns); }
  EXPECT_EQ(read_file(path), header);
  std::filesystem::remove(path);
  { Log log(path, 5, columns); }
  EXPECT_EQ(read_file(path), header);
}

TEST_F(LogTest, of_an_older_program_goes_on_with_more_columns) {
  write_atomically(path, "iteration,energy_observed,gradient,seconds\n1,5,0.5,9\n2,6,0.25,8\n3,7,0.125,7\n");
  { Log log(path, 2, columns); }
  EXPECT_EQ(read_file(path), std::string(header) + "1,5,nan,nan,0.5,nan,9\n2,6,nan,nan,0.25,nan,8\n");
}

TEST_F(LogTest, a_file_that_is_no_log_is_left_alone) {
  for (const std::string text : {"", "iteration,loss\n1,2\n", "\0\0\0", "iteration,gradient,gradient,seconds\n",
                                 "seconds,gradient,iteration\n", "iteration,gradient\n"}) {
    write_atomically(path, text);
    EXPECT_EQ(error_of([&] { Log(path, 5, columns); }), path + " is not a log of such a run; move it away to go on");
    EXPECT_EQ(read_file(path), text);
  }
}

TEST_F(LogTest, a_full_disk_is_one_sentence) {
  Log log(path, 0, columns);
  const FileSizeLimit full(sizeof header + 10);
  EXPECT_CONTAINS(error_of([&] { log.add({1, {1. / 3, 1. / 3, 1. / 3, 0, 0}, 0}); }), "could not write " + path + ": ");
}

}  // namespace
}  // namespace coopnets
