#include "app/run_folder.h"

#include "files.h"
#include "tensor/file.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public FolderTest {
 protected:
  RunFolder start(RunStart how, const std::string &name = "brick") const {
    return RunFolder(folder + "/out/texture/" + name, how);
  }
  std::string refusal(RunStart how) const {
    return error_of([&] { start(how); });
  }
  const std::string path = folder + "/out/texture/brick";
};

TEST_F(RunFolderTest, a_fresh_run_gets_its_folder_and_is_not_replaced) {
  {
    const RunFolder run = start(RunStart::fresh);
    EXPECT_EQ(run.path(), path);
    EXPECT_TRUE(fs::is_directory(path));
    EXPECT_EQ(run.config(), path + "/config.txt");
    EXPECT_EQ(run.samples(100, "generator"), path + "/samples/iteration_000100_generator");
    EXPECT_EQ(run.samples(12345678, "descriptor"), path + "/samples/iteration_12345678_descriptor");
    EXPECT_TRUE(fs::is_directory(path + "/samples"));
  }
  start(RunStart::fresh);  // nothing was written: still fresh
  for (const char *file : {"config.txt", "log.csv", "checkpoint.safetensors", "checkpoint.previous.safetensors"}) {
    write_atomically(path + '/' + file, "x");
    EXPECT_CONTAINS(refusal(RunStart::fresh),
                    path + " already holds a run; --resume continues it, --overwrite replaces");
    EXPECT_EQ(read_file(path + '/' + file), "x");
    fs::remove(path + '/' + file);
  }
  write_atomically(path + "/config.txt", "x");
  EXPECT_NO_THROW(start(RunStart::fresh, "grass"));
}

TEST_F(RunFolderTest, resume_needs_a_checkpoint) {
  EXPECT_CONTAINS(refusal(RunStart::resume), "there is no checkpoint to resume from in " + path);
  EXPECT_FALSE(fs::exists(path));
  create_folders(path);
  write_atomically(path + "/log.csv", "x");
  EXPECT_CONTAINS(refusal(RunStart::resume), "there is no checkpoint");
  write_atomically(path + "/checkpoint.previous.safetensors", "old");
  EXPECT_EQ(start(RunStart::resume).checkpoint_to_resume(), path + "/checkpoint.previous.safetensors");
  write_atomically(path + "/checkpoint.safetensors", "new");
  EXPECT_EQ(start(RunStart::resume).checkpoint_to_resume(), path + "/checkpoint.safetensors");
}

TEST_F(RunFolderTest, one_program_at_a_time) {
  write_atomically(folder + "/x", "");
  const RunFolder run = start(RunStart::fresh);
  EXPECT_CONTAINS(refusal(RunStart::fresh), "another program is running in " + path);
  EXPECT_CONTAINS(refusal(RunStart::overwrite), "another program is running in " + path);
  EXPECT_NO_THROW(start(RunStart::fresh, "grass"));
}

TEST_F(RunFolderTest, overwriting_waits_for_the_first_file_and_removes_only_what_a_run_writes) {
  create_folders(path + "/samples");
  const std::string ours[] = {"config.txt",
                              "log.csv",
                              "checkpoint.safetensors",
                              "checkpoint.previous.safetensors",
                              "observed.png",
                              "comparison.png",
                              "comparison.mp4",
                              "strip.png",
                              "evolution.png",
                              "evaluation.json",
                              "skipped.txt",
                              "samples/iteration_000001_generator.png"};
  const std::string others[] = {"notes.txt", "samples/favourite.png"};
  for (const std::string &file : ours) write_atomically(path + '/' + file, "x");
  for (const std::string &file : others) write_atomically(path + '/' + file, "x");
  const RunFolder run = start(RunStart::overwrite);
  for (const std::string &file : ours) EXPECT_TRUE(fs::exists(path + '/' + file)) << file;
  run.clear_but(run.checkpoint());
  for (const std::string &file : ours)
    EXPECT_EQ(fs::exists(path + '/' + file), file == "checkpoint.safetensors") << file;
  for (const std::string &file : others) EXPECT_TRUE(fs::exists(path + '/' + file)) << file;
}

TEST_F(RunFolderTest, says_what_cannot_be_created) {
  write_atomically(folder + "/out", "a file");
  EXPECT_EQ(refusal(RunStart::fresh), "could not create the folder " + folder + "/out: it is a file");
  EXPECT_CONTAINS(error_of([] { RunFolder("/proc/coopnets/texture/a", RunStart::fresh); }),
                  "could not create the folder /proc/coopnets");
}

TEST(RunFolder, pictures_are_written_at_log_spaced_iterations_and_the_last) {
  std::vector<int64_t> written;
  for (int64_t iteration = 0; iteration <= 1234; ++iteration)
    if (writes_pictures(iteration, 1234)) written.push_back(iteration);
  EXPECT_EQ(written, (std::vector<int64_t>{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1234}));
  EXPECT_TRUE(writes_pictures(5'000'000'000, 6'000'000'000));
}

}  // namespace
}  // namespace coopnets
