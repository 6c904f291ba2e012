// Clips as observed examples: whole, in parts, too short, with what else lies beside them.
#include <set>

#include "clips.h"
#include "data/picture_files.h"
#include "examples_test.h"
#include "experiments/model.h"

namespace coopnets {
namespace {

TEST_F(ExamplesTest, clips) {
  const std::vector<uint8_t> dark(64, 10), light(64, 90), other(64, 50);
  write_text(folder + "/a.gif",
             make_gif(8, 8, {{0, 0, 8, 8, dark}, {0, 0, 4, 8, light}, {0, 0, 8, 8, other}, {0, 0, 8, 4, dark}}));
  write_text(folder + "/b.gif",
             make_gif(8, 8, {{0, 0, 8, 8, light}, {0, 0, 8, 2, dark}, {0, 0, 2, 8, other}, {0, 0, 8, 8, dark}}));
  const Experiment &video = find_experiment("dynamic-texture");
  const auto clips = open(video, settings, folder);
  EXPECT_EQ(clips->size(), 2);
  EXPECT_EQ(clips->label(0), -1);
  expect_batches(*clips, 4 * 8 * 8 * 3);
  EXPECT_EQ(clips->range(0, 1), to_reals(read_clip(folder + "/a.gif", 4, 8, 8, parse_crop("centre")), Stretch::frame));
  settings.normalise = "video";
  EXPECT_EQ(open(video, settings, folder)->range(1, 1),
            to_reals(read_clip(folder + "/b.gif", 4, 8, 8, parse_crop("centre")), Stretch::video));
  settings.size = 5;
  settings.resize = "nearest";
  EXPECT_EQ(open(video, settings, folder)->range(1, 1),
            to_reals(read_clip(folder + "/b.gif", 4, 5, 5, parse_crop("centre"), Resize::nearest), Stretch::video));
  settings.resize = "bicubic";
  EXPECT_EQ(open(video, settings, folder)->range(1, 1),
            to_reals(read_clip(folder + "/b.gif", 4, 5, 5, parse_crop("centre"), Resize::bicubic), Stretch::video));
  EXPECT_NE(read_clip(folder + "/b.gif", 4, 5, 5, {}, Resize::bicubic)[1].pixels,
            read_clip(folder + "/b.gif", 4, 5, 5, {}, Resize::nearest)[1].pixels);
}

TEST_F(ExamplesTest, frames_of_other_kinds_among_a_clips_are_said) {
  for (int t = 0; t < 4; ++t) write_bytes(folder + "/" + std::to_string(t) + ".png", encode_png(noise(8, 8, 3)));
  std::vector<std::string> warnings;
  const auto open_clip = [&] {
    return open_examples(
        find_experiment("dynamic-texture"), settings, folder, 1,
        [&](const std::string &sentence) { warnings.push_back(sentence); }, Part::train);
  };
  EXPECT_EQ(open_clip()->size(), 1);
  EXPECT_TRUE(warnings.empty());
  for (const char *name : {"/4.webp", "/5.WEBP", "/notes.txt"}) write_bytes(folder + name, {1});
  EXPECT_EQ(open_clip()->size(), 1);
  EXPECT_EQ(warnings, std::vector<std::string>{
                          "in " + folder +
                          " 2 files end in .webp, which is not read: convert such to PNG, as ImageMagick's 'mogrify "
                          "-format png *.webp' does; the clips are learned without them"});
}

// Each position of the endless sequence shows neighbouring frames of its own, which follow from the seed alone.
TEST_F(ExamplesTest, parts_of_a_clip) {
  std::vector<GifFrame> frames;
  for (int t = 0; t < 11; ++t) {
    frames.push_back({0, 0, 8, 8, std::vector<uint8_t>(64, uint8_t(10 * t))});
    frames.back().indices[0] = 120;
  }
  write_text(folder + "/a.gif", make_gif(8, 8, frames));
  const Experiment &experiment = find_experiment("dynamic-texture");
  settings.crop = "random";
  settings.border = 1;  // six frames of the eleven
  settings.normalise = "video";
  const auto examples = open(experiment, settings, folder + "/a.gif");
  const std::vector<real> clip = to_reals(read_clip(folder + "/a.gif", 11, 8, 8), Stretch::video);
  Shape shape;
  EXPECT_EQ(examples->whole(0, shape), clip);
  EXPECT_EQ(shape, (Shape{1, 11, 8, 8, 3}));
  const int64_t frame = 8 * 8 * 3;
  const auto part = [&](int64_t first) {
    return std::vector<real>(clip.begin() + first * frame, clip.begin() + (first + 6) * frame);
  };
  EXPECT_EQ(examples->range(0, 1), part(2)) << "the middle";
  std::set<int64_t> seen;
  for (int64_t iteration = 0; iteration < 40; ++iteration) {
    const std::vector<real> two = examples->batch(iteration, 2);
    ASSERT_EQ(int64_t(two.size()), 12 * frame);
    for (const int64_t k : {0, 1}) {
      const std::vector<real> one(two.begin() + k * 6 * frame, two.begin() + (k + 1) * 6 * frame);
      int64_t first = 0;
      while (first <= 5 && one != part(first)) ++first;
      ASSERT_LE(first, 5) << "no six neighbouring frames";
      seen.insert(first);
    }
  }
  EXPECT_EQ(seen.size(), 6u) << "every part is shown";
  Settings longer = settings;
  longer.frames = 10;
  EXPECT_CONTAINS(refusal("dynamic-texture", longer, folder + "/a.gif"),
                  "has 11 frames, but 12 are needed, 2 of them before and after what is shown: give a longer clip, or "
                  "--set frames=9, or --set short=mirror");
  longer.short_clips = "mirror";
  EXPECT_EQ(open(experiment, longer, folder + "/a.gif")->range(0, 1),
            to_reals(lengthened(read_clip(folder + "/a.gif", 11, 8, 8), 12, Short::mirror), Stretch::video));
  EXPECT_EQ(open(experiment, settings, folder + "/a.gif")->batch(7, 2), examples->batch(7, 2));
  EXPECT_NE(open(experiment, settings, folder + "/a.gif", 2)->batch(7, 8), examples->batch(7, 8));
}

// Nets that make 28, 32, 36 ... frames.
TEST_F(ExamplesTest, short_clips) {
  std::vector<GifFrame> frames;
  for (int t = 0; t < 30; ++t) {
    frames.push_back({0, 0, 8, 8, std::vector<uint8_t>(64, uint8_t(t)), 1, -1, 2});
    frames.back().indices[0] = 100;
  }
  const auto clip = [&](int64_t count) {
    write_text(folder + "/a.gif", make_gif(8, 8, {frames.begin(), frames.begin() + count}));
  };
  settings = find_experiment("dynamic-texture").settings("quick");
  settings.size = 8;
  settings.frames = 64;
  const std::string has = folder + "/a.gif has ",
                    or_longer = ", or --set short=mirror or short=loop, to play it back and forth or again";
  clip(30);
  EXPECT_EQ(refusal("dynamic-texture", settings, folder),
            has +
                "30 frames, but 64 are needed: give a longer clip, or --set frames=28, the most of these that the nets "
                "take" +
                or_longer);
  clip(28);
  EXPECT_EQ(refusal("dynamic-texture", settings, folder),
            has + "28 frames, but 64 are needed: give a longer clip, or --set frames=28" + or_longer);
  clip(27);
  EXPECT_EQ(
      refusal("dynamic-texture", settings, folder),
      has + "27 frames, but 64 are needed: give a longer clip (the nets take 28 frames at the least)" + or_longer);
  settings.frames = 60;
  for (const char *how : {"loop", "mirror"}) {
    settings.short_clips = how;
    const auto longer = open(find_experiment("dynamic-texture"), settings, folder);
    EXPECT_EQ(longer->range(0, 1),
              to_reals(lengthened(read_clip(folder + "/a.gif", 60, 8, 8), 60, parse_short(how)), Stretch::frame));
    EXPECT_EQ(longer->milliseconds(), 20);
  }
  clip(1);
  EXPECT_EQ(refusal("dynamic-texture", settings, folder), has + "1 frame, but 60 are needed: give a longer clip")
      << "nothing moves in it, whatever short is";
}

}  // namespace
}  // namespace coopnets
