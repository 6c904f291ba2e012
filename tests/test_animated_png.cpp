// What frames of animated PNGs look like once they are laid over each other. Canvases are drawn as text: '.' black,
// 'r' red, 'g' green, 'b' blue; rows end in '/'.
#include "data/animated_png.h"

#include "clips.h"
#include "data/animated_png_files.h"
#include "data/animation.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;
using Texts = std::vector<std::string>;
using namespace apng;

std::string drawn(const Image &image) {
  std::string text;
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      const uint8_t *p = image.at(y, x);
      text += p[0] == 255 ? 'r' : p[1] == 255 ? 'g' : p[2] == 255 ? 'b' : p[0] + p[1] + p[2] == 0 ? '.' : '?';
    }
    text += '/';
  }
  return text;
}

class AnimatedPng : public Clips {
 protected:
  const std::string path = in_folder("a.png");
  std::vector<int64_t> milliseconds;
  std::vector<Image> images;

  Texts shown(const Bytes &file, int64_t frames = 100) {
    write_bytes(path, file);
    milliseconds.clear(), images.clear();
    Texts all;
    const int64_t count = read_animated_png(path, frames, [&](const Image &frame, int64_t time) {
      all.push_back(drawn(frame));
      images.push_back(frame);
      milliseconds.push_back(time);
    });
    EXPECT_EQ(count, int64_t(all.size()));
    return all;
  }
  std::string error(const Bytes &file, int64_t frames = 100) {
    write_bytes(path, file);
    return error_of([&] { read_animated_png(path, frames, [](const Image &, int64_t) {}); });
  }
};

const Drawn red{0, 0, 4, 3, "rrrrrrrrrrrr"};

TEST_F(AnimatedPng, KeptClearedAndBroughtBack) {
  const Drawn dot{0, 0, 1, 1, "b"};
  EXPECT_EQ(shown(make_apng(4, 3, {red, {1, 1, 2, 2, "g  g", keep}, dot})),
            (Texts{"rrrr/rrrr/rrrr/", "rrrr/rg.r/r.gr/", "brrr/rg.r/r.gr/"}))
      << "without blending, transparent pixels are holes";
  EXPECT_EQ(shown(make_apng(4, 3, {red, {1, 1, 2, 2, "g  g", keep, over}, dot})),
            (Texts{"rrrr/rrrr/rrrr/", "rrrr/rgrr/rrgr/", "brrr/rgrr/rrgr/"}));
  EXPECT_EQ(shown(make_apng(4, 3, {red, {1, 1, 2, 2, "g  g", clear, over}, dot})),
            (Texts{"rrrr/rrrr/rrrr/", "rrrr/rgrr/rrgr/", "brrr/r..r/r..r/"}));
  EXPECT_EQ(shown(make_apng(4, 3, {red, {1, 1, 2, 2, "g  g", back}, {1, 0, 1, 2, "gg", back}, dot})),
            (Texts{"rrrr/rrrr/rrrr/", "rrrr/rg.r/r.gr/", "rgrr/rgrr/rrrr/", "brrr/rrrr/rrrr/"}));
  Drawn first = red;
  first.dispose = back;
  EXPECT_EQ(shown(make_apng(4, 3, {first, dot})), (Texts{"rrrr/rrrr/rrrr/", "b.../..../..../"}));
}

TEST_F(AnimatedPng, APictureAheadOfTheFramesIsNone) {
  const Bytes file = make_apng(4, 3, {{1, 1, 2, 1, "rg"}, {0, 0, 1, 1, "r"}}, true);
  EXPECT_EQ(shown(file), (Texts{"..../.rg./..../", "r.../.rg./..../"}));
  EXPECT_EQ(drawn(load_image(path)), "bbbb/bbbb/bbbb/");
}

TEST_F(AnimatedPng, HalfTransparentColours) {
  // A blue of alpha 128 over red: (255 * 127, 0, 255 * 128) / 255; in its place: (0, 0, 255 * 128) / 255.
  const Bytes half = compressed({0, 0, 255, 128}, 1, 1);
  Bytes file = make_apng(1, 1, {{0, 0, 1, 1, "r"}});
  file.resize(file.size() - 12);
  file[8 + 25 + 8 + 3] = 3;
  append_chunk(file, "fcTL", control(1, {0, 0, 1, 1, "", keep, over}));
  append_chunk(file, "fdAT", numbered(2, half));
  append_chunk(file, "fcTL", control(3, {0, 0, 1, 1, "", keep, source}));
  append_chunk(file, "fdAT", numbered(4, half));
  append_chunk(file, "IEND", Bytes());
  repair_png(file);
  shown(file);
  ASSERT_EQ(images.size(), 3u);
  EXPECT_EQ(images[1].pixels, (Bytes{127, 0, 128}));
  EXPECT_EQ(images[2].pixels, (Bytes{0, 0, 128}));
}

TEST_F(AnimatedPng, PalettesHoldForEveryFrame) {
  // One row of two pixels, eight bits each; stored, not compressed. Entry 2 of the palette is transparent.
  const auto row = [](uint8_t a, uint8_t b) { return Bytes{0x78, 1, 1, 3, 0, 0xFC, 0xFF, 0, a, b, 0, 0, 0, 0}; };
  Bytes file(png_signature.begin(), png_signature.end());
  append_chunk(file, "IHDR", header(2, 1, 3));
  append_chunk(file, "acTL", Bytes{0, 0, 0, 2, 0, 0, 0, 0});
  append_chunk(file, "PLTE", Bytes{255, 0, 0, 0, 255, 0, 0, 0, 255});
  append_chunk(file, "tRNS", Bytes{255, 255, 0});
  append_chunk(file, "fcTL", control(0, {0, 0, 2, 1, ""}));
  append_chunk(file, "IDAT", row(0, 1));
  append_chunk(file, "fcTL", control(1, {0, 0, 2, 1, "", keep, over}));
  append_chunk(file, "fdAT", numbered(2, row(2, 0)));
  append_chunk(file, "IEND", Bytes());
  EXPECT_EQ(shown(file), (Texts{"rg/", "rr/"}));
}

TEST_F(AnimatedPng, HowLongFramesAreShown) {
  std::vector<Drawn> frames(5, red);
  const int delays[5][2] = {{1, 0}, {2, 0}, {1, 2}, {0, 1000}, {11, 1000}};  // a unit of 0 is 100 a second
  for (size_t i = 0; i < 5; ++i) frames[i].delay = delays[i][0], frames[i].unit = delays[i][1];
  shown(make_apng(4, 3, frames));
  EXPECT_EQ(milliseconds, (std::vector<int64_t>{100, 20, 500, 100, 11}));
}

TEST_F(AnimatedPng, IsKnownByItsContentWhereverClipsAre) {
  const auto is = [&](const Bytes &file) {
    write_bytes(path, file);
    return is_animated_png(path);
  };
  EXPECT_TRUE(is(make_apng(4, 3, {red, red})));
  EXPECT_FALSE(is(make_apng(4, 3, {red})));
  EXPECT_FALSE(is(encode_png(Image(4, 3, 3))));
  EXPECT_FALSE(is({}));
  EXPECT_FALSE(is(bytes_of("\x89PNG\r\n\x1A\n", {0xFF, 0xFF, 0xFF, 0xFF, 'a', 'b', 'c', 'd'})));
  EXPECT_FALSE(is_animated_png(in_folder("none.png")));

  const Clip one = noise_clip(3, 6, 5, 3, 1), two = noise_clip(3, 6, 5, 3, 2);
  for (const char *name : {"clips", "frames"}) std::filesystem::create_directory(in_folder(name));
  write_bytes(in_folder("clips/1.png"), encode_apng(one));
  write_bytes(in_folder("clips/2.apng"), encode_apng(two));
  write_text(in_folder("clips/3.gif"), "x");
  const Texts clips = list_clips(in_folder("clips"));
  ASSERT_EQ(clips, (Texts{in_folder("clips/1.png"), in_folder("clips/2.apng"), in_folder("clips/3.gif")}));
  no_ffmpeg();
  EXPECT_EQ(read_clip(clips[0], 3, 6, 5), one);
  EXPECT_EQ(read_clip(clips[1], 3, 6, 5), two);
  std::filesystem::rename(clips[1], in_folder("clips/2.mp4"));
  EXPECT_EQ(read_clip(in_folder("clips/2.mp4"), 3, 6, 5), two) << "whatever its name";
  save_png(in_folder("clips/frame.png"), one[0]);
  EXPECT_CONTAINS(error_of([&] { list_clips(in_folder("clips")); }), "pictures");
  save_png(in_folder("frames/1.png"), one[0]);
  write_bytes(in_folder("frames/2.png"), encode_apng({one[1]}));  // some programs save single pictures so
  EXPECT_EQ(read_clip(in_folder("frames"), 2, 6, 5), (Clip{one[0], one[1]}));
}

TEST_F(AnimatedPng, CutAtEveryLength) {
  const Bytes file = make_apng(4, 3, {red, red, {1, 1, 2, 2, "gggg", back}});
  for (size_t length = 8; length < file.size(); ++length) {
    const Bytes cut(file.begin(), file.begin() + int64_t(length));
    EXPECT_CONTAINS(error(cut), path + " is cut off: it ends after ") << length;
  }
  const auto end_of = [&](int frames) {  // two frames are whole once the control chunk of the third is
    size_t at = 8;
    for (PngChunk chunk; next_chunk(file, at, chunk);)
      if (chunk.is("fcTL") && frames-- == 0) break;
    return int64_t(at);
  };
  EXPECT_EQ(shown({file.begin(), file.begin() + end_of(2)}, 2).size(), 2u);
  EXPECT_EQ(error({file.begin(), file.begin() + end_of(2)}), path + " is cut off: it ends after 2 whole frames");
  EXPECT_EQ(error({file.begin(), file.begin() + end_of(1)}), path + " is cut off: it ends after 1 whole frame");
}

TEST_F(AnimatedPng, LiesAreRefused) {
  const std::string corrupt = path + " is a corrupt animated PNG: ";
  EXPECT_EQ(shown(make_apng(4, 3, {red, red, red}, false, 2)).size(), 2u) << "no more than it declares";
  EXPECT_EQ(error(make_apng(4, 3, {red, red}, false, 0x7FFFFFFF)), corrupt + "it declares 2147483647 frames and has 2");
  EXPECT_EQ(error(make_apng(4, 3, {red, {3, 2, 2, 1, "rr"}})),
            corrupt + "frame 2 is empty or lies beyond the picture's edges");
  EXPECT_EQ(error(make_apng(4, 3, {{0, 0, 2, 2, "rrrr"}, red})), corrupt + "frame 1 has not the picture's size");
  const auto changed = [&](size_t at, const Bytes &to) {  // from the first fcTL's data on
    Bytes file = make_apng(4, 3, {red, red});
    std::copy(to.begin(), to.end(), file.begin() + 8 + 25 + 20 + 8 + int64_t(at));
    repair_png(file);
    return file;
  };
  EXPECT_EQ(error(changed(0, {0, 0, 0, 1})), corrupt + "frame 1 comes out of order");
  EXPECT_EQ(error(changed(12, {0xFF, 0xFF, 0xFF, 0xFF})),
            corrupt + "frame 1 is empty or lies beyond the picture's edges");
  EXPECT_EQ(error(changed(4, {0, 0, 0, 0})), corrupt + "frame 1 is empty or lies beyond the picture's edges");
  EXPECT_EQ(error(changed(24, {3})), corrupt + "frame 1 is disposed of or blended as nothing known");
  EXPECT_EQ(error(changed(25, {2})), corrupt + "frame 1 is disposed of or blended as nothing known");
  EXPECT_EQ(error(changed(26 + 4 + 8 + 2, {0xFF, 0xFF})), corrupt + "frame 1 cannot be decoded");
  Bytes huge = make_apng(4, 3, {red, red});
  std::copy_n(Bytes{0, 0x10, 0, 0, 0, 0x10, 0, 0}.begin(), 8, huge.begin() + 16);
  repair_png(huge);
  EXPECT_EQ(error(huge), path + " is too large: 1048576 x 1048576 pixels are more than 2^28");
  std::copy_n(Bytes{0, 0, 0x20, 0, 0, 0, 0x20, 0}.begin(), 8, huge.begin() + 16);
  repair_png(huge);
  EXPECT_EQ(error(huge), path + " is too short for the size that it declares, 8192 x 8192 pixels");
  Bytes damaged = make_apng(4, 3, {red, red});
  damaged[8 + 25 + 20 + 8 + 21] ^= 1;
  EXPECT_EQ(error(damaged), corrupt + "a CRC differs");
}

TEST_F(AnimatedPng, CorruptBytesNeverCrash) {
  const Bytes good = make_apng(
      5, 4, {{0, 0, 5, 4, std::string(20, 'r')}, {1, 1, 2, 2, "g  g", back, over}, {0, 0, 3, 3, "rgbrgb rr", clear}});
  int failed = 0, survived = 0;
  Dice dice(3);
  for (int round = 0; round < 600; ++round) {
    Bytes bad = good;
    for (int change = 0; change < 2; ++change) bad[8 + dice(uint32_t(bad.size() - 8))] = uint8_t(dice(256));
    repair_png(bad);
    write_bytes(path, bad);
    try {
      read_animated_png(path, 3, [&](const Image &frame, int64_t) { EXPECT_GT(frame.size(), 0); });
      ++survived;
    } catch (const std::runtime_error &wrong) {
      EXPECT_CONTAINS(wrong.what(), path);
      ++failed;
    }
  }
  EXPECT_LT(100, failed);
  EXPECT_LT(20, survived);
}

}  // namespace
}  // namespace coopnets
