// --exp classifier as a run that can be stopped: what is learned does not depend on it.
#include <thread>

#include "data/picture_files.h"
#include "program.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

class TrainClassifier : public FolderTest {
 protected:
  TrainClassifier() { write_digits(2); }
  // 60 pictures of noise, of so many kinds.
  void write_digits(int kinds) const {
    std::vector<uint8_t> labels;
    for (int i = 0; i < 60; ++i) labels.push_back(uint8_t(i % kinds));
    write_bytes(data + "/train-images-idx3-ubyte", idx({60, 28, 28}, noise(60 * 28, 28, 1, 1).pixels));
    write_bytes(data + "/train-labels-idx1-ubyte", idx({60}, labels));
  }
  // A constant rate: the schedule is spread over the iterations, and these runs are made longer.
  Arguments train(int iterations, const std::string &name = "run", const Arguments &more = {}) const {
    return Arguments{"--exp",     "classifier", "--data",       data,
                     "--out",     folder,       "--name",       name,
                     "--threads", "1",          "--iterations", std::to_string(iterations),
                     "--set",     "size=8",     "batch=4",      "schedule_steps=0"} +
           more;
  }
  // Of a run whose data, settings and seed are in its config.txt.
  Arguments resume(int iterations) const {
    return {"--exp",    "classifier",   "--out",
            folder,     "--name",       "run",
            "--resume", "--iterations", std::to_string(iterations)};
  }
  Outcome expect_success(const Arguments &arguments) const {
    const Outcome o = run_program(arguments);
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.err, "");
    return o;
  }
  std::string path(const std::string &name = "run") const {
    return folder + "/classifier/" + name + "/checkpoint.safetensors";
  }
  std::string checkpoint(const std::string &name = "run") const { return read_file(path(name), size_t{1} << 26); }
  const std::string data = folder + "/digits_data";
};

// Pictures that anyone can tell apart: a label beside the wrong picture would cost half of the answers.
TEST_F(TrainClassifier, learns_the_label_of_each_picture) {
  const std::string pictures = folder + "/pictures";
  for (int i = 0; i < 60; ++i) {
    const std::string category = pictures + (i % 2 ? "/light" : "/dark");
    fs::create_directories(category);
    Image image = noise(12, 12, 3, uint64_t(i));
    for (uint8_t &p : image.pixels) p = uint8_t(p / 2 + (i % 2 ? 127 : 0));
    save_png(category + '/' + std::to_string(100 + i) + ".png", image);
  }
  const Outcome o = expect_success({"--exp", "classifier", "--data", pictures, "--out", folder, "--threads", "1",
                                    "--iterations", "60", "--set", "size=12", "batch=16"});
  EXPECT_CONTAINS(o.out, "right on 100.0 % of 10 pictures held out");
}

TEST_F(TrainClassifier, stopped_anywhere_is_straight) {
  expect_success(train(7, "straight"));
  expect_success(train(2));
  for (const int stop : {3, 7}) EXPECT_CONTAINS(expect_success(resume(stop)).out, "% of 10 pictures held out");
  EXPECT_TRUE(checkpoint() == checkpoint("straight"));
  const std::string before = checkpoint();
  EXPECT_CONTAINS(expect_success(resume(7)).out, "already has its 7 iterations");
  EXPECT_TRUE(checkpoint() == before);
}

TEST_F(TrainClassifier, interrupted_writes_its_checkpoint_and_goes_on) {
  constexpr int iterations = 1000;
  expect_success(train(iterations, "straight"));
  Outcome o = {0, "", ""};
  for (int attempt = 0; attempt < 20 && o.status != 130; ++attempt) {  // a slow test may miss a whole run
    fs::remove_all(folder + "/classifier/run");
    Program run(train(iterations));
    while (run.runs() && !fs::exists(folder + "/classifier/run/log.csv")) std::this_thread::yield();
    run.send(SIGINT);
    o = run.finish();
  }
  ASSERT_EQ(o.status, 130) << o.err;
  EXPECT_CONTAINS(o.out,
                  "interrupted after iteration " + SafetensorsFile(path()).metadata().at("iteration") + "; " + path());
  EXPECT_CONTAINS(o.out, "The same command with --resume goes on");
  EXPECT_FALSE(checkpoint() == checkpoint("straight"));
  expect_success(resume(iterations));
  EXPECT_TRUE(checkpoint() == checkpoint("straight"));
}

TEST_F(TrainClassifier, goes_on_as_it_began_or_not_at_all) {
  EXPECT_CONTAINS(failure_of(train(2) + Arguments{"--resume"}), "no checkpoint to resume from");
  expect_success(train(1));
  const std::string before = checkpoint();
  EXPECT_CONTAINS(failure_of(train(2)), "already holds a run");
  EXPECT_CONTAINS(failure_of(resume(2) + Arguments{"--seed", "2"}), "seed '1', not '2'");
  EXPECT_CONTAINS(failure_of(resume(2) + Arguments{"--set", "descriptor_rate=1"}), "descriptor_rate");
  write_digits(3);
  EXPECT_CONTAINS(failure_of(resume(2)), "categories");
  EXPECT_TRUE(checkpoint() == before);
}

}  // namespace
}  // namespace coopnets
