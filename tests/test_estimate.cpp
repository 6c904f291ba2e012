// What is said of a run before and while it begins.
#include "app/estimate.h"

#include <chrono>
#include <thread>

#include "program.h"

namespace coopnets {
namespace {

TEST_F(ProgramTest, a_dry_run_tells_what_a_run_does_and_writes_nothing) {
  const size_t before = files();
  const Outcome o = run_program(train(1000) + Arguments{"--dry-run"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_CONTAINS(o.out, ": 1 example of 1x1x32x32x3, ");
  EXPECT_CONTAINS(o.out, "\nreads " + picture + "\n");
  EXPECT_CONTAINS(o.out, "\nlearns 1000 iterations, each of 1 example\n");
  EXPECT_CONTAINS(o.out, "\nwrites " + folder + "/texture/run: checkpoint.safetensors of ");
  EXPECT_CONTAINS(o.out, "\nabout ");
  EXPECT_CONTAINS(o.out, " MiB, by the pace of its first iterations; nothing was written\n");
  EXPECT_EQ(files(), before);

  expect_success(train(1));
  const auto run = contents();
  EXPECT_CONTAINS(run_program(train(1) + Arguments{"--dry-run"}).out, "a run is there already: it needs --overwrite");
  EXPECT_CONTAINS(run_program(train(1) + Arguments{"--dry-run", "--overwrite"}).out,
                  "the run that is there is replaced");
  EXPECT_TRUE(contents() == run);
  EXPECT_CONTAINS(failure_of(train(2) + Arguments{"--dry-run", "--resume"}, 2), "exclude each other");
  EXPECT_CONTAINS(failure_of(use({"--sample", "1", "--dry-run"}), 2), "exclude each other");
}

TEST_F(ProgramTest, a_run_begins_by_saying_what_it_takes) {
  Program run(train(10000000));
  const auto rows = [&] {
    const std::string log = std::filesystem::exists(path("log.csv")) ? read_file(path("log.csv")) : "";
    return std::count(log.begin(), log.end(), '\n') - 1;
  };
  while (run.runs() && rows() < 6) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  run.send(SIGINT);
  const Outcome o = run.finish();
  EXPECT_EQ(o.status, 130) << o.err;
  const size_t at = o.out.find("\nabout ");
  ASSERT_NE(at, std::string::npos) << o.out;
  EXPECT_CONTAINS(o.out.substr(at, o.out.find('\n', at + 1) - at), " MiB");
  EXPECT_EQ(o.out.find("\nabout ", at + 1), std::string::npos);  // once
}

}  // namespace
}  // namespace coopnets
