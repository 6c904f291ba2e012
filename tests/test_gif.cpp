// What frames of animated GIFs look like once they are laid over each other. Canvases are drawn as text: '.' black,
// 'a' colour 1, 'b' colour 2 and so on; rows end in '/'.
#include "data/gif.h"

#include <map>

#include "clips.h"
#include "data/image.h"

namespace coopnets {
namespace {

struct Shown {
  std::vector<std::string> frames;
  std::vector<int64_t> milliseconds;
};

std::string drawn(const Image &image) {
  std::string text;
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      const std::vector<uint8_t> pixel(image.at(y, x), image.at(y, x) + 3);
      char letter = pixel == std::vector<uint8_t>(3) ? '.' : '?';
      for (int i = 1; i < 27; ++i)
        if (pixel == gif_colour(i)) letter = char('a' + i - 1);
      text += letter;
    }
    text += '/';
  }
  return text;
}

class Gif : public Clips {
 protected:
  Shown shown(const std::string &gif, int64_t frames = 100) const {
    write_text(in_folder("a.gif"), gif);
    Shown all;
    const int64_t count = read_gif(in_folder("a.gif"), frames, [&](const Image &frame, int64_t milliseconds) {
      all.frames.push_back(drawn(frame));
      all.milliseconds.push_back(milliseconds);
    });
    EXPECT_EQ(count, int64_t(all.frames.size()));
    return all;
  }
};

using Texts = std::vector<std::string>;

// The indices of a text; 'z' is the transparent one.
GifFrame frame(int left, int top, int width, int height, const std::string &text, int disposal) {
  GifFrame made{left, top, width, height, {}, disposal, 26};
  for (const char c : text) made.indices.push_back(uint8_t(c - 'a' + 1));
  return made;
}
GifFrame whole_of_a(int disposal = 1) { return frame(0, 0, 4, 3, "aaaaaaaaaaaa", disposal); }

TEST_F(Gif, KeepsWhatItIsToldToKeep) {
  EXPECT_EQ(shown(make_gif(4, 3, {whole_of_a(0), frame(1, 1, 2, 2, "bzzb", 1), frame(0, 0, 2, 1, "zc", 5)})).frames,
            (Texts{"aaaa/aaaa/aaaa/", "aaaa/abaa/aaba/", "acaa/abaa/aaba/"}));
}

TEST_F(Gif, ToBackgroundClearsTheWindowWithAndWithoutTransparency) {
  const GifFrame dot = frame(0, 0, 1, 1, "c", 1);
  for (const int background : {0, 5}) {  // browsers never show that colour
    EXPECT_EQ(shown(make_gif(4, 3, {whole_of_a(), frame(1, 1, 2, 2, "bbbb", 2), dot}, background)).frames,
              (Texts{"aaaa/aaaa/aaaa/", "aaaa/abba/abba/", "caaa/a..a/a..a/"}));
    EXPECT_EQ(shown(make_gif(4, 3, {whole_of_a(), frame(1, 1, 2, 2, "bzzb", 2), dot}, background)).frames,
              (Texts{"aaaa/aaaa/aaaa/", "aaaa/abaa/aaba/", "caaa/a..a/a..a/"}));
    EXPECT_EQ(shown(make_gif(4, 3, {whole_of_a(2), dot}, background)).frames,
              (Texts{"aaaa/aaaa/aaaa/", "c.../..../..../"}));
  }
}

TEST_F(Gif, ToPreviousBringsBackWhatWasThere) {
  for (const int back : {3, 4}) {
    // Two in a row that go back; then what a cleared window and the first frame itself go back to.
    EXPECT_EQ(shown(make_gif(4, 3,
                             {whole_of_a(), frame(0, 0, 2, 1, "bb", 1), frame(1, 0, 2, 2, "cccc", back),
                              frame(0, 1, 2, 2, "dzzd", back), frame(3, 2, 1, 1, "e", 1)}))
                  .frames,
              (Texts{"aaaa/aaaa/aaaa/", "bbaa/aaaa/aaaa/", "bcca/acca/aaaa/", "bbaa/daaa/adaa/", "bbaa/aaaa/aaae/"}));
    EXPECT_EQ(shown(make_gif(4, 3,
                             {whole_of_a(), frame(0, 0, 2, 1, "bb", 2), frame(1, 0, 2, 1, "cc", back),
                              frame(3, 2, 1, 1, "e", 1)}))
                  .frames,
              (Texts{"aaaa/aaaa/aaaa/", "bbaa/aaaa/aaaa/", ".cca/aaaa/aaaa/", "..aa/aaaa/aaae/"}));
    EXPECT_EQ(shown(make_gif(4, 3, {whole_of_a(back), frame(3, 2, 1, 1, "e", 1)})).frames,
              (Texts{"aaaa/aaaa/aaaa/", "..../..../...e/"}));
  }
}

TEST_F(Gif, FramesBeyondTheCanvasAreCut) {
  EXPECT_EQ(shown(make_gif(4, 3,
                           {whole_of_a(), frame(2, 1, 3, 3, "bcdefghij", 2), frame(4, 0, 1, 1, "k", 2),
                            frame(1, 3, 2, 1, "ll", 3), frame(65535, 65535, 1, 2, "mm", 2)}))
                .frames,
            (Texts{"aaaa/aaaa/aaaa/", "aaaa/aabc/aaef/", "aaaa/aa../aa../", "aaaa/aa../aa../", "aaaa/aa../aa../"}));
}

TEST_F(Gif, APartialFirstFrameLiesOnBlack) {
  EXPECT_EQ(shown(make_gif(4, 3, {frame(1, 1, 2, 1, "bc", 1), frame(0, 0, 1, 2, "zd", 1)}, 60)).frames,
            (Texts{"..../.bc./..../", "..../dbc./..../"}));
}

TEST_F(Gif, DelaysOfTenMillisecondsOrLessAreAHundred) {
  std::vector<GifFrame> frames;
  for (const int delay : {0, 1, 2, 10, 65535}) {
    frames.push_back(whole_of_a());
    frames.back().delay = delay;
  }
  EXPECT_EQ(shown(make_gif(4, 3, frames)).milliseconds, (std::vector<int64_t>{100, 100, 20, 100, 655350}));
  int64_t milliseconds = 0;
  const auto mean = [&](int64_t count) {
    read_clip(in_folder("a.gif"), count, 3, 4, {}, Resize::average, &milliseconds);
    return milliseconds;
  };
  EXPECT_EQ(mean(4), 80);
  EXPECT_EQ(mean(3), 73) << "220 / 3";
}

TEST_F(Gif, RowsOfInterlacedFramesComeInFourPasses) {
  // Every eighth row (0, 8), every eighth from 4, every fourth from 2 (2, 6), every second from 1 (1, 3, 5, 7).
  GifFrame rows = frame(0, 0, 1, 9, "abcdefghi", 1);
  rows.interlaced = true;
  EXPECT_EQ(shown(make_gif(1, 9, {rows})).frames, Texts{"a/f/d/g/c/h/e/i/b/"});
  GifFrame two = frame(0, 0, 1, 2, "ab", 1);
  two.interlaced = true;
  EXPECT_EQ(shown(make_gif(1, 2, {two})).frames, Texts{"a/b/"});
}

TEST_F(Gif, ATableOfItsOwnAndIndicesBeyondIt) {
  GifFrame own = frame(0, 0, 4, 1, "abcd", 1);  // indices 1 to 4 of a table of four
  for (const int colour : {9, 8, 7, 6})
    for (const uint8_t byte : gif_colour(colour)) own.colours.push_back(byte);
  EXPECT_EQ(shown(make_gif(4, 3, {whole_of_a(), own, frame(0, 1, 1, 1, "b", 1)})).frames,
            (Texts{"aaaa/aaaa/aaaa/", "hgfa/aaaa/aaaa/", "hgfa/baaa/aaaa/"}));
}

// LZW codes of values below 128, as GIF packs them: the table grows until it has 4096 strings and is cleared only where
// `clears`.
std::string lzw(const std::vector<uint8_t> &values, bool clears) {
  std::string packed;
  uint32_t buffer = 0;
  int held = 0, width = 8, next = 130;
  std::map<std::vector<uint8_t>, int> table;
  const auto put = [&](int code) {
    buffer |= uint32_t(code) << held;
    for (held += width; held >= 8; held -= 8, buffer >>= 8) packed.push_back(char(buffer));
  };
  const auto reset = [&] {
    table.clear();
    for (int i = 0; i < 128; ++i) table[{uint8_t(i)}] = i;
    width = 8, next = 130;
  };
  put(128);
  reset();
  std::vector<uint8_t> string;
  for (const uint8_t value : values) {
    std::vector<uint8_t> longer = string;
    longer.push_back(value);
    if (table.count(longer)) {
      string = longer;
      continue;
    }
    put(table[string]);
    if (next < 4096) {
      if (next == 1 << width && width < 12) ++width;  // the reader is one string behind
      table[longer] = next++;
    } else if (clears) {
      put(128);
      reset();
    }
    string = {value};
  }
  put(table[string]);
  if (next == 1 << width && width < 12) ++width;
  put(129);
  packed.push_back(char(buffer));
  return packed;
}

TEST_F(Gif, LongCodesAndAFullTable) {
  const int width = 150, height = 200;
  for (const int colours : {1, 3, 128}) {
    for (const bool clears : {true, false}) {
      GifFrame made{0, 0, width, height, {}, 1};
      uint32_t seed = 5;
      for (int i = 0; i < width * height; ++i)
        made.indices.push_back(uint8_t((seed = seed * 1664525 + 1013904223) >> 16) % colours);
      made.coded = lzw(made.indices, clears);
      write_text(in_folder("a.gif"), make_gif(width, height, {made, made}));
      const Clip clip = read_clip(in_folder("a.gif"), 2, height, width, {Crop::none});
      ASSERT_EQ(clip.size(), 2u);
      for (int i = 0; i < width * height; ++i) {
        const uint8_t *pixel = clip[1].at(i / width, i % width);
        ASSERT_EQ(std::vector<uint8_t>(pixel, pixel + 3), gif_colour(made.indices[size_t(i)])) << i << " " << clears;
      }
      if (!clears) continue;  // which the reader of pictures needs
      EXPECT_EQ(load_image(in_folder("a.gif")), clip[0]);
    }
  }
}

TEST_F(Gif, CodesThatCannotBeAreRefused) {
  const auto error = [&](const std::string &codes) {
    GifFrame made = whole_of_a();
    made.coded = codes;
    write_text(in_folder("a.gif"), make_gif(4, 3, {whole_of_a(), made}));
    return error_of([&] { read_gif(in_folder("a.gif"), 2, [](const Image &, int64_t) {}); });
  };
  const std::string refusal = in_folder("a.gif") + " is a corrupt GIF: frame 2 cannot be decoded";
  EXPECT_EQ(error("\x80\x82"), refusal) << "a string ahead of any";
  EXPECT_EQ(error("\x80\x01\x83"), refusal) << "a string that is not defined yet";
  EXPECT_EQ(error("\x80\x01\x01\x01\x81"), refusal) << "the end ahead of the last pixel";
  EXPECT_EQ(error("\x80\x01\x01\x01"), refusal) << "no end";
}

}  // namespace
}  // namespace coopnets
