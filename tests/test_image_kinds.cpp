// What a picture's file says beside its pixels: which way up it is, what is transparent, that it is no picture.
#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

#include "data/jpeg_files.h"
#include "data/png_files.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;

// Stored as a camera stores it, and what is to be seen: by the names of the Exif standard, row 0 and column 0 of what is
// stored are the top and the left side (1), top and right (2), bottom and right (3), bottom and left (4), left and top (5),
// right and top (6), right and bottom (7), left and bottom (8).
TEST(ImageKinds, PhotographsAreTurnedAsTheirExifSays) {
  Image stored(48, 64, 3, 128);  // a red corner at the top left, a blue one at the bottom right
  for (int64_t y = 0; y < 16; ++y)
    for (int64_t x = 0; x < 16; ++x) {
      std::copy_n(Bytes{255, 0, 0}.data(), 3, stored.at(y, x));
      std::copy_n(Bytes{0, 0, 255}.data(), 3, stored.at(47 - y, 63 - x));
    }
  Bytes jpeg;
  stbi_write_jpg_to_func(append_bytes, &jpeg, 64, 48, 3, stored.pixels.data(), 95);
  enum { top, bottom, left = top, right = bottom };
  const int red[8][2] = {{top, left}, {top, right}, {bottom, right}, {bottom, left},
                         {top, left}, {top, right}, {bottom, right}, {bottom, left}};
  for (int orientation = 1; orientation <= 8; ++orientation)
    for (const bool little : {false, true}) {
      const Bytes file = with_exif(jpeg, orientation, little);
      const Image seen = decode_image(file, "x");
      ASSERT_EQ(seen.height, orientation < 5 ? 48 : 64) << orientation;
      ASSERT_EQ(seen.width, orientation < 5 ? 64 : 48) << orientation;
      const auto corner = [&](int vertical, int horizontal) {
        return seen.at(vertical == top ? 4 : seen.height - 5, horizontal == left ? 4 : seen.width - 5);
      };
      const int *const at = red[orientation - 1];
      EXPECT_GT(corner(at[0], at[1])[0], 200) << orientation;
      EXPECT_LT(corner(at[0], at[1])[2], 60) << orientation;
      EXPECT_GT(corner(1 - at[0], 1 - at[1])[2], 200) << orientation;
      EXPECT_NEAR(corner(at[0], 1 - at[1])[0], 128, 10) << orientation;
      for (size_t size = 4; size < file.size() - jpeg.size(); ++size) {  // whatever is wrong with it, it is no crash
        Bytes damaged = file;
        damaged[size] ^= 0xFF;
        decode_damaged(damaged);
      }
    }
}

// The means of the blocks by their first coefficients, 11 10 11 10 steps of 8 above 128, an eighth of each; the cosine
// of the first block has 3 steps: 24 / (4 sqrt 2) cos((2 x + 1) pi / 16).
TEST(ImageKinds, AProgressiveJpegIsRead) {
  const Image image = decode_image(progressive_jpeg(), "x");
  ASSERT_EQ(image.shape(), (Shape{1, 1, 16, 16, 1}));
  for (const auto &[y, x, value] : std::vector<std::array<int, 3>>{
           {0, 0, 143}, {7, 0, 143}, {0, 7, 135}, {0, 8, 138}, {7, 15, 138}, {8, 0, 139}, {15, 7, 139}, {8, 8, 138}})
    EXPECT_NEAR(*image.at(y, x), value, 1) << y << ' ' << x;
}

// With no word from the sanitizers.
TEST(ImageKinds, ACorruptJpegMayEndAnywhereAndOverflow) {
  for (const Bytes &jpeg : {jpeg_without_its_last_number(), jpeg_that_overflows()}) decode_damaged(jpeg);
}

Bytes rgba_png(int width, int height, const Bytes &rgba) {
  Bytes png;
  stbi_write_png_to_func(append_bytes, &png, width, height, 4, rgba.data(), 4 * width);
  return png;
}

TEST(ImageKinds, TransparentPixelsLieOnABackground) {
  const Bytes png = rgba_png(3, 1, {10, 20, 30, 0, 40, 50, 60, 128, 70, 80, 90, 255});
  const Image black = decode_image(png, "x"), white = decode_image(png, "x", 3, Alpha::white);
  EXPECT_EQ(black.pixels, (Bytes{0, 0, 0, 20, 25, 30, 70, 80, 90}));  // 40 128/255 = 20.08
  EXPECT_EQ(white.pixels, (Bytes{255, 255, 255, 147, 152, 157, 70, 80, 90}));
  EXPECT_EQ(decode_image(png, "x", 3, Alpha::ignore).pixels, (Bytes{10, 20, 30, 40, 50, 60, 70, 80, 90}));
  EXPECT_TRUE(black.blended && white.blended && decode_image(png, "x", 1).blended);
  EXPECT_FALSE(decode_image(png, "x", 3, Alpha::ignore).blended);
  EXPECT_FALSE(decode_image(rgba_png(1, 1, {1, 2, 3, 255}), "x").blended);
  EXPECT_EQ(decode_image(rgba_png(1, 1, {1, 2, 3, 0}), "x").pixels, (Bytes{0, 0, 0}));
  // Grey with alpha.
  Bytes grey;
  const Bytes two = {200, 128, 100, 255};
  stbi_write_png_to_func(append_bytes, &grey, 2, 1, 2, two.data(), 4);
  EXPECT_EQ(decode_image(grey, "x").pixels, (Bytes{100, 100}));
  EXPECT_EQ(decode_image(grey, "x", 1, Alpha::white).pixels, (Bytes{227, 100}));
  // A TGA whose alpha is zero everywhere was written by a program that has none.
  Bytes tga;
  const Bytes colours = {1, 2, 3, 0, 4, 5, 6, 0};
  stbi_write_tga_to_func(append_bytes, &tga, 2, 1, 4, colours.data());
  EXPECT_EQ(decode_image(tga, "x").pixels, (Bytes{1, 2, 3, 4, 5, 6}));
  EXPECT_THROW(parse_alpha("grey"), std::runtime_error);
}

TEST(ImageKinds, TransparentColoursOfAPng) {
  // A palette of three colours, the first transparent, the second half; bits 00 01 10.
  const Bytes palette = png_of({{"IHDR", {0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 0, 0, 0}},
                                {"PLTE", {9, 9, 9, 40, 50, 60, 70, 80, 90}},
                                {"tRNS", {0, 128}},
                                {"IDAT", zlib_stored({0, 0x18})},
                                {"IEND", {}}});
  EXPECT_EQ(decode_image(palette, "x").pixels, (Bytes{0, 0, 0, 20, 25, 30, 70, 80, 90}));
  EXPECT_TRUE(decode_image(palette, "x").blended);
  EXPECT_EQ(decode_image(palette, "x", 3, Alpha::ignore).pixels, (Bytes{9, 9, 9, 40, 50, 60, 70, 80, 90}));
  // One grey value, or one colour, stands for nothing.
  const Bytes grey = png_of({{"IHDR", {0, 0, 0, 2, 0, 0, 0, 1, 8, 0, 0, 0, 0}},
                             {"tRNS", {0, 77}},
                             {"IDAT", zlib_stored({0, 77, 78})},
                             {"IEND", {}}});
  EXPECT_EQ(decode_image(grey, "x", 0, Alpha::white).pixels, (Bytes{255, 78}));
  const Bytes colour = png_of({{"IHDR", {0, 0, 0, 2, 0, 0, 0, 1, 8, 2, 0, 0, 0}},
                               {"tRNS", {0, 1, 0, 2, 0, 3}},
                               {"IDAT", zlib_stored({0, 1, 2, 3, 4, 5, 6})},
                               {"IEND", {}}});
  EXPECT_EQ(decode_image(colour, "x").pixels, (Bytes{0, 0, 0, 4, 5, 6}));
}

// Blue, green, red, times alpha, and deflate without zlib's wrapping.
TEST(ImageKinds, AnIPhonesPngHasItsColours) {
  const Bytes png = png_of({{"CgBI", {0x50, 0, 0x20, 2}},
                            {"IHDR", {0, 0, 0, 2, 0, 0, 0, 1, 8, 6, 0, 0, 0}},
                            {"IDAT", stored_block({0, 30, 20, 10, 255, 30, 25, 20, 128})},
                            {"IEND", {}}});
  const Image image = decode_image(png, "x");
  EXPECT_EQ(Bytes(image.pixels.begin(), image.pixels.begin() + 3), (Bytes{10, 20, 30}));
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(image.pixels[size_t(3 + c)], 20 + 5 * c, 1);
}

// Of a chunk that a picture can do without, no CRC matters: other readers show the picture, too.
TEST(ImageKinds, ADamagedCommentIsNoDamagedPicture) {
  Bytes png = encode_png(noise(3, 4, 3));
  Bytes comment;
  append_chunk(comment, "tEXt", bytes_of("a", {0, 'b'}));
  comment.back() ^= 1;
  png.insert(png.begin() + 33, comment.begin(), comment.end());
  EXPECT_EQ(decode_image(png, "x"), noise(3, 4, 3));
}

// Wherever they stray into the coded data, or behind it: other readers pass over them, too.
TEST(ImageKinds, StrayRestartMarkersOfAJpegArePassedOver) {
  const Bytes jpeg = encode(smooth(64, 48, 3), "jpg"), mark = {0xFF, 0xD3};
  const Image seen = decode_image(jpeg, "x");
  const auto with = [](Bytes to, size_t at, const Bytes &more) {
    to.insert(to.begin() + ptrdiff_t(at), more.begin(), more.end());
    return to;
  };
  size_t data = 2;  // where the coded data begin
  while (jpeg[data + 1] != 0xDA) data += 2 + size_t(jpeg[data + 2] << 8 | jpeg[data + 3]);
  const size_t scan = data;
  data += 2 + size_t(jpeg[data + 2] << 8 | jpeg[data + 3]);
  int places = 0;
  for (size_t at = data; at <= jpeg.size() - 2; at += 1 + at % 7) {
    if (jpeg[at - 1] == 0xFF) continue;  // between an ff and its 00
    EXPECT_EQ(decode_image(with(jpeg, at, mark), "x"), seen) << at;
    ++places;
  }
  EXPECT_GT(places, 20);
  const size_t end = jpeg.size() - 2;
  EXPECT_EQ(decode_image(with(with(jpeg, end, mark), end, mark), "x"), seen);
  const Bytes declared = with(with(jpeg, end, mark), scan, {0xFF, 0xDD, 0, 4, 0xFF, 0xFF});  // every 65535 blocks
  EXPECT_EQ(decode_image(declared, "x"), seen);
}

TEST(ImageKinds, WhatIsNoPictureIsNamed) {
  const auto why = [](const std::string &begin) {
    const Bytes bytes(begin.begin(), begin.end());
    try {
      decode_image(bytes, "a.jpg");
    } catch (const std::runtime_error &error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string size("\0\0\0\x18", 4);
  const std::pair<std::string, std::string> known[] = {{size + "ftypheic....", "HEIC"},
                                                       {size + "ftypmif1....", "HEIC"},
                                                       {size + "ftypavif....", "AVIF"},
                                                       {"\xFF\x0A....", "JPEG XL"},
                                                       {size + "JXL \r\n", "JPEG XL"},
                                                       {size + "jP  \r\n", "JPEG 2000"},
                                                       {std::string("II*\0....", 8), "TIFF"},
                                                       {std::string("MM\0*....", 8), "TIFF"},
                                                       {"P4 8 8\n", "PBM"},
                                                       {"P7\nWIDTH 3", "PAM"},
                                                       {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
                                                       {"\n <!DOCTYPE html>", "web page"},
                                                       {"<html><head>", "web page"}};
  for (const auto &[begin, what] : known) {
    EXPECT_EQ(why(begin).find("cannot read the picture a.jpg: it is "), 0u) << why(begin);
    EXPECT_NE(why(begin).find(what), std::string::npos) << why(begin);
  }
  // Kinds of JPEG: the frame's header follows the first tables.
  Bytes jpeg = encode(smooth(16, 16, 3), "jpg");
  size_t frame = 2;
  while (jpeg[frame + 1] != 0xC0) frame += 2 + size_t(jpeg[frame + 2] << 8 | jpeg[frame + 3]);
  const auto changed = [&](size_t at, uint8_t to) {
    Bytes other = jpeg;
    other[at] = to;
    return why(std::string(other.begin(), other.end()));
  };
  EXPECT_NE(changed(frame + 1, 0xC9).find("arithmetic coding"), std::string::npos);
  EXPECT_NE(changed(frame + 1, 0xC3).find("lossless"), std::string::npos);
  EXPECT_NE(changed(frame + 4, 12).find("12 bits a sample"), std::string::npos);
}

}  // namespace
}  // namespace coopnets
