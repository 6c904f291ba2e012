#include "app/comparison.h"

#include "clips.h"

namespace coopnets {
namespace {

using Comparison = Clips;

VideoColumn column(int64_t examples, int64_t frames, real value) {
  const Shape shape{examples, frames, 4, 6, 3};
  return {std::vector<real>(shape.size(), value), shape};
}

TEST_F(Comparison, WritesRowsOfClipsAStripAndAnMp4) {
  fake_ffmpeg("cat > /dev/null; for last; do :; done; echo clip > \"${last#file:}\"");
  const std::vector<std::string> files =
      save_comparison(folder, {column(1, 16, -1), column(3, 16, 0), column(3, 16, 1)});
  EXPECT_EQ(files, (std::vector<std::string>{"comparison.png", "strip.png", "comparison.mp4"}));
  for (const std::string &file : files) EXPECT_TRUE(std::filesystem::exists(in_folder(file))) << file;
  const Image first = load_image(in_folder("comparison.png"));
  EXPECT_EQ(first.height, 3 * 4 + 2 * 2);  // three rows of clips
  EXPECT_EQ(first.width, 3 * 6 + 2 * 2);
  for (int64_t row : {0, 6, 12}) {  // the observed clip is shown again beside each chain
    EXPECT_EQ(*first.at(row, 0), 0);
    EXPECT_EQ(*first.at(row, 8), 128);
    EXPECT_EQ(*first.at(row, 16), 255);
  }
  const Image strip = load_image(in_folder("strip.png"));
  EXPECT_EQ(strip.height, 3 * 4 + 2 * 2);  // a row a column
  EXPECT_EQ(strip.width, 8 * 6 + 7 * 2);
  EXPECT_EQ(*strip.at(6, 0), 128);
}

TEST_F(Comparison, PlaysAtTheGivenSpeed) {
  no_ffmpeg();
  for (const auto &[given, played] : {std::pair<int64_t, int64_t>{40, 40}, {655350, 65535}}) {
    save_comparison(folder, {column(1, 3, -1)}, given);
    int64_t milliseconds = 0;
    read_clip(in_folder("comparison.png"), 3, 4, 6, {}, Resize::average, &milliseconds);
    EXPECT_EQ(milliseconds, played);
  }
}

TEST_F(Comparison, NeedsNoFfmpegAndLeavesOutWhatIsEmpty) {
  no_ffmpeg();
  EXPECT_EQ(save_comparison(folder, {column(1, 3, -1), {}, column(1, 3, 1)}).size(), 2u);
  EXPECT_FALSE(std::filesystem::exists(in_folder("comparison.mp4")));
  EXPECT_EQ(load_image(in_folder("comparison.png")).width, 2 * 6 + 2);
  EXPECT_EQ(load_image(in_folder("strip.png")).width, 3 * 6 + 2 * 2);  // fewer than eight frames: all of them
}

}  // namespace
}  // namespace coopnets
