// Experiment 7 from end to end on a tiny clip: a run, its exact resumption, samples longer than the clip, the table.
#include <gtest/gtest.h>

#include "app/complete.h"
#include "app/evaluate.h"
#include "app/sample.h"
#include "app/train.h"
#include "clips.h"
#include "program.h"
#include "tensor/safetensors.h"

namespace coopnets {
namespace {

class VideoRun : public Clips {
 protected:
  VideoRun() {
    std::vector<GifFrame> frames;
    for (int t = 0; t < 28; ++t) {  // a bright block that swings to and fro
      frames.push_back({0, 0, 16, 16, std::vector<uint8_t>(256, 20)});
      const int left = 4 + (t % 8 < 4 ? t % 8 : 8 - t % 8);
      for (int y = 4; y < 12; ++y)
        for (int x = left; x < left + 5; ++x) frames.back().indices[size_t(16 * y + x)] = 120;
    }
    write_text(in_folder("clip.gif"), make_gif(16, 16, frames));
    no_ffmpeg();
  }

  Options options(const std::string &name, int64_t iterations, int64_t threads = 1) const {
    Options o;
    o.experiment = "dynamic-texture";
    o.algorithm = "cooperative";
    o.preset = "quick";
    o.data = in_folder("clip.gif");
    o.out = in_folder("out");
    o.name = name;
    o.iterations = iterations;
    o.threads = threads;
    o.device = "cpu";
    o.quiet = true;
    o.settings = {{"size", "16"}, {"frames", "28"}, {"langevin_steps", "2"}, {"chains", "2"}};
    return o;
  }
  // Windows of 4 frames and 2 beside them, drawn from the whole clip.
  Options by_cdrl(const std::string &name, int64_t iterations, int64_t threads = 1) const {
    Options o = options(name, iterations, threads);
    o.algorithm = "cdrl";
    o.settings = {{"size", "16"}, {"frames", "4"},      {"border", "1"},
                  {"width", "4"}, {"whole_units", "4"}, {"averaging", "0"}};
    return o;
  }
  std::string run(const std::string &name, const std::string &file) const {
    return in_folder("out/dynamic-texture/" + name + '/' + file);
  }
  // Frames of an animated PNG: the number in its acTL chunk.
  int frames_of(const std::string &path) const {
    const std::string png = read_text(path);
    const size_t at = png.find("acTL");
    if (at == std::string::npos) return 1;
    int count = 0;
    for (size_t i = 0; i < 4; ++i) count = count << 8 | static_cast<unsigned char>(png[at + 4 + i]);
    return count;
  }
};

TEST_F(VideoRun, ResumesExactlyOnAnyNumberOfThreads) {
  for (const std::string algorithm : {"cooperative", "cdrl"}) {
    const auto learn = [&](const std::string &name, int64_t iterations, int64_t threads, bool resume) {
      const std::string own = name + '-' + algorithm;
      Options o = algorithm == "cdrl" ? by_cdrl(own, iterations, threads) : options(own, iterations, threads);
      o.resume = resume;
      EXPECT_EQ(train(o), 0) << own;
      return read_text(run(own, "checkpoint.safetensors"));
    };
    const std::string straight = learn("straight", 4, 1, false);
    EXPECT_FALSE(learn("stopped", 2, 1, false) == straight) << algorithm;
    EXPECT_TRUE(learn("stopped", 4, 3, true) == straight) << algorithm;
  }
}

TEST_F(VideoRun, ShowsObservedGeneratedAndRevisedClips) {
  ASSERT_EQ(train(options("shown", 2)), 0);
  EXPECT_EQ(frames_of(run("shown", "comparison.png")), 28);
  const Image first = load_image(run("shown", "comparison.png"));
  EXPECT_EQ(first.width, 3 * 16 + 2 * 2);
  EXPECT_EQ(first.height, 2 * 16 + 2);  // two chains
  EXPECT_EQ(load_image(run("shown", "strip.png")).height, 3 * 16 + 2 * 2);
  EXPECT_EQ(frames_of(run("shown", "samples/iteration_000002_generator.png")), 28);

  Options alone = options("alone", 1);
  alone.algorithm = "generator";
  alone.settings.push_back({"generator_steps", "1"});
  ASSERT_EQ(train(alone), 0);
  EXPECT_EQ(load_image(run("alone", "comparison.png")).width, 2 * 16 + 2);
}

TEST_F(VideoRun, SamplesOfAnyLength) {
  ASSERT_EQ(train(options("trained", 1)), 0);
  for (const int64_t frames : {5, 28, 45}) {
    Options o = options("trained", 0);
    o.sample = 2;
    o.frames = frames;
    o.save = "npy";
    ASSERT_EQ(sample(o), 0);
    for (const char *kind : {"generator", "descriptor"})
      EXPECT_CONTAINS(read_text(run("trained", std::string("sampled/") + kind + ".npy")).substr(0, 128),
                      "(2, " + std::to_string(frames) + ", 16, 16, 3)");
  }
  EXPECT_EQ(frames_of(run("trained", "sampled/generator.png")), 45);
}

TEST_F(VideoRun, ADescriptorAsLargeAsTheClipDoesNotReviseLongerOnes) {
  Options o = options("frame_3", 1);
  o.settings.push_back({"descriptor", "FRAME_3"});
  ASSERT_EQ(train(o), 0);
  o.sample = 1;
  ASSERT_EQ(sample(o), 0);
  EXPECT_TRUE(std::filesystem::exists(run("frame_3", "sampled/descriptor.png")));
  std::filesystem::remove_all(run("frame_3", "sampled"));
  o.frames = 40;
  ASSERT_EQ(sample(o), 0);
  EXPECT_EQ(frames_of(run("frame_3", "sampled/generator_000000.png")), 40);
  EXPECT_FALSE(std::filesystem::exists(run("frame_3", "sampled/descriptor.png")));
}

// It learns parts, and shows and scores what is as long as a clip should be: 32 frames, of this one all 28.
TEST_F(VideoRun, CdrlMakesClipsOfAnyLengthWithoutTheirBorder) {
  ASSERT_EQ(train(by_cdrl("parts", 2)), 0);
  EXPECT_EQ(frames_of(run("parts", "comparison.png")), 28);
  EXPECT_EQ(frames_of(run("parts", "samples/iteration_000002_initialiser.png")), 32);
  EXPECT_EQ(frames_of(run("parts", "observed.png")), 28);
  const Image shown = load_image(run("parts", "comparison.png"));  // its first frame
  EXPECT_EQ(crop(shown, 0, 0, 16, 16).pixels, read_clip(in_folder("clip.gif"), 1, 16, 16)[0].pixels);
  EXPECT_EQ(shown.width, 3 * 16 + 2 * 2);
  for (const int64_t frames : {0, 5, 45}) {
    Options o = by_cdrl("parts", 0);
    o.settings.clear();
    o.sample = 2;
    o.frames = frames;
    o.save = "npy";
    ASSERT_EQ(sample(o), 0);
    EXPECT_CONTAINS(read_text(run("parts", "sampled/descriptor.npy")).substr(0, 128),
                    "(2, " + std::to_string(frames > 0 ? frames : 32) + ", 16, 16, 3)");
  }
  Options o = by_cdrl("parts", 0);
  o.settings.clear();
  o.samples = 2;
  o.given = {"samples"};
  testing::internal::CaptureStdout();
  ASSERT_EQ(evaluate(o), 0);
  EXPECT_CONTAINS(testing::internal::GetCapturedStdout(), "CDRL");
  const std::string report = read_text(run("parts", "evaluation.json"));
  const std::string title = "Frames made against frames observed";
  EXPECT_GT(reported(report, title, "CDRL", "PSNR between syntheses"), 0);
  EXPECT_GT(reported(report, title, "CDRL", "SSIM of means"), 0);
  EXPECT_NEAR(reported(report, title, "mean frame", "SSIM of means"), 1, 1e-6);

  EXPECT_CONTAINS(error_of([&] { complete(o); }), "--complete fills pictures");
  o = by_cdrl("long", 1);
  o.settings[1] = {"frames", "27"};
  EXPECT_CONTAINS(error_of([&] { train(o); }),
                  "has 28 frames, but 29 are needed, 2 of them before and after what is shown: give a longer clip, or "
                  "--set frames=26");
}

// Clips of different lengths are shown and judged as long as the shortest of them.
TEST_F(VideoRun, CdrlLearnsSeveralClipsOfAnyLength) {
  std::filesystem::create_directories(in_folder("clips"));
  for (const int length : {30, 7, 12}) {
    std::vector<GifFrame> frames;
    for (int t = 0; t < length; ++t) frames.push_back({0, 0, 16, 16, std::vector<uint8_t>(256, uint8_t(length + t))});
    for (GifFrame &frame : frames) frame.indices[0] = 120;
    write_text(in_folder("clips/" + std::to_string(length) + ".gif"), make_gif(16, 16, frames));
  }
  Options o = by_cdrl("several", 1);
  o.data = in_folder("clips");
  ASSERT_EQ(train(o), 0);
  EXPECT_EQ(frames_of(run("several", "comparison.png")), 7);
  o.settings.clear();
  o.samples = 2;
  o.given = {"samples"};
  testing::internal::CaptureStdout();
  ASSERT_EQ(evaluate(o), 0);
  const std::string table = testing::internal::GetCapturedStdout();
  EXPECT_CONTAINS(table, "CDRL");
  EXPECT_GT(reported(read_text(run("several", "evaluation.json")), "Frames made", "CDRL", "PSNR between syntheses"), 0);
}

// What is judged before anything was learned is what will be.
TEST_F(VideoRun, RivalsAreJudgedByTheSameFramesBeforeAndAfter) {
  Options o = by_cdrl("later", 1);
  const auto judged = [&] {
    Options evaluation = o;
    evaluation.samples = 2;
    evaluation.given = {"samples"};
    testing::internal::CaptureStdout();
    EXPECT_EQ(evaluate(evaluation), 0);
    testing::internal::GetCapturedStdout();
    return reported(read_text(run("later", "evaluation.json")), "Frames made", "mean frame", "PSNR frame-aligned");
  };
  const double before = judged();
  ASSERT_EQ(train(o), 0);
  o.settings.clear();
  EXPECT_EQ(judged(), before);
}

TEST_F(VideoRun, EvaluatesWithAndWithoutACheckpoint) {
  testing::internal::CaptureStdout();
  ASSERT_EQ(evaluate(options("none", 0)), 0);
  const std::string rivals = testing::internal::GetCapturedStdout();
  EXPECT_CONTAINS(rivals, "MKGPDM");
  EXPECT_FALSE(contains(rivals, "CoopNets"));
  EXPECT_CONTAINS(read_text(run("none", "evaluation.json")), "\"HOSVD");
  ASSERT_EQ(train(options("none", 1)), 0) << "an evaluation is no run";

  Options o = options("none", 0);
  o.samples = 2;
  o.given = {"samples"};
  testing::internal::CaptureStdout();
  ASSERT_EQ(evaluate(o), 0);
  const std::string table = testing::internal::GetCapturedStdout();
  for (const char *part : {"mean frame", "LDS, ", "FFT-LDS", "HOSVD", "MKGPDM", "CoopNets, generator",
                           "CoopNets, revised", "observed values", "parameters for"})
    EXPECT_CONTAINS(table, part);
  EXPECT_CONTAINS(read_text(run("none", "evaluation.json")),
                  "{\"name\": \"CoopNets, revised\", \"PSNR frame-aligned\": ");
  EXPECT_CONTAINS(read_text(run("none", "evaluation.json")), "\"iteration\": 1,");
  for (const char *part : {"the clip, half its length later", "the clip, shifted to its best", "PSNR best shift",
                           "PSNR between syntheses"})
    EXPECT_CONTAINS(table, part);
  const std::string report = read_text(run("none", "evaluation.json"));
  const std::string title = "Frames made against frames observed";
  for (const char *system : {"CoopNets, generator", "CoopNets, revised", "MKGPDM"}) {
    EXPECT_GE(reported(report, title, system, "PSNR best shift"),
              reported(report, title, system, "PSNR frame-aligned"));
    EXPECT_GT(reported(report, title, system, "PSNR between syntheses"), 0);
  }
  // It swings with a period of eight frames: so far apart it is itself.
  EXPECT_NEAR(reported(report, title, "the clip, shifted to its best", "PSNR between syntheses"), 58.92, 0.01);

  o.checkpoint = in_folder("missing.safetensors");
  EXPECT_CONTAINS(error_of([&] { evaluate(o); }), "missing.safetensors");
  o = options("none", 0);
  o.experiment = "texture";
  EXPECT_CONTAINS(error_of([&] { evaluate(o); }), "texture");
}

}  // namespace
}  // namespace coopnets
