// The experiments on sets of pictures, as a person runs them: learned, stopped in the middle of an epoch, resumed, used.
#include "data/picture_files.h"
#include "experiments/experiment.h"
#include "program.h"

namespace coopnets {
namespace {

class ImageExperiment : public FolderTest, public testing::WithParamInterface<const char *> {
 protected:
  ImageExperiment() {
    for (int i = 0; i < 7; ++i) write_bytes(pictures + std::to_string(i) + ".png", encode_png(noise(33, 36, 3, i + 1)));
  }
  std::string run(const Arguments &more) const {
    const Outcome o = run_program(Arguments{"--exp", GetParam(), "--out", folder, "--threads", "1"} + more);
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.err, "");
    return o.out;
  }
  Arguments train(const std::string &name, int iterations) const {
    return {"--data",      pictures,       "--name",
            name,          "--set",        "chains=2",
            "batch=3",     "latent=5",     "langevin_steps=1",
            "halvings=0",  // else the longer run would have another schedule
            "averaging=0", "--iterations", std::to_string(iterations)};
  }
  std::string path(const std::string &name, const std::string &file) const {
    return folder + '/' + GetParam() + '/' + name + '/' + file;
  }
  std::string checkpoint(const std::string &name) const {
    return read_file(path(name, "checkpoint.safetensors"), size_t{1} << 30);
  }
  const std::string pictures = folder + "/pictures/";
};

// The third batch of three is the last picture (or none) of one epoch and the first of the next.
TEST_P(ImageExperiment, LearnsResumesSamplesAndInterpolates) {
  // The generator alone keeps a latent vector a picture, so that it matters which pictures a batch holds.
  for (const char *algorithm : {"generator", "cooperative"}) {
    const Arguments more = {"--algorithm", algorithm, "--set", "generator_steps=1"};
    run(train("straight", 3) + more + Arguments{"--overwrite"});
    run(train("run", 2) + more + Arguments{"--overwrite"});
    EXPECT_FALSE(checkpoint("run") == checkpoint("straight")) << algorithm;
    run(train("run", 3) + more + Arguments{"--resume"});
    EXPECT_TRUE(checkpoint("run") == checkpoint("straight")) << algorithm;
  }

  const Settings s = find_experiment(GetParam()).settings("quick");
  run({"--name", "run", "--sample", "2"});
  for (const char *file : {"generator_000001.png", "descriptor_000001.png"}) {
    const Image one = load_image(path("run", std::string("sampled/") + file));
    EXPECT_EQ(one.height, s.size);
    EXPECT_EQ(one.width, s.size);
  }
  run({"--name", "run", "--interpolate"});
  const int64_t side = 8 * s.size + 7 * 2, factor = (511 + side) / side;  // small pictures are enlarged
  for (const char *file : {"lines.png", "sphere.png"})
    EXPECT_EQ(load_image(path("run", std::string("interpolation/") + file)).width, factor * side);
}

INSTANTIATE_TEST_SUITE_P(All, ImageExperiment,
                         testing::Values("object", "scene", "digits", "cifar10", "celeba", "lsun"),
                         [](const auto &info) { return std::string(info.param); });

// A run that draws no noise says at its start what that is.
TEST(Climbing, IsSaidByTheRun) {
  TemporaryFolder folder;
  for (int i = 0; i < 3; ++i)
    write_bytes(folder / ("data/" + std::to_string(i) + ".png"), encode_png(noise(8, 8, 3, i + 1)));
  for (const auto &[setting, climbs] : {std::pair<const char *, bool>{"sigma=0.3", false},
                                        {"temperature=0", true},
                                        {"langevin_noise_until=0", true},
                                        {"cold_steps=2", true},
                                        {"cold_steps=1", false}}) {
    const bool hot = std::string(setting) != "temperature=0";
    const Outcome o = run_program({"--exp", "scene", "--data", folder / "data", "--out", folder / "output",
                                   "--overwrite", "--threads", "1", "--iterations", "1", "--set", "chains=1", "batch=1",
                                   "latent=1", "langevin_steps=2", hot ? "temperature=1" : "sigma=0.3", setting});
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(contains(o.out, "they climb the energy and do not sample"), climbs) << setting;
  }
}

// The one bad picture of 41 is warned about, replaced, and counted at the end.
TEST(BadPictures, AreCountedInClosingNotesAndEvaluations) {
  TemporaryFolder folder;
  for (int i = 0; i < 40; ++i)
    write_bytes(folder / ("data/cats/" + std::to_string(i) + ".png"), encode_png(noise(8, 8, 3, i + 1)));
  write_bytes(folder / "data/dogs/x.png", {1, 2, 3});
  const Arguments run = {"--exp", "cifar10", "--data", folder / "data", "--out", folder / "output", "--threads", "1"};
  for (const Arguments &more : {Arguments{"--algorithm", "cooperative", "--iterations", "1", "--set", "chains=1",
                                          "batch=1", "latent=1", "langevin_steps=1"},
                                Arguments{"--evaluate", "--samples", "2"}}) {
    const Outcome o = run_program(run + more);
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.err.compare(0, 9, "warning: "), 0) << o.err;
    EXPECT_CONTAINS(o.err, "dogs/x.png: ");
    EXPECT_CONTAINS(o.err, "; another picture takes its place\n");
    EXPECT_CONTAINS(o.out, "; 1 picture could not be read, another took its place\n");
  }
  std::string report;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(folder / "output"))
    if (entry.path().filename() == "evaluation.json") report = read_file(entry.path());
  EXPECT_CONTAINS(report, "\"unreadable pictures\": 1,");
}

}  // namespace
}  // namespace coopnets
