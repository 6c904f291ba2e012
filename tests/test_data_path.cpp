#include "app/data_path.h"

#include "data/process.h"
#include "program.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

class DataPath : public ProgramTest {};

TEST_F(DataPath, the_working_folder_comes_first_then_the_installed_share) {
  const std::string shipped = "datasets/texture/brick.png", bin = folder + "/bin";
  EXPECT_EQ(find_shipped("", bin), "");
  EXPECT_EQ(find_shipped(shipped, bin), shipped);  // the tests run in the clone
  EXPECT_EQ(find_shipped("datasets/none.png", bin), "");
  create_folders(folder + "/share/coopnets/datasets");
  write_atomically(folder + "/share/coopnets/datasets/none.png", "x");
  EXPECT_EQ(find_shipped("datasets/none.png", bin), folder + "/share/coopnets/datasets/none.png");
  Options given;
  given.data = "mine.png";
  EXPECT_EQ(data_path(given, find_experiment("texture")), "mine.png");
}

TEST_F(DataPath, an_installed_program_learns_its_own_texture_anywhere) {
  create_folders(folder + "/bin");
  fs::copy_file(program(), folder + "/bin/coopnets");
  const auto run = [&] {  // in a folder without datasets/
    Arguments words = {"env", "-C", folder, folder + "/bin/coopnets"};
    for (const std::string &word : train(1))
      if (word != "--data" && word != picture) words.push_back(word);
    Process process(words, "cannot run the program");
    const int status = process.finish();
    return status == 0 ? "" : process.last_error_line();
  };
  EXPECT_CONTAINS(run(), "datasets/texture/brick.png does not exist; name other data by --data PATH");
  create_folders(folder + "/share/coopnets/datasets/texture");
  fs::copy_file(picture, folder + "/share/coopnets/datasets/texture/brick.png");
  EXPECT_EQ(run(), "");
  const Image learned = load_image(path("observed.png"));
  expect_success(train(1, "named"));
  EXPECT_EQ(learned, load_image(path("observed.png", "named")));
}

TEST_F(DataPath, a_runs_config_finds_its_data_from_any_folder) {
  const auto run = [&](const Arguments &more) {
    Process process(Arguments{"env", "-C", folder, std::filesystem::absolute(program())} + more,
                    "cannot run the program");
    return process.finish() == 0 ? "" : process.last_error_line();
  };
  Arguments words = train(1);
  *std::find(words.begin(), words.end(), picture) = "picture.png";
  EXPECT_EQ(run(words), "");
  expect_success({"--config", path("config.txt"), "--name", "again"});  // in the clone
  EXPECT_EQ(load_image(path("observed.png", "again")), load_image(path("observed.png")));
}

}  // namespace
}  // namespace coopnets
