// Diffusion recovery likelihood by the program's own commands: learned, resumed, sampled, evaluated, and the toy.
#include <cmath>
#include <fstream>

#include "app/npy.h"
#include "data/bytes.h"
#include "program.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

class CdrlRuns : public FolderTest {
 protected:
  // Rings and discs of 28x28: a folder of each, and some that lie together.
  CdrlRuns() {
    for (const std::string &kind : {sorted + "/rings", sorted + "/discs", unsorted}) fs::create_directories(kind);
    for (int k = 0; k < 24; ++k) {
      Image image(28, 28, 1);
      for (int64_t y = 0; y < 28; ++y)
        for (int64_t x = 0; x < 28; ++x) {
          const double radius = std::hypot(double(x) - 10 - k % 7, double(y) - 9 - k % 5);
          image.at(y, x)[0] = radius < 8 && (k % 2 == 0 || radius > 5) ? 240 : 10;
        }
      const std::string file = '/' + std::to_string(100 + k) + ".png";
      save_png(sorted + (k % 2 == 0 ? "/discs" : "/rings") + file, image);
      if (k < 8) save_png(unsorted + file, image);
    }
  }

  Arguments train(int iterations, const std::string &name = "run", int threads = 1) const {
    return {"--exp",
            "digits",
            "--data",
            sorted,
            "--algorithm",
            "cdrl",
            "--out",
            folder,
            "--name",
            name,
            "--quiet",
            "--set",
            "levels=3",
            "batch=6",
            "langevin_steps=2",
            "width=4",
            "block_side=14",
            "held_out=4",
            "averaging=0",
            "halvings=0",
            "--iterations",
            std::to_string(iterations),
            "--threads",
            std::to_string(threads)};
  }
  Arguments use(const Arguments &more) const {
    return Arguments{"--exp", "digits", "--out", folder, "--name", "run", "--quiet"} + more;
  }
  std::string path(const std::string &file, const std::string &name = "run") const {
    return folder + "/digits/" + name + '/' + file;
  }
  std::string checkpoint(const std::string &name) const {
    return read_file(path("checkpoint.safetensors", name), size_t{1} << 26);
  }
  // What --sample makes: [count, 28, 28, 1].
  NpyArray sample(int64_t count, const Arguments &more = {}) const {
    expect_success(use(Arguments{"--sample", std::to_string(count), "--save", "npy"} + more));
    return parse_npy(read_bytes(path("sampled/descriptor.npy")), "descriptor.npy");
  }

  const std::string sorted = folder + "/data", unsorted = folder + "/unsorted";
};

TEST_F(CdrlRuns, ResumeExactlyOnAnyNumberOfThreads) {
  expect_success(train(4, "straight"));
  expect_success(train(2, "stopped", 3));
  EXPECT_FALSE(checkpoint("stopped") == checkpoint("straight"));
  expect_success(train(4, "stopped", 2) + Arguments{"--resume"});
  EXPECT_TRUE(checkpoint("stopped") == checkpoint("straight"));
  EXPECT_CONTAINS(
      read_file(path("log.csv", "straight"), 1 << 20),
      "iteration,energy_observed,energy_initial,energy_revised,gradient_norm,reconstruction,acceptance,drift");
  for (const char *file : {"observed.png", "samples/iteration_000001_initialiser.png",
                           "samples/iteration_000004_descriptor.png", "evolution.png", "report.html"})
    EXPECT_TRUE(fs::exists(path(file, "straight"))) << file;
  EXPECT_CONTAINS(failure_of(train(5, "straight") + Arguments{"--resume", "--set", "levels=6"}),
                  "was made with levels '3', not '6'");
  EXPECT_CONTAINS(failure_of(train(1, "odd") + Arguments{"--set", "levels=4"}), "a batch of 6 does not divide into 4");
  EXPECT_FALSE(fs::exists(path("", "odd")));
}

TEST_F(CdrlRuns, AreSampledAlikeWhateverIsDrawnBeside) {
  expect_success(train(2));
  const NpyArray many = sample(70, {"--threads", "1"}), few = sample(3, {"--threads", "3"});
  EXPECT_EQ(many.shape, (std::vector<int64_t>{70, 28, 28, 1}));
  EXPECT_EQ(few.values, std::vector<double>(many.values.begin(), many.values.begin() + 3 * 28 * 28));
  for (const double v : many.values) ASSERT_TRUE(std::isfinite(v));
  EXPECT_NE(sample(3, {"--seed", "2"}).values, few.values);
  EXPECT_NE(sample(3, {"--set", "langevin_steps=5"}).values, few.values) << "the energy revises them";
  for (const char *set : {"levels=6", "blocks=2", "block_side=28", "classes=2", "width=8"})
    EXPECT_CONTAINS(failure_of(use({"--sample", "1", "--set", set})), "cannot be changed") << set;

  expect_success(use({"--sample", "2"}));
  for (const char *file : {"descriptor_000001.png", "descriptor.png"})
    EXPECT_TRUE(fs::exists(path("sampled/" + std::string(file)))) << file;
  EXPECT_FALSE(fs::exists(path("sampled/generator.png"))) << "they are named as on the sheets of the run";
  expect_success(use({"--sample", "1", "--save", folder + "/one.png"}));
  EXPECT_EQ(load_image(folder + "/one.png"), load_image(path("sampled/descriptor_000000.png")));
}

TEST_F(CdrlRuns, AreEvaluated) {
  expect_success(train(2));
  expect_success(use({"--evaluate", "--samples", "9"}));
  const std::string report = read_file(path("evaluation.json"), 1 << 20);
  for (const char *row : {"descriptor", "training pictures"})
    EXPECT_TRUE(std::isfinite(reported(report, "Structural similarity", row, "SSIM"))) << row;
  EXPECT_TRUE(fs::exists(path("nearest_descriptor.png")));
  EXPECT_FALSE(fs::exists(path("nearest_generator.png")));
}

// Of sheets of 28x28, which are enlarged: picture `column` of row `row`.
Image cell(const Image &sheet, int64_t rows, int64_t columns, int64_t row, int64_t column) {
  const Image own = resize(sheet, 28 * rows + 2 * (rows - 1), 28 * columns + 2 * (columns - 1), Resize::nearest);
  return crop(own, 30 * row, 30 * column, 28, 28);
}

TEST_F(CdrlRuns, WalkBetweenNoises) {
  expect_success(train(2));
  expect_success(use({"--interpolate"}));
  expect_success(use({"--sample", "1"}));
  const Image sample = load_image(path("sampled/descriptor_000000.png"));
  const Image lines = load_image(path("interpolation/lines.png")),
              sphere = load_image(path("interpolation/sphere.png"));
  for (const Image *sheet : {&lines, &sphere}) {
    EXPECT_EQ(cell(*sheet, 8, 8, 0, 0), sample);
    for (const auto &[row, column] : {std::pair<int, int>{0, 7}, std::pair<int, int>{7, 0}})
      EXPECT_FALSE(cell(*sheet, 8, 8, row, column) == sample) << row;
  }
  for (int k = 0; k < 8; ++k)
    EXPECT_EQ(cell(lines, 8, 8, 0, k) == cell(sphere, 8, 8, 0, k), true) << "from sample 0 to sample 1, " << k;
  const Outcome loud = run_program({"--exp", "digits", "--out", folder, "--name", "run", "--interpolate"});
  EXPECT_CONTAINS(loud.out, "lines.png: each row walks between two noises, on a sphere; ");
}

TEST_F(CdrlRuns, CompletePictures) {
  expect_success(train(2));
  const Outcome o =
      run_program({"--exp", "digits", "--out", folder, "--name", "run", "--complete", "--set", "hidden_square=10"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "completing 4 pictures, level by level\n");
  const Image sheet = load_image(path("completed.png"));
  int64_t made = 0;
  for (int k = 0; k < 4; ++k) {
    const Image whole = cell(sheet, 3, 4, 0, k), hidden = cell(sheet, 3, 4, 1, k), filled = cell(sheet, 3, 4, 2, k);
    for (size_t i = 0; i < whole.pixels.size(); ++i) {
      if (hidden.pixels[i] == 0)
        made += filled.pixels[i] != whole.pixels[i];
      else
        EXPECT_EQ(filled.pixels[i], whole.pixels[i]) << k << ' ' << i;
    }
  }
  EXPECT_GT(made, 200) << "of 400 hidden pixels";

  // A picture of one's own, of another size.
  Image mine(40, 50, 1), mask(40, 50, 1);
  for (int64_t y = 0; y < 40; ++y)
    for (int64_t x = 0; x < 50; ++x) {
      mine.at(y, x)[0] = uint8_t(4 * y + x);
      mask.at(y, x)[0] = y >= 15 && y < 24 && x >= 20 && x < 30 ? 255 : 0;
    }
  save_png(folder + "/mine.png", mine);
  save_png(folder + "/mask.png", mask);
  expect_success(use({"--complete", folder + "/mine.png", "--mask", folder + "/mask.png"}));
  const Image filled = load_image(path("completed_mine.png"));
  ASSERT_EQ(filled.shape(), mine.shape());
  for (size_t i = 0; i < mine.pixels.size(); ++i)
    EXPECT_TRUE(mask.pixels[i] != 0 || filled.pixels[i] == mine.pixels[i]) << i;
  EXPECT_FALSE(filled == mine);
}

// Table 4's row, which is the evaluation of a completion.
TEST_F(CdrlRuns, AreARowOfTheTableOfCompletions) {
  const Outcome o = run_program({"--table",       "4",
                                 "--data",        unsorted,
                                 "--out",         folder,
                                 "--rows",        "cdrl",
                                 "--threads",     "1",
                                 "--set",         "size=28",
                                 "width=4",       "block_side=14",
                                 "whole_units=4", "levels=3",
                                 "batch=3",       "langevin_steps=2",
                                 "held_out=2",    "hidden_square=8",
                                 "averaging=0",   "iterations=2"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "M8, CDRL (Zhu, Xie, Wu, Gao 2024): completing 2 pictures, level by level");
  const std::string report = read_file(folder + "/completion/table-4-cdrl/evaluation.json", 1 << 20);
  for (const char *what : {"error", "PSNR in dB"})
    EXPECT_TRUE(std::isfinite(reported(report, std::string("Completion of 2 held-out pictures (Table 4): ") + what,
                                       "CDRL (Zhu, Xie, Wu, Gao 2024)", "M8")))
        << what;
  EXPECT_CONTAINS(read_file(folder + "/table-4.txt", 1 << 20), "CDRL (Zhu, Xie, Wu, Gao 2024)");
}

TEST_F(CdrlRuns, AreEvaluatedAsTextures) {
  const Arguments run = {"--exp", "texture", "--out", folder, "--name", "run", "--threads", "1"};
  const Arguments brick = {"--data", "datasets/texture/brick.png"};
  const Outcome trained = run_program(
      run + brick +
      Arguments{"--iterations", "1", "--set", "size=64", "levels=2", "batch=2", "width=4", "langevin_steps=1"});
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_CONTAINS(trained.out, "texture, quick preset of CDRL") << "which learns textures where nothing else is said";
  // Of 128 pixels, as the syntheses are, though parts of 64 are learned from; enlarged four times.
  EXPECT_EQ(load_image(folder + "/texture/run/observed.png").width, 512);
  for (const Arguments &other : {Arguments{"--preset", "paper"}, Arguments{"--algorithm", "cooperative"}})
    EXPECT_CONTAINS(failure_of(run + brick + other + Arguments{"--set", "levels=2"}, 2),
                    "levels does nothing with --algorithm cooperative");
  const Outcome o = run_program(run + Arguments{"--evaluate", "--samples", "1"});
  ASSERT_EQ(o.status, 0) << o.err;
  const std::string report = read_file(folder + "/texture/run/evaluation.json", 1 << 20);
  EXPECT_TRUE(std::isfinite(reported(report, "Likeness", "descriptor", "patch distance")));
}

TEST_F(CdrlRuns, AreListed) {
  const Outcome o = run_program({"--list"});
  EXPECT_EQ(o.status, 0);
  EXPECT_CONTAINS(o.out, "\n  cdrl - CDRL (Zhu, Xie, Wu, Gao 2024)\n    --preset quick (");
  EXPECT_CONTAINS(o.out, "\n  levels ");
}

// Settings in the file that are not those of its nets.
TEST_F(CdrlRuns, DamagedCheckpointsAreRefused) {
  expect_success(train(1));
  const std::string whole = checkpoint("run"), file = path("checkpoint.safetensors");
  const auto damaged = [&](const std::string &before, const std::string &after) {
    std::string bytes = whole;
    const size_t at = bytes.find(before);
    EXPECT_NE(at, std::string::npos) << before;
    EXPECT_EQ(before.size(), after.size());
    bytes.replace(at, before.size(), after);
    std::ofstream(file, std::ios::binary) << bytes;
    return failure_of({"--exp", "digits", "--checkpoint", file, "--sample", "1"});
  };
  const std::string unfit = file + " is damaged: its settings do not fit its tensor 'energy.";
  EXPECT_CONTAINS(damaged("\\u000awidth=4\\u000a", "\\u000awidth=5\\u000a"), unfit);
  EXPECT_CONTAINS(damaged("\\u000ablocks=1\\u000a", "\\u000ablocks=2\\u000a"), unfit);
  EXPECT_CONTAINS(damaged("\\u000aclasses=0\\u000a", "\\u000aclasses=2\\u000a"), unfit);
  EXPECT_CONTAINS(damaged("\\u000alevels=3\\u000a", "\\u000alevels=4\\u000a"), "a batch of 6 does not divide into 4");
  EXPECT_CONTAINS(damaged("\"energy.0.filters\"", "\"energy.0.filterz\""), "has no tensor 'energy.0.filters'");
}

TEST_F(CdrlRuns, LearnClassesWhereThereAreSome) {
  const Arguments ten = {"--set", "classes=10"};
  expect_success(train(3) + ten);
  EXPECT_NE(sample(12, {"--set", "guidance=2"}).values, sample(12).values);
  expect_success(train(2, "straight") + ten);
  expect_success(train(1, "stopped") + ten);
  expect_success(train(2, "stopped", 2) + ten + Arguments{"--resume"});
  EXPECT_TRUE(checkpoint("stopped") == checkpoint("straight")) << "who is told no class follows from the iteration";

  Arguments without = train(1, "unsorted") + ten;
  without[3] = unsorted;
  EXPECT_CONTAINS(failure_of(without),
                  "classes=10 tells the nets the category of each example: there are none in " + unsorted);
  EXPECT_CONTAINS(failure_of(train(1, "unsorted") + Arguments{"--set", "classes=1"}),
                  "classes=1 are too few for the categories of " + sorted);
  EXPECT_FALSE(fs::exists(path("", "unsorted"))) << "what is refused leaves nothing";
}

// ---------------------------------------------------------------------------------------------------- points

Arguments toy(const std::string &folder, const Arguments &more = {}) {
  return Arguments{"--exp",      "toy",          "--algorithm", "cdrl",  "--out",    folder,         "--threads",
                   "1",          "--iterations", "2",           "--set", "batch=12", "examples=500", "langevin_steps=2",
                   "averaging=0"} +
         more;
}

TEST_F(CdrlRuns, DrawTheEnergyOfEachLevelOfPoints) {
  const Outcome o = run_program(toy(folder));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_CONTAINS(o.out,
                  "comparison.png shows data, descriptor, energy-1, energy-2, energy-3, energy-4, energy-5, energy-6 "
                  "side by side");
  const std::string run = folder + "/toy/default/";
  for (const std::string net : {"initialiser", "descriptor", "energy-1", "energy-6"})
    for (const std::string iteration : {"000001", "000002"}) {
      const std::string file = run + "samples/iteration_" + iteration + '_' + net + ".png";
      EXPECT_EQ(load_image(file).shape(), (Shape{1, 1, label_height(384) + 384, 384, 3})) << file;
    }
  EXPECT_EQ(load_image(run + "comparison.png").width, 8 * 384 + 7 * 8);
  const std::string report = read_file(run + "evaluation.json", 1 << 20);
  EXPECT_GT(reported(report, "Distance", "descriptor", "distance"), 0);
  EXPECT_TRUE(std::isnan(reported(report, "Distance", "descriptor", "KL in nats")));

  EXPECT_CONTAINS(failure_of(toy(folder, {"classes=2", "--overwrite"})),
                  "classes=2 tells the nets the category of each example: there are none in these examples");
  EXPECT_CONTAINS(failure_of(toy(folder, {"normalise=stretch", "--overwrite"}), 2), "normalise does nothing");
}

}  // namespace
}  // namespace coopnets
