#include "app/video_scores.h"

#include <gtest/gtest.h>

#include <cmath>

#include "files.h"
#include "metrics/time_shift.h"
#include "random_matrix.h"

namespace coopnets {
namespace {

// A frame pattern whose brightness swings: one oscillator, which every linear rival can hold.
Frames swinging(int64_t count) {
  Frames frames(count, 12, 14, 3);
  for (int64_t t = 0; t < count; ++t)
    for (int64_t i = 0; i < frames.frame_size(); ++i)
      frames.frame(t)[i] = 0.5 + 0.3 * std::sin(0.7 * double(t) + 0.1 * double(i));
  return frames;
}

TEST(VideoScores, ScoresByHand) {
  Frames black(2, 11, 11, 3), grey = black;
  for (double &v : grey.pixels) v = 0.1;
  // Mean squared error 0.01 on a peak of 1: 20 dB. SSIM of constants: (2 a b + C1)/(a^2 + b^2 + C1), C1 = 1e-4.
  const FrameScores s = score(black, grey);
  EXPECT_NEAR(s.psnr, 20, 1e-9);
  EXPECT_NEAR(s.ssim, 1e-4 / (0.01 + 1e-4), 1e-9);
  for (double &v : grey.pixels) v = -7;  // clipped to what a screen shows
  EXPECT_EQ(score(black, grey).ssim, 1);
  EXPECT_NEAR(score(black, grey).psnr, 58.9226, 1e-4);  // equal to within the rounding of bytes
  EXPECT_TRUE(score(black, grey).exact);
  EXPECT_FALSE(s.exact);
}

TEST(VideoScores, FramesAreTheExampleOnTheUnitRange) {
  const Frames frames = to_frames({-1, 0, 1, 0.5, -0.5, 0}, {1, 2, 1, 1, 3});
  EXPECT_EQ(frames.size_text(), Frames(2, 1, 1, 3).size_text());
  EXPECT_EQ(frames.pixels, (std::vector<double>{0, 0.5, 1, 0.75, 0.25, 0.5}));
}

// Of constants a and b SSIM is (2 a b + C1) / (a^2 + b^2 + C1), C1 = 1e-4; their order in time does not count.
TEST(VideoScores, TheSsimOfMeansByHand) {
  Frames a(2, 11, 11, 3), b(4, 11, 11, 3);
  for (int64_t i = 0; i < a.frame_size(); ++i) a.frame(1)[i] = 0.4;  // mean 0.2
  for (int64_t i = 0; i < b.frame_size(); ++i)
    b.frame(0)[i] = b.frame(2)[i] = 0.8, b.frame(3)[i] = 7;  // cut to 1: 0.65
  EXPECT_NEAR(ssim_of_means(a, b), (2 * 0.2 * 0.65 + 1e-4) / (0.04 + 0.4225 + 1e-4), 1e-9);
  EXPECT_NEAR(ssim_of_means(a, a), 1, 1e-12);
}

TEST(VideoScores, MeansAreTakenProtocolByProtocol) {
  const VideoScores mean = mean_scores({{"a", FrameScores{10, 0.5}, {}, FrameScores{20, 0.75}},
                                        {"b", FrameScores{14, 0.25}, {}, FrameScores{22, 0.25}}});
  EXPECT_EQ(mean.system, "a");
  EXPECT_EQ(mean.frame_aligned->psnr, 12);
  EXPECT_EQ(mean.frame_aligned->ssim, 0.375);
  EXPECT_FALSE(mean.one_step);
  EXPECT_EQ(mean.reconstruction->psnr, 21);
}

TEST(VideoScores, RivalsAreAboveTheMeanFrameOnALinearClip) {
  const Frames clip = swinging(24);
  const std::vector<VideoScores> rows = score_rivals(clip, 1);
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].system, "mean frame");
  EXPECT_FALSE(rows[0].between);  // it makes one clip
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_GE(*rows[i].best_shift, rows[i].frame_aligned->psnr - 1e-9) << rows[i].system;
    if (i > 0) {
      EXPECT_GT(*rows[i].between, 5) << rows[i].system;
    }
  }
  const double floor = rows[0].reconstruction->psnr;
  EXPECT_EQ(rows[0].frame_aligned->psnr, floor);
  for (size_t i = 1; i < rows.size(); ++i) {
    EXPECT_GE(rows[i].reconstruction->psnr, floor + 3) << rows[i].system;
    EXPECT_GE(rows[i].reconstruction->ssim, rows[0].reconstruction->ssim) << rows[i].system;
    EXPECT_LE(rows[i].states, 12) << rows[i].system;  // 23 would be the clip itself
  }
  // Two states make the swing, rolled out as well as projected, but for the mean of a swing that is cut off.
  for (size_t i : {1u, 3u}) EXPECT_GE(rows[i].frame_aligned->psnr, floor + 20) << rows[i].system;
}

TEST(VideoScores, RemarksWarnOfMemory) {
  const auto has = [](const std::vector<std::string> &all, const std::string &part) {
    for (const std::string &one : all)
      if (contains(one, part)) return true;
    return false;
  };
  VideoScores all{"LDS, 23 states", {}, {}, {}, 23}, most{"HOSVD, 22 states", {}, {}, {}, 22},
      none{"MKGPDM", {}, {}, {}};
  const std::vector<std::string> said = remarks({all, most, none}, swinging(24), 12096);
  EXPECT_TRUE(has(said, "LDS, 23 states: 24 frames less their mean span 23 dimensions, so these hold the clip itself"));
  EXPECT_TRUE(has(said, "12096 parameters for 12096 observed values, enough to hold"));
  const std::vector<std::string> fewer = remarks({most, none}, swinging(24), 12095);
  EXPECT_FALSE(has(fewer, "span"));
  EXPECT_TRUE(has(fewer, "12095 parameters for 12096 observed values."));
  EXPECT_FALSE(has(remarks({none}, swinging(24), 0), "The generator"));
}

// What no replay can win. The clip is noise, which agrees with itself at no other time; a model that gives it back
// whatever its random numbers is told, one that makes other noise is not.
TEST(VideoScores, AReplayIsSeenAtOnce) {
  const auto clip_of = [](unsigned seed) {
    Matrix m = random_matrix(1, 16 * 12 * 12, seed);
    for (double &v : m.values) v = 0.5 + 0.1 * v;
    return clipped(Frames(16, 12, 12, 1, m.values));
  };
  const Frames clip = clip_of(1);
  std::vector<VideoScores> rows = score_clip(clip);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].system, "the clip, half its length later");
  EXPECT_EQ(rows[1].system, "the clip, shifted to its best");
  for (const VideoScores &row : rows) {
    EXPECT_NEAR(*row.between, -10 * std::log10(0.02), 1);
    EXPECT_EQ(*row.between, row.frame_aligned->psnr);
  }
  EXPECT_GE(*rows[1].between, *rows[0].between);
  EXPECT_NEAR(*rows[0].between, shifted_psnr(clip, clip, 8), 1e-9);

  EXPECT_NEAR(*agreement({clip, clip, clip}), 58.92, 0.01);
  EXPECT_NEAR(*agreement({clip_of(2), clip_of(3), clip_of(4)}), -10 * std::log10(0.02), 0.5);
  EXPECT_FALSE(agreement({clip}));

  VideoScores replay{"one", {}, {}, {}}, other{"two", {}, {}, {}}, silent{"three", {}, {}, {}};
  replay.between = *rows[1].between + 6.1;
  other.between = *rows[1].between + 5.9;
  rows.insert(rows.end(), {replay, other, silent});
  const std::vector<std::string> said = replays(rows);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_CONTAINS(said[0], "one REPLAYS one clip");
  const Table table = video_table(rows, {});
  EXPECT_EQ(table.notes, said);
  EXPECT_EQ(table.rows[2].cells[3], *replay.between);
  EXPECT_TRUE(std::isnan(table.rows[0].cells[2]));
  EXPECT_TRUE(score_clip(Frames(1, 12, 12, 1)).empty());

  // Means over clips.
  replay.best_shift = 20, replay.between = 30, replay.of_means = 0.5;
  VideoScores more = replay;
  more.best_shift = 22, more.between = 40, more.of_means = 1;
  EXPECT_EQ(*mean_scores({replay, more}).of_means, 0.75);
  EXPECT_EQ(*mean_scores({replay, more}).best_shift, 21);
  EXPECT_EQ(*mean_scores({replay, more}).between, 35);
}

TEST(VideoScores, ATableHasAPairOfColumnsForEachProtocol) {
  const std::vector<VideoScores> rows = {{"mean frame", FrameScores{17.891, 0.2431}, {}, {}},
                                         {"LDS", {}, {}, FrameScores{INFINITY, 1}, 0, {}, {}, 0.75}};
  const Table table = video_table(rows, {"One.", "Two."});
  EXPECT_EQ(table.columns, (std::vector<std::string>{"PSNR frame-aligned", "SSIM frame-aligned", "PSNR best shift",
                                                     "PSNR between syntheses", "SSIM of means", "PSNR one-step",
                                                     "SSIM one-step", "PSNR reconstruction", "SSIM reconstruction"}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0].name, "mean frame");
  EXPECT_EQ(table.rows[0].cells[0], 17.891);
  EXPECT_EQ(table.rows[0].cells[1], 0.2431);
  EXPECT_TRUE(std::isnan(table.rows[0].cells[2]) && std::isnan(table.rows[0].cells[3]));
  EXPECT_TRUE(std::isnan(table.rows[0].cells[4]) && std::isnan(table.rows[0].cells[8]));
  EXPECT_EQ(table.rows[1].cells[4], 0.75);
  EXPECT_EQ(table.rows[1].cells[8], 1);
  EXPECT_EQ(table.notes, (std::vector<std::string>{"One.", "Two."}));

  const Table exact = video_table({{"LDS", FrameScores{20, 0.9}, {}, FrameScores{58.92, 1, true}}, rows[0]}, {"One."});
  EXPECT_EQ(exact.notes.back(), "exact to within the rounding of bytes, which counts as 58.92 dB, at least once: LDS");
}

}  // namespace
}  // namespace coopnets
