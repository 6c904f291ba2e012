// Completion by the program: a model that has hardly learned, pictures of 16x16, every rival.
#include "data/picture_files.h"
#include "program.h"

namespace coopnets {
namespace {

class CompleteTest : public FolderTest {
 protected:
  CompleteTest() {
    for (int i = 0; i < 12; ++i) {
      Image image = smooth(16, 16, 3);
      for (uint8_t &p : image.pixels) p = uint8_t(p + 5 * i);
      std::filesystem::create_directories(data);
      save_png(data + "/" + std::to_string(100 + i) + ".png", image);
    }
    const Outcome o = run_program(run({"--data", data, "--iterations", "1", "--set", "size=16", "batch=2", "chains=2",
                                       "latent=3", "langevin_steps=1", "inference_steps=12", "inference_restarts=2"}));
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_CONTAINS(o.out, "10 examples");  // two are held out
  }
  Arguments run(const Arguments &more) const {
    return Arguments{"--exp", "completion", "--out", folder, "--name", "run", "--threads", "1"} + more;
  }
  const std::string data = folder + "/data", run_folder = folder + "/completion/run/";
};

TEST_F(CompleteTest, the_table_has_every_rival_and_the_published_numbers) {
  const Outcome o = run_program(run({"--evaluate"}));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "Completion of 2 held-out pictures (Table 4)");
  EXPECT_CONTAINS(o.out, "M50, inter-3: error 0.000000");  // exact on planes, which these pictures are
  const std::string report = read_file(run_folder + "evaluation.json");
  for (const char *name : {"CoopNets", "inter-1", "inter-2", "inter-3", "inter-4", "inter-5", "MRF-L1", "MRF-L2"})
    EXPECT_CONTAINS(report, std::string("{\"name\": \"") + name + "\", \"error M30\": ");
  EXPECT_CONTAINS(report,
                  "{\"name\": \"published, CoopNets\", \"error M30\": 0.115, \"error M40\": 0.124, \"error M50\": "
                  "0.136, \"PSNR M30\": 16.893, \"PSNR M40\": 16.098, \"PSNR M50\": 15.105}");

  // Rows of original, occluded and recovered pictures; nothing but the hidden square differs.
  const Image sheet = load_image(run_folder + "completion_M30.png", 3);
  ASSERT_EQ(sheet.height, 3 * 16 + 2 * 2);
  ASSERT_EQ(sheet.width, 2 * 16 + 2);
  int64_t hidden = 0;
  for (int64_t y = 0; y < 16; ++y)
    for (int64_t x = 0; x < 16; ++x) {
      const auto same = [&](int64_t row) { return std::equal(sheet.at(y, x), sheet.at(y, x) + 3, sheet.at(row, x)); };
      if (same(y + 18)) {
        EXPECT_TRUE(same(y + 36));
      } else {
        ++hidden;
        EXPECT_EQ(sheet.at(y + 18, x)[0], 0);
      }
    }
  EXPECT_EQ(hidden, 8 * 8);  // 30 of 64 pixels are 7.5 of 16
}

// Nine held-out pictures: density and coverage look at fifth neighbours.
TEST_F(CompleteTest, features_compare_completed_pictures_with_the_originals) {
  const std::string labelled = folder + "/labelled";
  for (int i = 0; i < 54; ++i) {
    const std::string category = labelled + (i % 2 ? "/light" : "/dark");
    std::filesystem::create_directories(category);
    Image image = noise(16, 16, 3, uint64_t(i));
    for (uint8_t &p : image.pixels) p = uint8_t(p / 2 + (i % 2 ? 127 : 0));
    save_png(category + "/" + std::to_string(100 + i) + ".png", image);
  }
  const Outcome trained =
      run_program({"--exp", "classifier", "--data", labelled, "--out", folder, "--name", "own", "--iterations", "1",
                   "--threads", "1", "--set", "size=16", "batch=4", "held_out=4"});
  ASSERT_EQ(trained.status, 0) << trained.err;
  ASSERT_EQ(run_program(
                run({"--data", labelled, "--overwrite", "--iterations", "1", "--set", "size=16", "batch=2", "chains=2",
                     "latent=3", "langevin_steps=1", "inference_steps=2", "inference_restarts=1", "hidden_square=4"}))
                .status,
            0);
  const Outcome o = run_program(
      run({"--evaluate", "--splits", "3", "--features", folder + "/classifier/own/checkpoint.safetensors"}));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "9 pictures are held out");
  EXPECT_CONTAINS(o.out, "NOT comparable");
  EXPECT_CONTAINS(o.out, "held-out originals");
  const std::string report = read_file(run_folder + "evaluation.json");
  EXPECT_CONTAINS(report, "{\"name\": \"CoopNets\", \"error M4\": ");
  const size_t line = report.find("{\"name\": \"CoopNets, M4\", \"Inception score\": ");
  ASSERT_NE(line, std::string::npos) << report;
  // 16 of 256 pixels have changed: the sets differ, and hardly.
  const size_t fid = report.find("\"FID\": ", line);
  const double distance = std::strtod(report.c_str() + fid + 7, nullptr);
  EXPECT_GT(distance, 0);
  EXPECT_CONTAINS(report.substr(line, 400), "\"recall\": 1,");
}

TEST_F(CompleteTest, a_picture_and_a_mask_of_ones_own) {
  Image mask(16, 16, 1);
  for (int64_t x = 4; x < 16; ++x) mask.at(3, x)[0] = 255;
  save_png(folder + "/mask.png", mask);
  const Image image = smooth(16, 16, 3);
  save_png(folder + "/mine.png", image);
  const Outcome o = run_program(run({"--complete", folder + "/mine.png", "--mask", folder + "/mask.png"}));
  ASSERT_EQ(o.status, 0) << o.err;
  const Image filled = load_image(run_folder + "completed_mine.png", 3);
  ASSERT_EQ(filled.shape(), image.shape());
  int64_t changed = 0;
  for (int64_t y = 0; y < 16; ++y)
    for (int64_t x = 0; x < 16; ++x) {
      const bool equal = std::equal(image.at(y, x), image.at(y, x) + 3, filled.at(y, x));
      EXPECT_TRUE(equal || mask.at(y, x)[0]) << y << ' ' << x;
      changed += !equal;
    }
  EXPECT_GE(changed, 10);  // of 12 hidden pixels

  const Outcome masked = run_program(run({"--evaluate", "--mask", folder + "/mask.png", "--samples", "1"}));
  EXPECT_EQ(masked.status, 0) << masked.err;
  EXPECT_CONTAINS(masked.out, "error mask");
  EXPECT_EQ(run_program(run({"--complete"})).status, 0);
  EXPECT_EQ(load_image(run_folder + "completed.png").height, 3 * 16 + 2 * 2);

  save_png(folder + "/black.png", Image(16, 16, 1));
  save_png(folder + "/white.png", Image(16, 16, 1, 255));
  EXPECT_CONTAINS(failure_of(run({"--complete", "--mask", folder + "/black.png"})), "hides nothing");
  EXPECT_CONTAINS(failure_of(run({"--complete", "--mask", folder + "/white.png"})), "hides everything");
  EXPECT_CONTAINS(failure_of(run({"--complete", "--set", "hidden_square=16"})), "hidden_square");
  EXPECT_CONTAINS(failure_of(run({"--complete", folder + "/none.png"})), "none.png");
  EXPECT_CONTAINS(failure_of(run({"--evaluate", "--set", "held_out=0"})), "none left to test on");
}

}  // namespace
}  // namespace coopnets
