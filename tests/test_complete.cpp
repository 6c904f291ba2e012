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
  EXPECT_CONTAINS(o.out, "Completion of 2 held-out pictures (Table 4): error");
  EXPECT_CONTAINS(o.out, "M50 (13 of 16), inter-3: error 0.000000");  // exact on planes, which these pictures are
  const std::string report = read_file(run_folder + "evaluation.json");
  for (const char *name : {"CoopNets", "inter-1", "inter-2", "inter-3", "inter-4", "inter-5", "MRF-L1", "MRF-L2"})
    EXPECT_CONTAINS(report, std::string("{\"name\": \"") + name + "\", \"M30 (8 of 16)\": ");
  EXPECT_FALSE(contains(report, "published"));  // which is of 64x64
  // Who is exact is in the table, and far ahead, but not infinitely.
  EXPECT_NEAR(reported(report, "Completion of 2 held-out pictures (Table 4): PSNR", "inter-3", "M50 (13 of 16)"), 58.92,
              0.01);
  EXPECT_CONTAINS(report, "exact to within the rounding of bytes, which counts as 58.92 dB, at least once: inter-");

  // Rows of original, occluded and recovered pictures; nothing but the hidden square differs.
  const Image large = load_image(run_folder + "completion_M30.png", 3);
  ASSERT_EQ(large.height, 10 * (3 * 16 + 2 * 2));  // small pictures are enlarged tenfold
  ASSERT_EQ(large.width, 10 * (2 * 16 + 2));
  const Image sheet = resize(large, 3 * 16 + 2 * 2, 2 * 16 + 2, Resize::nearest);
  // The model's row of the table, from the sheet's bytes.
  const std::string title = "Completion of 2 held-out pictures (Table 4): ";
  std::vector<double> errors, psnrs;
  for (const int64_t left : {0, 18}) {
    double absolute = 0, squares = 0;
    int64_t count = 0;
    for (int64_t y = 0; y < 16; ++y)
      for (int64_t x = left; x < left + 16; ++x)
        for (int c = 0; c < 3; ++c)
          if (sheet.at(y + 18, x)[0] == 0 && sheet.at(y, x)[0] != 0) {
            const double difference = (sheet.at(y + 36, x)[c] - sheet.at(y, x)[c]) / 255.0;
            absolute += std::abs(difference), squares += difference * difference, ++count;
          }
    ASSERT_EQ(count, 3 * 8 * 8);
    errors.push_back(absolute / double(count));
    psnrs.push_back(-10 * std::log10(squares / double(count)));
  }
  const auto value = [&](const std::string &what, const std::string &column) {
    return reported(report, title + what, "CoopNets", column);
  };
  EXPECT_NEAR(value("error", "M30 (8 of 16)"), (errors[0] + errors[1]) / 2, 1 / 255.0);
  EXPECT_NEAR(value("error", "+- M30 (8 of 16)"), std::abs(errors[0] - errors[1]) / 2, 1 / 255.0);
  EXPECT_NEAR(value("PSNR in dB", "M30 (8 of 16)"), (psnrs[0] + psnrs[1]) / 2, 0.1);
  EXPECT_NEAR(value("PSNR in dB", "+- M30 (8 of 16)"), std::abs(psnrs[0] - psnrs[1]) / 2, 0.1);
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

TEST_F(CompleteTest, as_many_are_held_out_as_were_asked_for) {
  const Outcome trained =
      run_program(run({"--data", data, "--overwrite", "--iterations", "1", "--set", "size=16", "batch=2", "chains=2",
                       "latent=3", "langevin_steps=1", "inference_steps=2", "inference_restarts=1", "held_out=5"}));
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_CONTAINS(trained.out, "7 examples");
  EXPECT_FALSE(contains(trained.out, "the preset would"));
  EXPECT_CONTAINS(run_program(run({"--evaluate"})).out, "Completion of 5 held-out pictures");
  EXPECT_EQ(run_program(run({"--complete"})).status, 0);
  EXPECT_EQ(load_image(run_folder + "completed.png").width, 6 * (5 * 16 + 4 * 2));
}

TEST_F(CompleteTest, published_numbers_stand_beside_pictures_of_their_size) {
  const Arguments big = {"--exp", "completion", "--out", folder, "--name", "big", "--threads", "1"};
  ASSERT_EQ(run_program(big + Arguments{"--data", data, "--iterations", "1", "--set", "batch=1", "chains=1",
                                        "langevin_steps=1", "inference_steps=1", "inference_restarts=1"})
                .status,
            0);
  const Outcome o = run_program(big + Arguments{"--evaluate", "--samples", "1"});
  ASSERT_EQ(o.status, 0) << o.err;
  const std::string report = read_file(folder + "/completion/big/evaluation.json");
  const auto published = [&](const std::string &what, const std::string &row, const std::string &column) {
    return reported(report, "Completion of 1 held-out pictures (Table 4): " + what, "published, " + row, column);
  };
  EXPECT_EQ(published("error", "CoopNets", "M30"), 0.115);
  EXPECT_EQ(published("error", "CoopNets", "M50"), 0.136);
  EXPECT_EQ(published("error", "inter-3", "M40"), 0.314);
  EXPECT_EQ(published("PSNR", "CoopNets", "M40"), 16.098);
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
  EXPECT_CONTAINS(report, "{\"name\": \"CoopNets\", \"M4\": ");
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
  Image image = smooth(16, 16, 3);
  std::fill(image.at(3, 4), image.at(4, 0), uint8_t(0));
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

  // Stretched by what is visible: the hidden row can be anything, and what fills it lies in the range around it.
  const auto stretched = [&](uint8_t hidden) {
    Image dim = noise(16, 16, 3);
    for (uint8_t &p : dim.pixels) p = uint8_t(100 + p % 40);
    std::fill(dim.at(3, 4), dim.at(4, 0), hidden);
    save_png(folder + "/dim.png", dim);
    const Outcome done = run_program(
        run({"--complete", folder + "/dim.png", "--mask", folder + "/mask.png", "--set", "normalise=stretch"}));
    EXPECT_EQ(done.status, 0) << done.err;
    return load_image(run_folder + "completed_dim.png", 3);
  };
  const Image dim = stretched(255);
  EXPECT_EQ(dim.pixels, stretched(0).pixels);
  for (const uint8_t p : dim.pixels) EXPECT_TRUE(p >= 100 && p < 140) << int(p);

  const Outcome masked = run_program(run({"--evaluate", "--mask", folder + "/mask.png", "--samples", "1"}));
  EXPECT_EQ(masked.status, 0) << masked.err;
  EXPECT_CONTAINS(masked.out, "+- mask");
  EXPECT_EQ(run_program(run({"--complete"})).status, 0);
  EXPECT_EQ(load_image(run_folder + "completed.png").height, 10 * (3 * 16 + 2 * 2));

  save_png(folder + "/black.png", Image(16, 16, 1));
  save_png(folder + "/white.png", Image(16, 16, 1, 255));
  EXPECT_CONTAINS(failure_of(run({"--complete", "--mask", folder + "/black.png"})), "hides nothing");
  EXPECT_CONTAINS(failure_of(run({"--complete", "--mask", folder + "/white.png"})), "hides everything");
  EXPECT_CONTAINS(failure_of(run({"--complete", "--set", "hidden_square=16"})), "hidden_square");
  EXPECT_CONTAINS(failure_of(run({"--complete", folder + "/none.png"})), "none.png");
  EXPECT_CONTAINS(failure_of(run({"--evaluate", "--set", "held_out=0"})), "held_out");
  ASSERT_EQ(run_program(run({"--data", data, "--overwrite", "--iterations", "1", "--set", "size=16", "batch=2",
                             "chains=2", "latent=3", "langevin_steps=1", "held_out=0"}))
                .status,
            0);
  EXPECT_CONTAINS(failure_of(run({"--evaluate"})), "none left to test on");
}

TEST_F(CompleteTest, a_whole_picture_comes_back_at_its_own_size) {
  const std::string mine = folder + "/mine", masks = folder + "/masks";
  std::filesystem::create_directories(mine);
  std::filesystem::create_directories(masks);
  const auto add = [&](const std::string &name, int64_t height, int64_t width, int64_t top, int64_t left) {
    Image mask(height, width, 1);
    for (int64_t y = top; y < top + 9; ++y) std::fill_n(mask.at(y, left), 7, uint8_t(255));
    save_png(masks + "/" + name, mask);
    save_png(mine + "/" + name, noise(height, width, 3));
  };
  add("large.png", 40, 24, 28, 2);  // scaled
  add("wide.png", 16, 50, 3, 40);   // outside the centred square
  write_atomically(mine + "/broken.png", "no picture");
  const auto check = [&](const std::string &name, const std::string &result) {
    const Image before = load_image(mine + "/" + name), mask = load_image(masks + "/" + name, 1),
                after = load_image(result, 3);
    ASSERT_EQ(after.shape(), before.shape()) << name;
    int64_t changed = 0;
    for (int64_t y = 0; y < before.height; ++y)
      for (int64_t x = 0; x < before.width; ++x) {
        const bool equal = std::equal(before.at(y, x), before.at(y, x) + 3, after.at(y, x));
        EXPECT_TRUE(equal || mask.at(y, x)[0]) << name << ' ' << y << ' ' << x;
        changed += !equal;
      }
    EXPECT_GT(changed, 50) << name;  // of 63, which were noise
  };
  const Outcome one = run_program(run({"--complete", mine + "/large.png", "--mask", masks + "/large.png"}));
  ASSERT_EQ(one.status, 0) << one.err;
  check("large.png", run_folder + "completed_large.png");

  const Outcome all = run_program(run({"--complete", mine, "--mask", masks}));
  ASSERT_EQ(all.status, 0) << all.err;
  EXPECT_CONTAINS(all.err, "broken.png");
  EXPECT_CONTAINS(all.err, "; it is left out");
  EXPECT_CONTAINS(all.out, "completed/ holds 2 pictures with their hidden parts filled");
  check("large.png", run_folder + "completed/large.png");
  check("wide.png", run_folder + "completed/wide.png");
  std::filesystem::remove(masks + "/wide.png");
  EXPECT_CONTAINS(run_program(run({"--complete", mine, "--mask", masks})).err, "there is no mask for ");

  // Without a mask a square is hidden in what training would have shown: the centred 24x24, of which 8 of 16 pixels.
  const Outcome square = run_program(run({"--complete", mine + "/large.png"}));
  ASSERT_EQ(square.status, 0) << square.err;
  const Image before = load_image(mine + "/large.png"), after = load_image(run_folder + "completed_large.png", 3);
  int64_t changed = 0;
  for (int64_t y = 0; y < 40; ++y)
    for (int64_t x = 0; x < 24; ++x) {
      const bool equal = std::equal(before.at(y, x), before.at(y, x) + 3, after.at(y, x));
      EXPECT_TRUE(equal || (y >= 8 && y < 32)) << y << ' ' << x;
      changed += !equal;
    }
  EXPECT_GT(changed, 100);
  EXPECT_LE(changed, 12 * 12);

  EXPECT_CONTAINS(failure_of(run({"--complete", masks + "/.."})), "there is no picture in ");
}

}  // namespace
}  // namespace coopnets
