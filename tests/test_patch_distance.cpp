#include "metrics/patch_distance.h"

#include <gtest/gtest.h>

#include "data/picture_files.h"
#include "program.h"

namespace coopnets {
namespace {

Image flat(int64_t height, int64_t width, std::vector<uint8_t> colour) {
  Image image(height, width, int64_t(colour.size()));
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = colour[i % colour.size()];
  return image;
}

TEST(PatchDistance, IsZeroForTheSamePatchesAndOneForTheMeanColour) {
  // All patches of 40x40 pixels are compared, so the order of drawing does not matter.
  Image checks(40, 40, 1);
  for (int64_t y = 0; y < 40; ++y)
    for (int64_t x = 0; x < 40; ++x) checks.at(y, x)[0] = (x / 8 + y / 8) % 2 ? 200 : 100;
  EXPECT_NEAR(patch_distance(checks, checks), 0, 1e-6);
  EXPECT_NEAR(patch_distance(checks, flat(40, 40, {152})), 1, 0.02);  // 12 of 25 squares are of 200: the mean is 148
  EXPECT_NEAR(patch_distance(checks, flat(40, 40, {148})), 1, 1e-6);
}

// Patches of a constant picture are one point, so the distance of two is that of their colours along each direction, and
// grows in proportion.
TEST(PatchDistance, GrowsWithTheDifferenceOfColours) {
  const Image observed = noise(32, 32, 3, 1);
  const double near = patch_distance(observed, flat(32, 32, {128, 128, 128}));
  const double far = patch_distance(observed, flat(32, 32, {255, 255, 255}));
  EXPECT_NEAR(near, 1, 0.05);
  EXPECT_GT(far, 2.5 * near);
}

TEST(PatchDistance, TellsTexturesApartAndNotTheirSamples) {
  const Image a = noise(64, 64, 3, 1), b = noise(64, 64, 3, 2), s = smooth(64, 64, 3);
  EXPECT_LT(patch_distance(a, b), 0.1);
  EXPECT_GT(patch_distance(a, s), 0.3);
  EXPECT_EQ(patch_distance(a, s), patch_distance(a, s));
  EXPECT_NE(patch_distance(a, s, 1), patch_distance(a, s, 2));
  EXPECT_NEAR(patch_distance(a, s, 1), patch_distance(a, s, 2), 0.1);
}

TEST(PatchDistance, Refuses) {
  const Image image = noise(32, 32, 3);
  EXPECT_THROW(patch_distance(image, noise(27, 40, 3)), std::invalid_argument);
  EXPECT_THROW(patch_distance(image, noise(32, 32, 1)), std::invalid_argument);
  EXPECT_THROW(patch_distance(flat(32, 32, {1, 2, 3}), image), std::invalid_argument);
}

TEST_F(ProgramTest, evaluates_a_texture) {
  ASSERT_EQ(run_program(train(2)).status, 0);
  const Outcome o = run_program(
      {"--exp", "texture", "--out", folder, "--name", "run", "--evaluate", "--samples", "2", "--threads", "1"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "mean and standard error over 2 samples");
  const std::string run = folder + "/texture/run/", report = read_file(run + "evaluation.json");
  ASSERT_EQ(run_program(
                {"--exp", "texture", "--checkpoint", run + "checkpoint.safetensors", "--sample", "2", "--threads", "1"})
                .status,
            0);
  const Image observed = on_sheet(run + "observed.png", 32, 32);
  for (const std::string kind : {"generator", "descriptor"}) {
    double mean = 0;
    for (const std::string number : {"_000000.png", "_000001.png"})
      mean += patch_distance(observed, load_image(run + "sampled/" + kind + number, 3)) / 2;
    EXPECT_NEAR(reported(report, "Likeness", kind, "patch distance"), mean, kind == "generator" ? 1e-6 : 0.02) << kind;
  }
}

}  // namespace
}  // namespace coopnets
