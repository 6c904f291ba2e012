#include "data/animation.h"

#include <cmath>

#include "clips.h"
#include "data/picture_files.h"

namespace coopnets {
namespace {

using Animation = Clips;
using Bytes = std::vector<uint8_t>;

struct Chunk {
  std::string letters;
  Bytes data;
};

uint32_t number(const Bytes &bytes, size_t at) {
  return uint32_t{bytes.at(at)} << 24 | uint32_t{bytes.at(at + 1)} << 16 | uint32_t{bytes.at(at + 2)} << 8 |
         bytes.at(at + 3);
}

// The check sum of a chunk, bit by bit as in its definition.
uint32_t check_sum(const uint8_t *bytes, size_t count) {
  uint32_t remainder = 0xFFFFFFFF;
  for (size_t i = 0; i < count; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      const bool carry = (remainder ^ bytes[i] >> bit) & 1;
      remainder = remainder >> 1 ^ (carry ? 0xEDB88320 : 0);
    }
  }
  return ~remainder;
}

// The chunks of a PNG file; fails the test at a wrong signature, length or check sum.
std::vector<Chunk> chunks(const Bytes &file) {
  std::vector<Chunk> found;
  EXPECT_EQ(std::string(file.begin(), file.begin() + 8), "\x89PNG\r\n\x1A\n");
  size_t at = 8;
  while (at + 12 <= file.size()) {
    const size_t length = number(file, at);
    if (at + 12 + length > file.size()) break;
    EXPECT_EQ(check_sum(&file[at + 4], 4 + length), number(file, at + 8 + length)) << found.size();
    const auto start = file.begin() + int64_t(at);
    found.push_back({{start + 4, start + 8}, {start + 8, start + 8 + int64_t(length)}});
    at += 12 + length;
  }
  EXPECT_EQ(at, file.size());
  return found;
}

// A still PNG with these compressed pixels, decoded by the reader of pictures.
Image decode(const Bytes &header, const Bytes &pixels) {
  Bytes file{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  const auto append_number = [&](uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) file.push_back(uint8_t(value >> shift));
  };
  const auto append = [&](const std::string &letters, const Bytes &data) {
    append_number(uint32_t(data.size()));
    file.insert(file.end(), letters.begin(), letters.end());
    file.insert(file.end(), data.begin(), data.end());
    append_number(check_sum(&file[file.size() - 4 - data.size()], 4 + data.size()));
  };
  append("IHDR", header);
  append("IDAT", pixels);
  append("IEND", {});
  return decode_image(file, "frame");
}

TEST_F(Animation, EveryFrameComesBackFromItsChunks) {
  for (int64_t channels : {1, 3}) {
    Clip clip = noise_clip(5, 12, 17, channels);
    clip[3] = clip[2];  // an equal frame is still a frame
    const std::vector<Chunk> found = chunks(encode_apng(clip, 40));
    ASSERT_EQ(found.size(), 2u + 2 * 5 + 1);
    EXPECT_EQ(found[0].letters, "IHDR");
    EXPECT_EQ(number(found[0].data, 0), 17u);
    EXPECT_EQ(number(found[0].data, 4), 12u);
    EXPECT_EQ(found[1].letters, "acTL");
    EXPECT_EQ(found[1].data, (Bytes{0, 0, 0, 5, 0, 0, 0, 0})) << "five frames, for ever";
    uint32_t sequence = 0;
    for (size_t t = 0; t < 5; ++t) {
      const Chunk &control = found[2 + 2 * t], &pixels = found[3 + 2 * t];
      EXPECT_EQ(control.letters, "fcTL");
      Bytes expected{0, 0, 0, uint8_t(sequence++), 0, 0, 0, 17, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0};
      expected.insert(expected.end(), {0, 40, 1000 >> 8, 1000 & 255, 0, 0});
      EXPECT_EQ(control.data, expected);
      Bytes data = pixels.data;
      if (t == 0) {
        EXPECT_EQ(pixels.letters, "IDAT");
      } else {
        EXPECT_EQ(pixels.letters, "fdAT");
        EXPECT_EQ(number(data, 0), sequence++);
        data.erase(data.begin(), data.begin() + 4);
      }
      EXPECT_EQ(decode(found[0].data, data), clip[t]) << t;
    }
    EXPECT_EQ(found.back().letters, "IEND");
  }
}

TEST_F(Animation, IsAPictureToWhoKnowsNoAnimation) {
  const Clip clip = noise_clip(3, 8, 9);
  write_bytes(in_folder("a.png"), encode_apng(clip));
  EXPECT_EQ(load_image(in_folder("a.png")), clip[0]);
}

TEST_F(Animation, IsReadAgainAsAClip) {
  for (int64_t channels : {1, 3}) {
    Clip clip = noise_clip(5, 12, 17, channels);
    clip[3] = clip[2];
    write_bytes(in_folder("a.png"), encode_apng(clip, 40));
    int64_t milliseconds = 0;
    const Clip back = read_clip(in_folder("a.png"), 9, 12, 17, {Crop::none}, Resize::average, &milliseconds);
    EXPECT_EQ(milliseconds, 40);
    ASSERT_EQ(back.size(), 5u);
    for (size_t t = 0; t < 5; ++t) EXPECT_EQ(back[t], with_channels(clip[t], 3)) << t;
    EXPECT_EQ(read_clip(in_folder("a.png"), 2, 12, 17, {Crop::none}).size(), 2u);
  }
}

TEST_F(Animation, WhatCannotBeWrittenIsRefused) {
  EXPECT_THROW(encode_apng({}), std::invalid_argument);
  EXPECT_THROW(encode_apng(Clip{Image(2, 3, 3), Image(3, 2, 3)}), std::invalid_argument);
  EXPECT_THROW(encode_apng(noise_clip(1, 2, 2), 0), std::invalid_argument);
  EXPECT_THROW(encode_apng(noise_clip(1, 2, 2), 65536), std::invalid_argument);
  EXPECT_THROW(side_by_side({}), std::invalid_argument);
  EXPECT_THROW(side_by_side({noise_clip(2, 3, 3), noise_clip(3, 3, 3)}), std::invalid_argument);
  EXPECT_THROW(strip({noise_clip(2, 3, 3), noise_clip(2, 3, 4)}), std::invalid_argument);
  EXPECT_THROW(strip({noise_clip(2, 3, 3)}, 0), std::invalid_argument);
}

TEST_F(Animation, ClipsSideBySide) {
  const Clip a = noise_clip(2, 4, 5, 3, 1), b = noise_clip(2, 4, 5, 3, 2), c = noise_clip(2, 4, 5, 3, 3);
  const Clip row = side_by_side({a, b, c}, 0, 2), square = side_by_side({a, b, c}, 2, 1);
  ASSERT_EQ(row.size(), 2u);
  for (size_t t = 0; t < 2; ++t) {
    EXPECT_EQ(row[t].shape(), (Shape{1, 1, 4, 3 * 5 + 2 * 2, 3}));
    EXPECT_EQ(crop(row[t], 0, 0, 4, 5), a[t]);
    EXPECT_EQ(crop(row[t], 0, 14, 4, 5), c[t]);
    EXPECT_EQ(square[t].shape(), (Shape{1, 1, 9, 11, 3}));
    EXPECT_EQ(crop(square[t], 0, 6, 4, 5), b[t]);
    EXPECT_EQ(crop(square[t], 5, 0, 4, 5), c[t]);
  }
}

TEST_F(Animation, StripOfEveryThirdFrame) {
  const Clip a = noise_clip(8, 4, 5, 3, 1), b = noise_clip(8, 4, 5, 3, 2);
  const Image rows = strip({a, b}, 3, 1);
  EXPECT_EQ(rows.shape(), (Shape{1, 1, 9, 17, 3}));
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(crop(rows, 0, 6 * i, 4, 5), a[size_t(3 * i)]);
    EXPECT_EQ(crop(rows, 5, 6 * i, 4, 5), b[size_t(3 * i)]);
  }
}

// --- mp4 ------------------------------------------------------------------------------------------------------------

constexpr const char *keep_input = "for last; do :; done; cat > \"${last#file:}\"\n";

TEST_F(Animation, FramesGoToFfmpegThroughAPipe) {
  fake_ffmpeg(keep_input);
  const Clip clip = noise_clip(40, 60, 70);  // more than a pipe holds
  const std::string path = in_folder("-a:b.mp4");
  save_mp4(path, clip, 40);
  std::string pixels;
  for (const Image &frame : clip) pixels.append(frame.pixels.begin(), frame.pixels.end());
  EXPECT_EQ(read_text(path), pixels);
  EXPECT_FALSE(std::filesystem::exists(path + ".ffmpeg"));
  const std::string arguments = read_text(in_folder("bin/arguments"));
  EXPECT_CONTAINS(arguments, "\n-pixel_format\nrgb24\n-video_size\n70x60\n-framerate\n1000/40\n") << arguments;
}

TEST_F(Animation, AFailingFfmpegLeavesTheOldFile) {
  const std::string path = in_folder("a.mp4");
  write_text(path, "old");
  // It reads nothing; it reads all and fails; it makes nothing.
  fake_ffmpeg("echo 'no encoder' >&2; exit 1");
  EXPECT_EQ(error_of([&] { save_mp4(path, noise_clip(30, 100, 100)); }),
            "cannot write " + path + ": ffmpeg said: no encoder");
  fake_ffmpeg(std::string(keep_input) + "exit 5");
  EXPECT_EQ(error_of([&] { save_mp4(path, noise_clip(3, 10, 10)); }),
            "cannot write " + path + ": ffmpeg failed with status 5");
  fake_ffmpeg("cat > /dev/null");
  EXPECT_CONTAINS(error_of([&] { save_mp4(path, noise_clip(3, 10, 10)); }), path);
  no_ffmpeg();
  EXPECT_FALSE(can_save_mp4());
  EXPECT_EQ(error_of([&] { save_mp4(path, noise_clip(3, 10, 10)); }),
            "cannot write " + path + ": the program ffmpeg, which makes mp4, is not installed");
  EXPECT_EQ(read_text(path), "old");
  EXPECT_FALSE(std::filesystem::exists(path + ".ffmpeg"));
}

// With the real program, where there is one: what is written is read back, within what the compression loses.
TEST_F(Animation, RealFfmpegReadsBackWhatItWrote) {
  if (!can_save_mp4()) GTEST_SKIP() << "ffmpeg is not installed";
  Clip clip;
  for (int t = 0; t < 12; ++t) {
    clip.emplace_back(33, 47, 3);  // odd sizes
    for (int64_t i = 0; i < 33 * 47; ++i) {
      for (int64_t c = 0; c < 3; ++c) clip.back().pixels[size_t(3 * i + c)] = uint8_t(20 + 15 * t + i / 47);
    }
  }
  const std::string path = in_folder("-a: b.mp4");
  for (int milliseconds : {70, 333, 7}) {  // rates unlike that at which frames are asked for: each comes once
    save_mp4(path, clip, milliseconds);
    const Clip back = read_clip(path, 13, 34, 48, {Crop::none});
    ASSERT_EQ(back.size(), 12u) << milliseconds;
    for (size_t t = 0; t < 12; ++t) {
      double difference = 0;
      const Image inside = crop(back[t], 0, 0, 33, 47);
      for (size_t i = 0; i < inside.pixels.size(); ++i) difference += std::abs(inside.pixels[i] - clip[t].pixels[i]);
      EXPECT_LE(difference / double(inside.pixels.size()), 4) << t;
    }
  }
  write_text(path, read_text(path).substr(0, 300));
  EXPECT_CONTAINS(error_of([&] { read_clip(path, 12, 34, 48); }), "cannot read " + path + ": ffmpeg said: ");
}

}  // namespace
}  // namespace coopnets
